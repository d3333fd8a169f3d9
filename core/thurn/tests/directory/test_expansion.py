"""What an address leads to: accounts, hosts of the site's own, the world; rings and depth."""

from __future__ import annotations

import pytest
from thurn.contracts.account import Alias, Local, Route, UnknownAddress
from thurn.directory.expansion import ALIAS_DEPTH, expand
from thurn.types.address import Address
from thurn.types.envelope import Recipient
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId
from thurn_testing.fakes.session import RecordingEntry


def address(text):
    return Address.parse(text if "@" in text else f"{text}@example.org")


class Names:
    """A directory of `example.org` with these resolutions."""

    def __init__(self, **resolutions):
        self.resolutions = resolutions

    async def resolve(self, asked):
        if asked.domain != "example.org":
            return UnknownAddress(False)
        return self.resolutions.get(asked.local, UnknownAddress(True))


def alias(*names):
    return Alias(tuple(map(address, names)))


async def follow(names, whom):
    journal = RecordingEntry()
    expansion = await expand(names, Recipient(address(whom)), journal)
    targets = [(str(t.recipient.address), t.account, t.next_hop) for t in expansion.targets]
    return expansion, targets, journal.stages


async def test_an_alias_leads_to_accounts_hosts_and_the_world():
    names = Names(
        team=alias("ann", "old", "x@elsewhere.example", "ann+copy", "team"),
        ann=Local(AccountId("ann")),
        old=Route("mx.old.example", address("old@inside.example")),
        **{"ann+copy": Local(AccountId("ann"), "copy")},
    )
    expansion, targets, _ = await follow(names, "team")
    assert targets == [
        ("ann@example.org", "ann", ""),
        ("old@inside.example", None, "mx.old.example"),
        ("x@elsewhere.example", None, ""),
    ]
    assert (expansion.foreign, expansion.alias) == (False, True)
    assert {t.recipient.original for t in expansion.targets} == {address("team")}


async def test_what_is_not_ours_is_its_own_target():
    expansion, targets, _ = await follow(Names(), "x@elsewhere.example")
    assert targets == [("x@elsewhere.example", None, "")]
    assert expansion.foreign


async def test_nobody_of_ours_has_no_target():
    expansion, targets, _ = await follow(Names(), "nobody")
    assert (targets, expansion.foreign, expansion.alias) == ([], False, False)


async def test_a_dangling_alias_is_journalled():
    expansion, targets, stages = await follow(Names(team=alias("gone")), "team")
    assert (targets, expansion.alias) == ([], True)
    assert stages == [("alias", "team@example.org", "lost")]


async def test_a_nested_alias_past_the_bound_is_trouble():
    names = {f"a{n}": alias(f"a{n + 1}") for n in range(ALIAS_DEPTH)}
    with pytest.raises(TemporaryFailure):
        await follow(Names(**names), "a0")
