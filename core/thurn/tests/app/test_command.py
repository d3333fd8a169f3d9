"""Commands of plugins open a part of a site in a process of their own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import pytest
from thurn.app.command import Opener, part_of
from thurn.config.files import of_tables, read
from thurn.config.instances import load
from thurn.contracts.command import CommandSite
from thurn.hooks.registry import Registry
from thurn.plugin import Context, NoSettings, Recipient, Transaction, plugin
from thurn.types.address import Address
from thurn.types.identity import AccountId
from thurn_testing.fakes.resolver import StaticResolver, static_plugin
from thurn_testing.fakes.service import IdleService

SITE = """
[site]
hostname = "mail.test"
data = "data"
store = "main"
state = "shared"
accounts = ["people"]
allow_root = true

[store.main]
type = "spool"

[state.shared]
type = "sqlite"

[account.people]
type = "file"
file = "people.toml"

[listener.pop]
type = "pop3"
bind = ["127.0.0.1:0"]
accounts = ["people"]
tls = "own"

[tls.own]
type = "selfsigned"
"""
PEOPLE = """
domains = ["mail.test"]

[accounts.ann]
addresses = ["ann@mail.test"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "people.toml").write_text(PEOPLE)
    (tmp_path / "people.toml").chmod(0o600)
    path = tmp_path / "thurn.toml"
    path.write_text(SITE)
    return path


def test_a_command_opens_its_roles_and_the_state_alone(site: Path) -> None:
    part, with_log = part_of(load(read([site])), ["account"])
    assert set(part.instances) == {("account", "people"), ("state", "shared")}
    assert not with_log


def test_a_command_sees_the_names_of_what_it_has_not_opened(site: Path) -> None:
    async def action(opened: CommandSite) -> tuple[list[str], list[str]]:
        stores = [name for name, _ in opened.instances("store")]
        return stores, [*opened.names("store")]

    assert Opener().run(action, config=[site], roles=["account"]) == ([], ["main"])


def test_a_command_that_writes_records_opens_all_owners(site: Path) -> None:
    part, with_log = part_of(load(read([site])), ["store"])
    assert set(part.instances) == {
        ("account", "people"),
        ("state", "shared"),
        ("store", "main"),
    }
    assert with_log


def test_who_needs_the_resolver_has_it(site: Path) -> None:
    class Asking(NoSettings):
        @property
        def needs_resolver(self) -> bool:
            return True

    @plugin("service", "asking")
    @asynccontextmanager
    async def asking(config: Asking) -> AsyncIterator[IdleService]:
        yield IdleService()

    registry = Registry()
    registry.add(asking)
    registry.add(static_plugin(StaticResolver()))
    tables = {**tomllib.loads(SITE), "service": {"one": {"type": "asking"}}}
    tables |= {"resolver": {"dns": {"type": "static"}}}
    tables["site"]["resolver"] = "dns"
    config = load(of_tables(tables, site.parent), registry)
    assert ("resolver", "dns") not in part_of(config, ["account"])[0].instances
    assert ("resolver", "dns") in part_of(config, ["service"])[0].instances


def test_state_without_the_log(site: Path) -> None:
    async def act(opened: CommandSite) -> bytes | None:
        await opened.state.table("t").put("k", b"v")
        return await opened.state.table("t").get("k")

    assert Opener().run(act, config=[site], roles=[]) == b"v"
    assert not (site.parent / "data" / "log").exists()


def test_a_document_put_by_one_command_is_seen_by_the_next(site: Path) -> None:
    async def put(opened: CommandSite) -> None:
        account = await opened.open_account(AccountId("ann"))
        await account.put_document("sieve", "main", b"keep;")

    async def get(opened: CommandSite) -> bytes:
        assert await opened.directory.resolve(Address.parse("ann@mail.test"))
        account = await opened.open_account(AccountId("ann"))
        document = await account.document("sieve", "main")
        assert document is not None
        return document.content

    Opener().run(put, config=[site], roles=["store"])
    assert Opener().run(get, config=[site], roles=["store"]) == b"keep;"


def test_what_a_command_opens_does_not_serve(site: Path) -> None:
    async def act(opened: CommandSite) -> list[bool]:
        return [looking.serving for _, looking in opened.instances("relay")]

    class Looking:
        def __init__(self, context: Context) -> None:
            self.serving = context.serving

        async def may_relay(self, transaction: Transaction, recipient: Recipient) -> None:
            raise AssertionError

    @plugin("relay", "looking")
    @asynccontextmanager
    async def looking(context: Context) -> AsyncIterator[Looking]:
        yield Looking(context)

    registry = Registry()
    registry.add(looking)
    tables = {**tomllib.loads(SITE), "relay": {"looking": {"type": "looking"}}}
    tables["listener"] = {"in": {"type": "smtp", "bind": ["127.0.0.1:0"], "relay": ["looking"]}}
    config = load(of_tables(tables, site.parent), registry)
    assert Opener()._opened(config, act, ["relay"]) == [False]


def test_all_findings_are_told(site: Path) -> None:
    site.write_text(SITE.replace('type = "spool"', 'typ = "spool"'))

    async def act(opened: CommandSite) -> None:
        raise AssertionError

    with pytest.raises(click.ClickException, match=r"thurn\.toml:\d+: store\.main"):
        Opener().run(act, config=[site], roles=[])


def test_the_umask_is_as_before_afterwards(site: Path) -> None:
    """A process that runs a command in itself creates files of its own later."""

    async def act(opened: CommandSite) -> int:
        inside = os.umask(0o077)
        os.umask(inside)
        return inside

    async def fail(opened: CommandSite) -> None:
        raise click.ClickException("no")

    before = os.umask(0o022)
    try:
        assert Opener().run(act, config=[site], roles=[]) == 0o077
        with pytest.raises(click.ClickException):
            Opener().run(fail, config=[site], roles=[])
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
