"""POP-before-SMTP through real sockets: who has read mail may send, from there, for a while, as
itself; what anybody may do from there is not less than before.

The site's clock stands still until a test moves it; loopback addresses are the peers.
"""

from __future__ import annotations

import poplib
import smtplib
import socket
from contextlib import closing

import pytest
from clients import TIMEOUT_SECONDS, unverified
from mailsite import PASSWORD, tables
from thurn_kit.grants import GrantTable, parse_source
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.server import open_server

HERE, THERE = "127.0.0.1", "127.0.0.2"
RECIPIENT = "y@elsewhere.example"


def pbs_site(base, **settings):
    login = {"login": ["pop"]}
    chain = {"relay": ["office", "authenticated", "table"], "policies": ["sender"],
             "filters": ["sender"]}  # fmt: skip
    site = tables(
        base, mx=chain, pop3={**login, "plaintext_without_tls": True}, pop3s=login, submission=chain
    )
    with (base / "accounts.toml").open("a") as accounts:  # its last table is the aliases
        accounts.write('\n"away@example.org" = ["y@elsewhere.example"]\n')
    site["site"]["queue"] = "main"
    site["queue"] = {"main": {"type": "spool"}}
    site["login"] = {"pop": {"type": "popbeforesmtp", "interval": "20m", **settings}}
    site["policy"] = site["filter"] = {"sender": {"type": "sender"}}
    site["relay"] |= {"office": {"type": "networks"}, "table": {"type": "grants"}}
    return site


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def server(tmp_path, clock):
    async with open_server(pbs_site(tmp_path), tmp_path, clock=clock) as server:
        yield server


def _rcpt(port, source, sender, hello, recipients):
    with smtplib.SMTP(HERE, port, hello, TIMEOUT_SECONDS, (source, 0)) as client:
        client.ehlo()
        client.mail(sender)
        return [client.rcpt(recipient) for recipient in recipients]


async def may_send(server, *, source=HERE, sender="alice@example.org", hello="client.example"):
    """Whether RCPT to elsewhere is accepted; a refusal must be the right one."""
    port = server.port("mx")
    [(code, text)] = await server.in_thread(_rcpt, port, source, sender, hello, [RECIPIENT])
    assert code == 250 or (code, text[:5]) == (550, b"5.7.1"), (code, text)
    return code == 250


def message(shown):
    return f"From: {shown}\r\nSubject: x\r\n\r\nx\r\n".encode()


def _send(port, source, sender, recipients, octets):
    """Where it was refused, code and enhanced code; or 250."""
    with smtplib.SMTP(HERE, port, "client.example", TIMEOUT_SECONDS, (source, 0)) as client:
        client.ehlo()
        answers = [("mail", client.mail(sender))]
        answers += [("rcpt", client.rcpt(recipient)) for recipient in recipients]
        if all(code == 250 for _, (code, _) in answers):
            answers.append(("data", client.data(octets)))
        stage, (code, text) = answers[-1]
        return (stage, code, text[:5].decode()) if code != 250 else code


async def send(server, sender, recipients, shown=None, *, source=HERE):
    """Send a message whose header shows `shown` (the sender)."""
    octets = message(shown or sender)
    port = server.port("mx")
    return await server.in_thread(_send, port, source, sender, [*recipients], octets)


def _pop3(port, source, lines):
    """Replies to lines; no library, which would not say what shall be said here."""
    with (
        socket.create_connection((HERE, port), TIMEOUT_SECONDS, (source, 0)) as sock,
        sock.makefile("rb") as f,
    ):
        replies = [f.readline()]
        for line in lines:
            sock.sendall(line + b"\r\n")
            replies.append(f.readline())
        return replies


async def pop3(server, *lines, source=HERE):
    return await server.in_thread(_pop3, server.port("pop3"), source, lines)


async def login(server, *, source=HERE, name="alice"):
    words = (f"USER {name}".encode(), f"PASS {PASSWORD}".encode())
    replies = await pop3(server, *words, b"QUIT", source=source)
    assert replies[2].startswith(b"+OK"), replies


async def test_the_story(server, clock):
    assert not await may_send(server)
    await login(server)
    assert await may_send(server)
    assert not await may_send(server, source=THERE)
    clock.advance(20 * 60 - 1)
    assert await may_send(server)  # sending renews nothing
    clock.advance(1)
    assert not await may_send(server)
    await login(server)
    assert await may_send(server)


AT_RCPT, AT_DATA = ("rcpt", 550, "5.7.1"), ("data", 550, "5.7.1")
ALICE, BOB, OUTSIDE = "alice@example.org", "bob@example.org", "x@elsewhere.example"


