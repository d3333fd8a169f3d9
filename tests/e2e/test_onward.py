"""What rules send on: no copy ends nowhere, and the bounds are those of each copy."""

from __future__ import annotations

from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from mailsite import tables
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.delivery.onward import SENDINGS
from thurn.hooks.registry import Registry
from thurn.plugin import Address, Content, EntryKind, Envelope, Recipient, plugin
from thurn.types.content import Blob
from thurn.types.identity import AccountId
from thurn_testing.fakes.session import make_session

RECIPIENTS = 1_000


def address(text):
    return Address.parse(text)


class _Script:
    """By the Subject: "answer" sends a reply and keeps; "many N" sends the message N times."""

    async def deliver(self, delivery):
        word, *numbers = delivery.content.scan.get(b"subject").decode().split()
        if word == "answer":
            delivery.keep()
            whom = (Recipient(delivery.envelope.sender),)
            delivery.send(
                Envelope(None, whom), Content.of(b"Subject: away\r\n\r\n"), kind=EntryKind.REPLY
            )
        if word == "many":
            for number in range(int(numbers[0])):
                whom = (Recipient(address(f"y{number}@elsewhere.example")),)
                delivery.send(Envelope(delivery.envelope.sender, whom), delivery.content)


@plugin("delivery", "script")
@asynccontextmanager
async def script():
    yield _Script()


@asynccontextmanager
async def open_desk(base, accounts):
    site = tables(base, mx={"delivery": ["script"]})
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("correct horse")
    lines = ['domains = ["example.org"]']
    for name in accounts:
        lines += [f"[accounts.{name}]", f'password = "{digest}"']
    (base / "accounts.toml").write_text("\n".join(lines))
    site["account"]["main"]["postmaster"] = accounts[0]
    postmaster = f"{accounts[0]}@example.org"
    site["site"] |= {"data": "data", "queue": "main", "postmaster": postmaster}
    site["store"]["main"] = {"type": "memory"}
    site["queue"] = {"main": {"type": "spool"}}
    site["delivery"] = {"script": {"type": "script"}}
    registry = Registry()
    registry.add(script)
    async with open_site(load(of_tables(site, base), registry)) as running:
        yield running


async def send(site, whom, message, sender="x@elsewhere.example"):
    flow = site.flow_of(site.config.instances["listener", "mx"])
    transaction = await flow.sender(make_session(), sender and address(sender), {})
    for one in whom:
        await flow.recipient(transaction, Recipient(address(f"{one}@example.org")))
    outcome = await flow.message(transaction, Blob(message), replies="one")
    return outcome.statuses[0].code, transaction.journal


async def inbox(site, name):
    handle = await site.stores(site.directory).open(AccountId(name), None)
    return len((await (await handle.mailbox("INBOX")).view()).uids)


async def test_a_thousand_recipients_with_vacation(tmp_path):
    names = [f"u{number}" for number in range(RECIPIENTS)]
    async with open_desk(tmp_path, names) as site:
        code, _ = await send(site, names, b"Subject: answer\r\n\r\n")
        assert code == 250
        assert [await inbox(site, name) for name in names] == [1] * RECIPIENTS
        entries = await site.products["queue", "main"].entries()
        assert len(entries) == RECIPIENTS


async def test_what_exceeds_the_bound_of_a_copy_leaves_its_keep(tmp_path):
    async with open_desk(tmp_path, ["u0", "u1"]) as site:
        code, journal = await send(site, ["u0"], b"Subject: many %d\r\n\r\n" % SENDINGS)
        assert (code, await inbox(site, "u0")) == (250, 0)
        code, journal = await send(site, ["u0"], b"Subject: many %d\r\n\r\n" % (SENDINGS + 1))
        assert (code, await inbox(site, "u0")) == (250, 1)
        assert len(await site.products["queue", "main"].entries()) == 2 * SENDINGS
    assert [stage.get("reason") for stage in journal.stages][-1] == "delivery.kept"
