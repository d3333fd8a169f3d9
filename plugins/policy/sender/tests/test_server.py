"""Both checks in a whole site: submission with a login, POP-before-SMTP's grants, from outside."""

from __future__ import annotations

import poplib
import smtplib
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from argon2 import PasswordHasher
from thurn.plugin import AccountId
from thurn_kit.grants import GrantTable
from thurn_testing.server import open_server

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
ACCOUNTS = f"""
domains = ["example.org"]

[accounts.alice]
password = "{HASH}"

[accounts.bob]
password = "{HASH}"
"""
LISTENER = {"bind": ["127.0.0.1:0"], "sasl": ["plain"], "plaintext_without_tls": True}
CHECKED = {**LISTENER, "type": "smtp", "policies": ["sender"], "filters": ["sender"]}
TABLES = {
    "site": {
        "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
    },
    "account": {"main": {"type": "file", "file": "accounts.toml"}},
    "store": {"main": {"type": "memory"}},
    "state": {"main": {"type": "memory"}},
    "sasl": {"plain": {"type": "plain"}},
    "policy": {"sender": {"type": "sender"}},
    "filter": {"sender": {"type": "sender"}},
    "listener": {
        "mx": {**CHECKED, "profile": "mx"},
        "submission": {**CHECKED, "profile": "submission"},
        "pop3": {**LISTENER, "type": "pop3"},
    },
}  # fmt: skip


@pytest.fixture
async def site(tmp_path, request):
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    tables = {**TABLES, **getattr(request, "param", {})}
    async with open_server(tables, tmp_path) as server:
        yield server


@contextmanager
def smtp(site, listener, login=None):
    client = smtplib.SMTP("127.0.0.1", site.port(listener), timeout=10)
    try:
        client.ehlo("client.example")
        if login:
            client.login(login, "secret")
        yield client
    finally:
        client.close()


def send(site, listener, sender, header_from, login=None):
    """The refusal, or None."""
    message = f"From: {header_from}\r\nSubject: x\r\n\r\nbody\r\n"
    with smtp(site, listener, login) as client:
        try:
            client.sendmail(sender, ["bob@example.org"], message)
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients["bob@example.org"]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code, error.smtp_error
    return None


def first_from(site):
    client = poplib.POP3("127.0.0.1", site.port("pop3"), timeout=10)
    client.user("bob")
    client.pass_("secret")
    _, lines, _ = client.retr(len(client.list()[1]))
    client.quit()
    return [line for line in lines if line.lower().startswith((b"from:", b"x-original-from:"))]


async def test_submission(site):
    ask = site.in_thread
    own, other = "alice@example.org", "bob@example.org"
    assert await ask(send, site, "submission", own, own, "alice") is None
    code, text = await ask(send, site, "submission", other, own, "alice")
    assert (code, text[:5]) == (553, b"5.7.1")
    code, text = await ask(send, site, "submission", own, other, "alice")
    assert (code, text[:5]) == (550, b"5.7.1")
    code, text = await ask(send, site, "submission", "", own, "alice")
    assert (code, text[:5]) == (550, b"5.7.1")
    [story] = [r for r in site.journal() if r["sender"] == other]
    [stage] = [s for s in story["stages"] if s["stage"] == "sender"]
    assert (stage["by"], stage["reason"]) == ("policy.sender", "sender.foreign")
    assert "bob@example.org is not owned by alice" in stage["detail"]


async def grant(site, account="alice"):
    table = GrantTable(site.site.state, site.site.clock)
    await table.grant(
        ip_address("127.0.0.1"),
        account=AccountId(account),
        reason="POP3 login",
        granted_by="login.popbeforesmtp",
        lifetime_seconds=600,
    )


async def test_a_grant_holds_no_mail_for_our_own_accounts(site):
    """What is relayed by one: tests/e2e."""
    ask = site.in_thread
    own, other, foreign = "alice@example.org", "bob@example.org", "x@elsewhere.example"
    await grant(site)
    for sender, shown in ((own, own), (foreign, foreign), ("", foreign), (other, own)):
        assert await ask(send, site, "mx", sender, shown) is None


@pytest.mark.parametrize(
    "site", [{"filter": {"sender": {"type": "sender", "mode": "rewrite"}}}], indirect=True
)
async def test_rewritten_as_it_arrives(site):
    ask = site.in_thread
    shown = "Boss <boss@bank.example>"
    assert await ask(send, site, "submission", "alice@example.org", shown, "alice") is None
    assert await ask(first_from, site) == [
        b"X-Original-From: Boss <boss@bank.example>",
        b"From: Boss <alice@example.org>",
    ]


@pytest.mark.parametrize(
    "site",
    [
        {
            "policy": {"sender": {"type": "sender", "protect_local": True}},
            "filter": {"sender": {"type": "sender", "protect_local": True}},
        }
    ],
    indirect=True,
)
async def test_local_senders_from_outside(site):
    ask = site.in_thread
    own, foreign = "alice@example.org", "x@elsewhere.example"
    assert await ask(send, site, "mx", foreign, foreign) is None
    for sender, shown in ((own, foreign), (foreign, own), ("nobody@example.org", foreign)):
        code, text = await ask(send, site, "mx", sender, shown)
        assert (code, text[:5]) == (550, b"5.7.1")
    assert await ask(send, site, "mx", own, own, "alice") is None
    await grant(site)
    assert await ask(send, site, "mx", own, own) is None
    for sender, shown in (("bob@example.org", own), (own, "bob@example.org")):
        code, text = await ask(send, site, "mx", sender, shown)
        assert (code, text[:5]) == (550, b"5.7.1")