async def test_relaying_is_the_account_s_own(server, clock):
    await login(server)
    for sender in (ALICE, "alice+list@example.org"):
        assert await send(server, sender, [RECIPIENT, BOB]) == 250
    for sender in (BOB, OUTSIDE, "team@example.org", ""):
        assert await send(server, sender, [RECIPIENT], ALICE) == AT_RCPT
        assert await send(server, sender, [RECIPIENT], ALICE, source=THERE) == AT_RCPT
    for shown in (BOB, OUTSIDE, f"{OUTSIDE} <{ALICE}>", f"{ALICE}, {ALICE}"):
        assert await send(server, ALICE, [RECIPIENT], shown) == AT_DATA
        assert await send(server, ALICE, [BOB, RECIPIENT], shown) == AT_DATA
    clock.advance(20 * 60)
    assert await send(server, ALICE, [RECIPIENT]) == AT_RCPT


@pytest.mark.parametrize("sender", [OUTSIDE, "", ALICE, BOB])
async def test_mail_for_us_comes_in_as_before(server, sender):
    """The neighbours behind the same address write to our accounts, and so may everybody."""
    await login(server)
    for shown in (OUTSIDE, BOB):
        assert await send(server, sender, [BOB, "team@example.org"], shown) == 250
        assert await send(server, sender, ["away@example.org"], shown) == 250  # no relaying


async def test_several_behind_one_address_send_each_as_itself(server):
    for name in ("alice", "bob"):
        await login(server, name=name)
    for own, other in ((ALICE, BOB), (BOB, ALICE)):
        assert await send(server, own, [RECIPIENT]) == 250
        assert await send(server, own, [RECIPIENT], other) == AT_DATA
    assert await send(server, OUTSIDE, [RECIPIENT], ALICE) == AT_RCPT
    assert await send(server, OUTSIDE, [ALICE, BOB]) == 250


async def test_the_journal_says_whose_grant_it_was(server):
    await login(server)
    assert await send(server, OUTSIDE, [RECIPIENT]) == AT_RCPT
    [story] = [record for record in server.journal() if record.get("sender") == OUTSIDE]
    [stage] = [stage for stage in story["stages"] if stage["by"] == "relay.table"]
    assert (stage["decision"], stage["reason"]) == ("continue", "relay.grant_sender")
    assert f"a grant of alice covers {HERE}, but alice does not own {OUTSIDE} (" in stage["detail"]


@pytest.mark.parametrize("ended", ["by time", "revoked"])
async def test_a_grant_that_ends_before_the_message_still_holds_its_header(server, clock, ended):
    await login(server)
    table = GrantTable(server.site.state, server.site.clock)
    port, run = server.port("mx"), server.in_thread
    with closing(await run(smtplib.SMTP, HERE, port, "c.example", 10)) as client:
        await run(client.ehlo)
        await run(client.mail, ALICE)
        assert (await run(client.rcpt, RECIPIENT))[0] == 250
        if ended == "by time":
            clock.advance(20 * 60)
        else:
            await table.revoke(parse_source(HERE))
        assert (await run(client.data, message(BOB)))[0] == 550


async def test_a_login_in_the_middle_of_a_transaction_holds_its_header(server):
    port, run = server.port("mx"), server.in_thread
    with closing(await run(smtplib.SMTP, HERE, port, "c.example", 10)) as client:
        await run(client.ehlo)
        await run(client.mail, ALICE)
        assert (await run(client.rcpt, RECIPIENT))[0] == 550
        await login(server)
        assert (await run(client.rcpt, RECIPIENT))[0] == 250
        assert (await run(client.data, message(BOB)))[0] == 550


async def test_the_grant_is_there_before_the_reply_to_the_login(server):
    def session():
        client = poplib.POP3_SSL(
            HERE, server.port("pop3s"), timeout=TIMEOUT_SECONDS, context=unverified()
        )
        with closing(client):
            client.user("alice")
            client.pass_(PASSWORD)
            return _rcpt(server.port("mx"), HERE, "alice@example.org", "c", [RECIPIENT])

    assert (await server.in_thread(session))[0][0] == 250


async def test_mail_is_taken_and_the_journal_says_why(server):
    await login(server)

    def send():
        with smtplib.SMTP(HERE, server.port("mx"), "c.example", timeout=TIMEOUT_SECONDS) as client:
            client.sendmail("alice@example.org", [RECIPIENT], message("alice@example.org"))

    await server.in_thread(send)
    [record] = [r for r in server.journal() if r.get("outcome") in ("queued", "stored")]
    [stage] = [s for s in record["stages"] if s["by"] == "relay.table"]
    assert stage["decision"] == "accept"
    assert "alice from 127.0.0.1, granted by login.pop" in stage["detail"]
    assert "pop3 login (PASSWORD)" in stage["detail"]
    assert "thurn_relay_grants/factory.py" in stage["source"]


