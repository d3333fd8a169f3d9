"""The scripts of an account as a protocol sees them, and what a trace shows."""

from __future__ import annotations

from thurn.plugin import SupportsScripts
from thurn_testing.contracts.scripts import check_scripts

SCRIPT = b'require "fileinto";\r\nif header :contains "subject" "kongress" { fileinto "K"; }\r\n'
MESSAGE = b"Subject: Der Kongress\r\n\r\nbody\r\n"


async def test_contract(desk):
    assert isinstance(desk.filter, SupportsScripts)
    scripts = desk.filter.scripts(await desk.account())
    await check_scripts(scripts, valid=[b"keep;", SCRIPT], invalid=b"keep;\r\nfrob;")


async def test_what_is_put_runs_at_the_next_delivery(desk):
    scripts = desk.filter.scripts(await desk.account())
    await scripts.put("main", b"discard;", activate=True)
    assert (await desk.deliver()).filings == []
    await scripts.rename("main", "other")
    assert (await desk.deliver()).filings == []
    await scripts.activate(None)
    assert not (await desk.deliver()).decided


async def test_a_rename_to_itself_changes_nothing(desk):
    scripts = desk.filter.scripts(await desk.account())
    await scripts.put("main", b"keep;", activate=True)
    before = await scripts.list()
    await scripts.rename("main", "main")
    assert await scripts.list() == before


async def test_a_trace_knows_the_mailboxes_of_the_account(desk):
    account = await desk.account()
    await account.create("K")
    scripts = desk.filter.scripts(account)
    source = (
        b'require ["fileinto", "mailbox"];\r\n'
        b'if mailboxexists "K" { fileinto "K"; }\r\nif mailboxexists "L" { discard; }\r\n'
    )
    trace = await scripts.trace(source, MESSAGE, sender=None, recipient="alice@example.org")
    (action,) = trace.actions
    assert (action.name, action.line, action.arguments) == ("fileinto", 2, {"mailbox": "K"})
    assert (2, "mailboxexists: true") in trace.steps
    assert len(await account.mailboxes()) == 2


async def test_capabilities_are_what_scripts_may_require(tmp_path, desk_opener):
    async with desk_opener(tmp_path, allow=["fileinto"], redirects=2) as desk:
        capabilities = desk.filter.scripts(await desk.account()).capabilities
    assert capabilities.extensions == ("fileinto",)
    assert (capabilities.language, capabilities.redirects) == ("sieve", 2)
