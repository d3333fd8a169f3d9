"""The operator's log: one line for each message, recipient and login, which no peer can forge."""

from __future__ import annotations

import base64
import io
import json
import smtplib
import sys

import pytest
import structlog
from clients import HOST, TIMEOUT_SECONDS, lmtp, secured, send
from mailsite import PASSWORD, tables
from thurn.telemetry.log import configure
from thurn_testing.server import open_server

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"
SENDER, WHOM = "ann@example.net", "bob@example.org"
FORGED = [
    'x", "peer": "192.0.2.66',
    "x\n{}",
    "x\r\x1b[2J\x9b31m",
    "peer=192.0.2.66 address=192.0.2.66",
    "\u2028\u0085é\u202e",
    "\\",
    "x" * 60 + '"}',
]
ALWAYS = {"timestamp", "level", "event"}


@pytest.fixture
def log(monkeypatch):
    """What the site writes to standard error from here on, as text."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure()
    structlog.configure(cache_logger_on_first_use=False)  # modules' loggers outlive this test
    yield written.getvalue
    structlog.reset_defaults()


def lines(log, *nouns):
    """The lines of these nouns, without what differs from run to run."""
    found = []
    for text in log().splitlines():
        line = json.loads(text)
        assert list(line)[:3] == ["timestamp", "level", "event"]
        if line["event"].partition(".")[0] in nouns:
            found.append({k: v for k, v in line.items() if k not in {"timestamp", "level"}})
    return found


def without(line, *keys):
    return {key: value for key, value in line.items() if key not in {"session", *keys}}


async def test_an_accepted_message_is_one_line(tmp_path, log):
    async with open_server(tables(tmp_path), tmp_path) as server:
        port = server.port("mx")
        await server.in_thread(send, port, SENDER, [WHOM, "alice@example.org"], MESSAGE)
        (record,) = server.journal()
    (line,) = lines(log, "message", "recipient", "session")
    assert without(line) == {
        "event": "message.accepted",
        "peer": HOST,
        "listener": "mx",
        "transaction": record["id"],
        "code": 250,
        "outcome": "stored",
        "size_octets": len(MESSAGE),
        "recipients": 2,
        "sender": SENDER,
    }
    assert line["session"] == record["session"]


async def test_who_sent_it_is_named(tmp_path, log):
    async with open_server(tables(tmp_path), tmp_path) as server:
        port = server.port("submission")
        await server.in_thread(send, port, "bob@example.org", [WHOM], MESSAGE, login=WHOM)
    (login,) = lines(log, "login")
    assert without(login) == {
        "event": "login.succeeded",
        "peer": HOST,
        "account": "bob",
        "login_name": WHOM,
        "listener": "submission",
        "protocol": "submission",
        "mechanism": "PLAIN",
        "secured": True,
    }
    (line,) = lines(log, "message")
    assert (line["account"], line["login_name"]) == ("bob", WHOM)


async def test_delivered_copies_are_lines_where_the_site_wants_them(tmp_path, log):
    site = tables(tmp_path)
    site["site"]["log"] = {"messages": ["delivered"], "logins": []}
    async with open_server(site, tmp_path) as server:
        port = server.port("submission")
        whom = ["team@example.org", "bob+notes@example.org"]
        await server.in_thread(send, port, WHOM, whom, MESSAGE, login="bob")
        (record,) = server.journal()
    logged = [without(line) for line in lines(log, "message", "login")]
    common = {
        "event": "message.delivered",
        "listener": "submission",
        "transaction": record["id"],
        "mailbox": "INBOX",
        "sender": WHOM,
    }
    assert logged == [
        {"account": name, "recipient": f"{name}@example.org", **common} for name in ("alice", "bob")
    ]


async def test_refused_recipients_are_lines(tmp_path, log):
    def ask(port):
        with secured(port) as client:
            client.ehlo()
            client.mail(SENDER)
            assert client.rcpt("someone@elsewhere.example")[0] == 550
            assert client.rcpt("nobody@example.org")[0] == 550
            client.quit()

    async with open_server(tables(tmp_path), tmp_path) as server:
        await server.in_thread(ask, server.port("mx"))
    relayed, unknown = lines(log, "message", "recipient")
    assert without(relayed, "transaction") == {
        "event": "recipient.refused",
        "peer": HOST,
        "listener": "mx",
        "code": 550,
        "reason": "relay.denied",
        "sender": SENDER,
        "recipient": "someone@elsewhere.example",
        "hello": "client.example.net",
    }
    assert unknown["reason"] == "recipient.unknown"


async def test_a_refused_message_is_a_line(tmp_path, log):
    looping = b"Received: x\r\n" * 101 + MESSAGE
    async with open_server(tables(tmp_path), tmp_path) as server:
        with pytest.raises(smtplib.SMTPDataError):
            await server.in_thread(send, server.port("mx"), SENDER, [WHOM], looping)
    (line,) = lines(log, "message")
    assert (line["event"], line["code"], line["recipients"]) == ("message.refused", 554, 1)


async def test_what_shall_come_again_is_deferred_and_never_refused(tmp_path, log):
    def ask(port):
        with secured(port) as client:
            client.ehlo()
            client.mail(SENDER)
            assert client.rcpt(WHOM)[0] == 451

    async with open_server(tables(tmp_path), tmp_path) as server:
        server.site.products["account", "main"].resolve = _broken
        await server.in_thread(ask, server.port("mx"))
    (line,) = lines(log, "message", "recipient")
    assert (line["event"], line["reason"]) == ("recipient.deferred", "directory.trouble")


async def test_a_full_mailbox_of_one_is_a_line_of_its_recipient(tmp_path, log):
    site = tables(tmp_path)
    async with open_server(site, tmp_path) as server:
        open_store = server.site.products["store", "main"].open

        async def broken_for_bob(account, *more):
            return await (_broken() if account == "bob" else open_store(account, *more))

        server.site.products["store", "main"].open = broken_for_bob
        whom = ["alice@example.org", WHOM]
        answers = await server.in_thread(lmtp, server.port("lmtp"), SENDER, whom, MESSAGE)
        assert answers[WHOM][0] == 451
    accepted, deferred = lines(log, "message", "recipient")
    assert accepted["event"] == "message.accepted"
    assert (deferred["event"], deferred["recipient"]) == ("recipient.deferred", WHOM)


async def _broken(*_, **__):
    raise OSError("broken")


def _try(name, port):
    """Greet, log in and send under this name, as far as the client lets it through."""
    octets = name.encode(errors="surrogatepass")
    with smtplib.SMTP(HOST, port, timeout=TIMEOUT_SECONDS) as client:
        plain = base64.b64encode(b"\0" + octets + b"\0wrong")
        client.sock.sendall(b"EHLO " + octets.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n")
        client.getreply()
        client.ehlo("x.example")
        client.sock.sendall(b"AUTH PLAIN " + plain + b"\r\n")
        client.getreply()
        quoted = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        quoted = b"".join(bytes([o]) for o in quoted if o > 31)
        client.sock.sendall(b'MAIL FROM:<"%s"@example.net>\r\n' % quoted)
        client.getreply()
        client.sock.sendall(b'RCPT TO:<"%s"@elsewhere.example>\r\n' % quoted)
        client.getreply()


@pytest.mark.parametrize("name", FORGED)
async def test_nothing_a_peer_says_forges_a_line_or_a_field(tmp_path, log, name):
    site = tables(tmp_path, submission={"plaintext_without_tls": True, "require_login": False})
    site["listener"]["submission"] |= {"require_tls": False}
    async with open_server(site, tmp_path) as server:
        await server.in_thread(_try, name, server.port("submission"))
    for line in log().splitlines():
        assert line.isprintable()
        told = json.loads(line, object_pairs_hook=_unique)
        assert told.get("peer", HOST) == HOST
    (refused,) = lines(log, "login")
    assert refused["event"] == "login.refused"
    if name.isprintable():
        assert refused["claimed_name"] == name[:64]


def _unique(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


async def test_every_refused_login_is_a_line(tmp_path, log):
    def ask(port):
        with secured(port) as client:
            client.ehlo()
            client.docmd("AUTH PLAIN", base64.b64encode(b"\0bob\0wrong").decode())
            client.docmd("AUTH PLAIN", base64.b64encode(b"bob").decode())

    async with open_server(tables(tmp_path), tmp_path) as server:
        await server.in_thread(ask, server.port("submission"))
    logged = [(line["event"], line["code"], line["reason"]) for line in lines(log, "login")]
    assert logged == [
        ("login.refused", 535, "credentials"),
        ("login.refused", 501, "malformed"),
    ]


async def test_a_login_that_could_not_be_judged_is_not_refused(tmp_path, log):
    def ask(port):
        with secured(port) as client:
            client.ehlo()
            answer = client.docmd(
                "AUTH PLAIN", base64.b64encode(b"\0bob\0" + PASSWORD.encode()).decode()
            )
            assert answer[0] == 454

    async with open_server(tables(tmp_path), tmp_path) as server:
        server.site.products["account", "main"].verify = _broken
        await server.in_thread(ask, server.port("submission"))
    assert {line["event"] for line in lines(log, "login")} == {"login.deferred"}