@pytest.mark.parametrize(
    "lines",
    [
        (b"USER alice", b"QUIT"),
        (b"USER alice",),
        (b"USER alice", b"PASS wrong", b"QUIT"),
        (b"USER nobody", b"PASS x", b"QUIT"),
        (b"PASS " + PASSWORD.encode(), b"QUIT"),
        (b"AUTH PLAIN AGFsaWNlAHdyb25n", b"QUIT"),
        (b"AUTH PLAIN", b"*", b"QUIT"),
        (b"CAPA",),
    ],
    ids=repr,
)
async def test_what_grants_nothing(server, lines):
    await pop3(server, *lines)
    assert not await may_send(server)


async def test_failures_and_hellos_do_not_renew(server, clock):
    await login(server)
    clock.advance(20 * 60 - 1)
    await pop3(server, b"USER alice", b"PASS wrong", b"QUIT")
    await pop3(server, b"USER alice", b"QUIT")
    assert await may_send(server, hello="127.0.0.1")
    clock.advance(1)
    assert not await may_send(server)


@pytest.mark.parametrize("hello", [HERE, f"[{HERE}]", "localhost", "alice", "mail.example.org"])
async def test_a_hello_is_no_address(server, hello):
    await login(server)
    assert not await may_send(server, source=THERE, hello=hello)


async def test_an_smtp_login_grants_no_address(server):
    def authenticated():
        with smtplib.SMTP(
            HERE, server.port("submission"), "c.example", timeout=TIMEOUT_SECONDS
        ) as client:
            client.starttls(context=unverified())
            client.login("alice", PASSWORD)
            client.mail("alice@example.org")
            return client.rcpt(RECIPIENT)[0]

    assert await server.in_thread(authenticated) == 250
    assert not await may_send(server)
    [row] = await GrantTable(server.site.state, server.site.clock).entries()
    assert (row.account, row.granted_by) == ("alice", "relay.authenticated")


async def test_several_behind_one_address(server):
    await login(server)
    await login(server, name="bob")
    table = GrantTable(server.site.state, server.site.clock)
    rows = await table.entries("address")
    assert sorted((str(row.source), row.account) for row in rows) == [
        (HERE, "alice"),
        (HERE, "bob"),
    ]


async def test_revoked_in_the_middle_of_a_session(server):
    await login(server)
    table = GrantTable(server.site.state, server.site.clock)
    port = server.port("mx")
    with closing(await server.in_thread(smtplib.SMTP, HERE, port, "c.example", 10)) as client:
        await server.in_thread(client.ehlo)
        await server.in_thread(client.mail, "alice@example.org")
        assert (await server.in_thread(client.rcpt, RECIPIENT))[0] == 250
        await table.revoke(parse_source(HERE))
        assert (await server.in_thread(client.rcpt, "z@elsewhere.example"))[0] == 550


async def test_postmaster_and_local_mail_need_no_grant(server):
    recipients = [
        "postmaster",
        "postmaster@example.org",
        "alice@example.org",
        "postmaster@elsewhere.example",
    ]
    port = server.port("mx")
    answers = await server.in_thread(_rcpt, port, HERE, "", "c.example", recipients)
    assert [code for code, _ in answers] == [250, 250, 250, 550]


@pytest.mark.parametrize(
    "settings", [{"never": ["127.0.0.0/8"]}, {"require_tls": True}, {"accounts": ["bob"]}], ids=repr
)
async def test_settings_that_grant_less(tmp_path, settings):
    async with open_server(pbs_site(tmp_path, **settings), tmp_path) as server:
        await login(server)
        assert not await may_send(server)


async def test_submission_still_wants_a_login(server):
    await login(server)

    def mail():
        with smtplib.SMTP(
            HERE, server.port("submission"), "c.example", timeout=TIMEOUT_SECONDS
        ) as client:
            client.ehlo()
            return client.mail(ALICE)

    code, text = await server.in_thread(mail)
    assert (code, text[:5]) == (530, b"5.7.0")


async def test_the_wall_clock_neither_prolongs_nor_ends_a_grant(server, clock):
    await login(server)
    clock.set_wall(clock.wall() + 10 * 86_400)
    assert await may_send(server)
    clock.set_wall(clock.wall() - 20 * 86_400)
    assert await may_send(server)
    clock.advance(20 * 60)
    assert not await may_send(server)


async def test_off_unless_the_site_names_it(tmp_path):
    site = pbs_site(tmp_path)
    for listener in ("pop3", "pop3s"):
        del site["listener"][listener]["login"]
    async with open_server(site, tmp_path) as server:
        await login(server)
        assert not await may_send(server)
