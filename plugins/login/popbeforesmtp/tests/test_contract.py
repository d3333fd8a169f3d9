"""The conformance kit."""

from __future__ import annotations

from thurn_login_popbeforesmtp.factory import PopBeforeSmtpSettings, popbeforesmtp
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.contracts.login import check_login
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_session


async def test_contract(tmp_path):
    context = FakeContext(tmp_path)
    context = FakeContext(tmp_path, given=Given(state=MemoryState(Rows(), context.clock)))
    admitted = [make_session(peer=p, protocol="pop3") for p in ("192.0.2.7", "::1", None)]
    async with popbeforesmtp.open(PopBeforeSmtpSettings(), context) as policy:
        await check_login(policy, admitted=admitted)
