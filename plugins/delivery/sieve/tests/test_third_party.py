"""Extensions of other plugins: the role `sieve`."""

from __future__ import annotations

import smtplib
from contextlib import asynccontextmanager

import pytest
import trio
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import (
    Address,
    ConfigError,
    Content,
    Delivery,
    Envelope,
    Recipient,
    Settings,
    Status,
    plugin,
    sieve_command,
    sieve_test,
)
from thurn_sieve.errors import RunError
from thurn_sieve.registry import Command, Extension
from thurn_testing.server import open_server


def _weekend(rt, args):
    return rt.context.now.isoweekday() > 5


@plugin("sieve", "weekend")
@asynccontextmanager
async def weekend():
    yield Extension(
        "vnd.example.weekend", commands=[Command("weekend", (), kind="test", run=_weekend)]
    )


@plugin("sieve", "nonsense")
@asynccontextmanager
async def nonsense():
    yield 42


def test_the_role_is_known_once_the_filter_is():
    registry = Registry()
    assert list(registry.load(["delivery.sieve"])) == []
    assert "sieve" in registry.roles()


@asynccontextmanager
async def site_with(extension, base, tables):
    """A site that loads the filter's entry point and then the extension's, as at a start."""
    registry = Registry()
    assert list(registry.load(["delivery.sieve"])) == []
    registry.add(extension)
    tables["sieve"] = {"one": {"type": extension.type_name}}
    async with open_site(load(of_tables(tables, base), registry)) as site:
        yield site


async def test_an_extension_of_another_plugin(tmp_path, site_tables):
    async with site_with(weekend, tmp_path, site_tables(tmp_path, extensions=["one"])) as site:
        engine = site.products["delivery", "sieve"].parts.engine
        assert "vnd.example.weekend" in engine.registry.capabilities()
        engine.compile('require "vnd.example.weekend"; if weekend { discard; }')


async def test_a_product_that_is_no_extension_is_a_start_up_error(tmp_path, site_tables):
    with pytest.raises(ConfigError, match=r"sieve\.one does not give an Extension"):
        async with site_with(nonsense, tmp_path, site_tables(tmp_path, extensions=["one"])):
            pass


@sieve_test("vnd.example.header")
def header() -> bool:
    return True


async def test_a_word_that_is_taken_is_a_start_up_error(tmp_path, site_tables):
    with pytest.raises(ConfigError) as raised:
        async with site_with(header, tmp_path, site_tables(tmp_path, extensions=["one"])):
            pass
    message = str(raised.value.findings)
    assert "declare header" in message
    assert "vnd.example.header" in message


# functions, on a whole site


class Partners(Settings):
    domains: tuple[str, ...]


@sieve_test("vnd.example.partner")
def partner(rt, config: Partners) -> bool:
    return rt.context.envelope.sender.rpartition("@")[2] in config.domains


@sieve_command("vnd.example.desk", cancels_keep=True)
async def desk(delivery: Delivery, mailbox: str, *, refuse: bool = False) -> None:
    if refuse:
        delivery.reject(Status(550, "5.7.1", f"Not to {mailbox}"))
    elif await delivery.once(f"desk {mailbox}", lifetime_seconds=60):
        delivery.file(mailbox)
        delivery.after_commit(TOLD.set)


TOLD = trio.Event()
SCRIPT = b"""require ["vnd.example.partner", "vnd.example.desk", "variables"];
set "where" "Desk";
if partner { desk "${where}/Partners"; } else { desk :refuse "${where}"; }
"""


async def test_functions_work_on_a_whole_site(tmp_path, site_tables):
    tables = site_tables(tmp_path, extensions=["partner", "desk"])
    tables["sieve"] = {
        "partner": {"type": "partner", "domains": ["example.net"]},
        "desk": {"type": "desk"},
    }
    async with open_server(tables, tmp_path, plugins=[partner, desk]) as server:
        handle = await server.open_account("alice")
        await handle.put_document("sieve", "main", SCRIPT)
        await handle.activate_document("sieve", "main")

        async def send(sender, subject):
            def submit():
                with smtplib.SMTP("127.0.0.1", server.port("mx"), "c.example", timeout=10) as peer:
                    peer.sendmail(sender, ["alice@example.org"], f"Subject: {subject}\r\n\r\n.")

            await server.in_thread(submit)

        await send("x@example.net", "first")
        with trio.fail_after(100):
            await TOLD.wait()
        await send("x@example.net", "second")
        with pytest.raises(smtplib.SMTPDataError, match="Not to Desk"):
            await send("x@example.com", "third")
        counts = {
            record.name: record.messages for record in await handle.mailboxes() if record.messages
        }
        # The second one was not filed at the desk: nothing was done with it, so it is kept.
        assert counts == {"Desk/Partners": 1, "INBOX": 1}
        told = [record for record in server.journal() if "desk" in str(record)]
        assert "main line 3: desk" in str(told)


# the bounds of one message


@sieve_command("vnd.example.spread")
async def spread(delivery: Delivery, addresses: tuple[str, ...], *, fail: bool = False) -> None:
    if not await delivery.once("spread", lifetime_seconds=60):
        raise RunError("done before")
    targets = tuple(Recipient(Address.parse(one)) for one in addresses)
    delivery.send(Envelope(None, targets), Content.of(b"Subject: copy\r\n\r\n"))
    if fail:
        raise RunError("not with me")


def spread_to(count, *, before="", fail=""):
    addresses = ", ".join(f'"{n}@example.net"' for n in range(count))
    return f'require "vnd.example.spread"; {before} spread {fail} [{addresses}];'


@pytest.mark.parametrize(
    ("script", "sent"),
    [
        (spread_to(4), 4), (spread_to(5), 0),
        (spread_to(3, before='redirect "x@example.net";'), 4),
        (spread_to(4, before='redirect "x@example.net";'), 1),
    ],
)  # fmt: skip
async def test_sending_is_bounded_as_redirect_is(tmp_path, desk_opener, script, sent):
    async with desk_opener(tmp_path, extension=spread) as desk:
        delivery = await desk.deliver(script)
        assert sum(len(one.envelope.recipients) for one in delivery.sendings) == sent
        refused = "one message may go on to at most 4 addresses" in str(delivery.notes)
        assert refused == (sent < 4)


async def test_what_fails_has_remembered_nothing(tmp_path, desk_opener):
    async with desk_opener(tmp_path, extension=spread) as desk:
        failed = await desk.commit(await desk.deliver(spread_to(1, fail=":fail")))
        assert failed.sendings == []
        assert "not with me" in str(failed.notes)
        again = await desk.commit(await desk.deliver(spread_to(1)))
        assert len(again.sendings) == 1
        assert "done before" in str((await desk.deliver(spread_to(1))).notes)


async def test_once_is_once_within_a_message_too(tmp_path, desk_opener):
    async with desk_opener(tmp_path, extension=spread) as desk:
        delivery = await desk.deliver(spread_to(1) + ' spread "other@example.net";')
        assert len(delivery.sendings) == 1
        assert "done before" in str(delivery.notes)
