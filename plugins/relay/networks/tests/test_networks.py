"""Settings that would open the relay are refused, and the table shows what is configured."""

from __future__ import annotations

import pytest
import trio
from pydantic import ValidationError
from thurn.plugin import Address, Recipient, TemporaryFailure
from thurn_kit.grants import GrantTable, parse_network
from thurn_relay_networks.factory import NetworksSettings, networks
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_session, make_transaction

TEN = "10.0.0.0/8"


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["0.0.0.0/0"], "open relay"),
        (["::/0"], "open relay"),
        (["0.0.0.0/1", "128.0.0.0/1"], "open relay"),
        (["64:ff9b::/96"], "open relay"),
        (["2002::/16"], "open relay"),
        (["2001::/20"], "open relay"),
        (["::ffff:0:0/96"], "open relay"),
        (["10.0.0.1/8"], "host bits"),
        (["office"], "write a network"),
        (["[::1]"], "write a network"),
    ],
)
def test_refused_before_anything_starts(texts, word):
    with pytest.raises(ValidationError, match=word):
        NetworksSettings(networks=texts)


async def test_an_open_relay_on_purpose_is_logged_at_each_start(tmp_path):
    config = NetworksSettings(networks=["0.0.0.0/0"], open_relay_on_purpose=True)
    context = FakeContext(tmp_path)
    async with networks.open(config, context) as policy:
        stranger = make_transaction(make_session())
        assert await policy.may_relay(stranger, Recipient(Address.parse("x@y.example")))
    assert context.diagnostics.events == ["relay.open_on_purpose"]


async def test_destinations_and_reason(tmp_path):
    config = NetworksSettings(networks=[TEN], destinations=["A.example"])
    async with networks.open(config, FakeContext(tmp_path)) as policy:
        transaction = make_transaction(make_session(peer="10.0.0.1"))
        answer = await policy.may_relay(transaction, Recipient(Address.parse("x@a.example")))
        assert (answer.reason, answer.detail) == ("relay.network", "10.0.0.0/8 (test.toml:2)")
        other = Recipient(Address.parse("x@b.example"))
        assert await policy.may_relay(transaction, other) is None


class Site:
    """Several generations of one instance over one state."""

    def __init__(self, base):
        self.base, self.clock = base, ManualClock()
        self.state = MemoryState(Rows(), self.clock)
        self.table = GrantTable(self.state, self.clock)

    def open(self, *texts, name="relay.office", serving=True, **settings):
        context = FakeContext(self.base, name=name, clock=self.clock, given=Given(state=self.state))
        context.serving = serving
        return networks.open(NetworksSettings(networks=texts, **settings), context)

    async def rows(self):
        return sorted((str(g.source), g.granted_by) for g in await self.table.entries())


async def test_the_table_shows_what_is_configured(tmp_path):
    site = Site(tmp_path)
    async with site.open(TEN, "10.1.0.0/16"), site.open(TEN, name="relay.home"):
        assert await site.rows() == [
            ("10.0.0.0/8", "relay.home"),
            ("10.0.0.0/8", "relay.office"),
            ("10.1.0.0/16", "relay.office"),
        ]
        [grant] = [g for g in await site.table.entries() if g.granted_by == "relay.home"]
        assert grant.reason == "test.toml:2"
    async with site.open(TEN):
        assert ("10.1.0.0/16", "relay.office") not in await site.rows()
    site.clock.advance(181)  # the instance is closed, and its rows have ended
    assert await site.rows() == []


async def test_rows_are_renewed_as_long_as_the_instance_is_open(tmp_path, autojump_clock):
    site = Site(tmp_path)
    async with site.open(TEN):
        for _ in range(10):
            await trio.sleep(45)
            site.clock.advance(45)
        assert await site.rows() == [(TEN, "relay.office")]


async def test_an_old_generation_does_not_write_removed_rows_again(tmp_path, autojump_clock):
    site = Site(tmp_path)
    async with site.open(TEN), site.open("192.168.0.0/16"):
        await trio.sleep(100)
        assert await site.rows() == [("192.168.0.0/16", "relay.office")]


async def test_rows_are_written_again_after_the_machine_was_suspended(tmp_path, autojump_clock):
    site = Site(tmp_path)
    async with site.open(TEN):
        await trio.sleep(1)
        site.clock.advance(10_000)
        assert await site.rows() == []
        await trio.sleep(50)
        assert await site.rows() == [(TEN, "relay.office")]


async def test_a_process_that_does_not_serve_writes_no_rows(tmp_path):
    site = Site(tmp_path)
    await site.table.grant(
        parse_network(TEN), reason="", granted_by="relay.office", lifetime_seconds=9
    )
    async with site.open("192.168.0.0/16", serving=False):
        assert await site.rows() == [(TEN, "relay.office")]


class Broken:
    """A state whose tables fail."""

    def table(self, name):
        return self

    def __getattr__(self, name):
        async def fails(*_, **__):
            raise TemporaryFailure("broken")

        return fails


async def test_a_failing_table_is_logged_and_changes_nothing(tmp_path):
    context = FakeContext(tmp_path, given=Given(state=Broken()))
    async with networks.open(NetworksSettings(networks=[TEN]), context) as policy:
        transaction = make_transaction(make_session(peer="10.0.0.1"))
        assert await policy.may_relay(transaction, Recipient(Address.parse("x@y.example")))
    assert context.diagnostics.events == ["relay.networks_not_shown"]


@pytest.mark.parametrize("value", [5, 0, 3.0, True, ["10.0.0.0/8"]])
def test_a_network_that_is_not_a_text(value):
    """The standard library would read 5 as 0.0.0.5."""
    with pytest.raises(ValueError, match="is not a text"):
        NetworksSettings(networks=[value])
