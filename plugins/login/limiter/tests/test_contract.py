"""The conformance kit."""

from __future__ import annotations

import pytest
from thurn_testing.contracts.login import check_login
from thurn_testing.fakes.session import make_session


@pytest.mark.slow
async def test_contract(door):
    worker = await door()
    admitted = [make_session(protocol=name) for name in ("smtp", "pop3", "imap")]
    await check_login(worker.policy, admitted=[*admitted, make_session(peer=None)])


async def test_a_banned_address(door):
    worker = await door(failures=1)
    await worker.fail(1)
    banned = make_session(peer="198.51.100.7")
    await check_login(worker.policy, admitted=[make_session()], forbidden=[banned])
