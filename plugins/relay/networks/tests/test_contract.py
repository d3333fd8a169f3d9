"""The conformance kit, with and without networks."""

from __future__ import annotations

import pytest
from thurn_relay_networks.factory import NetworksSettings, networks
from thurn_testing.contracts.relay import check_relay
from thurn_testing.fakes.context import FakeContext
from thurn_testing.fakes.session import make_identity, make_session

OFFICE = make_session(peer="10.1.2.3")
MAPPED = make_session(peer="::ffff:10.1.2.3")
SIX = make_session(peer="2001:db8::7")
SOCKET = make_session(peer=None)
LOGIN = make_session(identity=make_identity("alice"))


@pytest.mark.parametrize(
    ("texts", "permitted", "asked_on"),
    [
        (["10.0.0.0/8", "2001:db8::/32"], [OFFICE, MAPPED, SIX], [SOCKET, LOGIN]),
        (["10.1.2.3"], [OFFICE], [SIX, make_session(peer="10.1.2.30")]),
        (["::ffff:10.0.0.0/104"], [OFFICE], [SIX]),
        ([], [], [OFFICE, SIX, SOCKET, LOGIN, make_session(peer="127.0.0.1")]),
    ],
)
async def test_contract(tmp_path, texts, permitted, asked_on):
    config = NetworksSettings(networks=texts)
    async with networks.open(config, FakeContext(tmp_path)) as policy:
        await check_relay(policy, permitted=permitted, asked_on=asked_on)
