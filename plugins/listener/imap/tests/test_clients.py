"""The standard library's client over real sockets and TLS, with a certificate that it checks."""

from __future__ import annotations

import imaplib
import ssl

import pytest
import trustme
from argon2 import PasswordHasher
from thurn_testing.server import open_server

TEXT = b"From: a@example.net\r\nSubject: one\r\n\r\nhello\r\n"


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def trust(authority, tmp_path):
    """What a client needs; beside it the server's files."""
    pair = authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem
    pair.write_to_path(tmp_path / "pair.pem")
    (tmp_path / "pair.pem").chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


def tables(base, **settings):
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("secret")
    file = base / "accounts.toml"
    file.write_text(f'domains = ["example.org"]\n[accounts.alice]\npassword = "{digest}"\n')
    file.chmod(0o600)
    return {
        "site": {
            "hostname": "mail.example.org", "state": "main", "accounts": ["main"],
            "store": "main",
        },
        "state": {"main": {"type": "memory"}},
        "account": {"main": {"type": "file", "file": "accounts.toml"}},
        "store": {"main": {"type": "spool"}},
        "sasl": {"plain": {"type": "plain"}},
        "tls": {"main": {"type": "files", "certificate": "pair.pem"}},
        "listener": {"imap": {"type": "imap", "sasl": ["plain"], "tls": "main", **settings}},
    }  # fmt: skip


def talk(client):
    assert client.create("work")[0] == "OK"
    assert client.append("work", r"(\Flagged)", None, TEXT)[0] == "OK"
    assert client.append("work", None, '"01-Feb-2020 10:11:12 +0000"', TEXT * 40_000)[0] == "OK"
    assert client.select("work") == ("OK", [b"2"])
    assert client.fetch("1", "(BODY[])")[1][0][1] == TEXT
    assert client.fetch("2", "(BODY[])")[1][0][1] == TEXT * 40_000
    assert client.search(None, "FLAGGED", "SUBJECT", '"ONE"') == ("OK", [b"1"])
    assert client.uid("STORE", "1", "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert client.uid("MOVE", "2", "INBOX")[0] == "OK"
    assert client.expunge() == ("OK", [b"2", b"1"])  # imaplib keeps those of MOVE until asked
    assert client.status("INBOX", "(MESSAGES UNSEEN)")[1] == [b"INBOX (MESSAGES 1 UNSEEN 0)"]
    assert client.list()[1] == [
        b'(\\HasNoChildren) "/" INBOX',
        b'(\\HasNoChildren) "/" work',
    ]
    assert client.namespace()[1] == [b'(("" "/")) NIL NIL']
    assert client.close()[0] == "OK"
    client.logout()


def by_starttls(port, trust):
    client = imaplib.IMAP4("127.0.0.1", port, timeout=10)
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        client.login("alice", "secret")
    client.starttls(trust)
    client.authenticate("PLAIN", lambda _: b"\0alice\0secret")
    talk(client)


def by_tls(port, trust):
    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trust, timeout=10)
    client.login("alice@example.org", "secret")
    talk(client)


@pytest.mark.parametrize(
    ("mode", "client"), [("starttls", by_starttls), ("implicit", by_tls)], ids=["starttls", "tls"]
)
async def test_imaplib(tmp_path, trust, mode, client):
    async with open_server(tables(tmp_path, tls_mode=mode), tmp_path) as server:
        await server.in_thread(client, server.port("imap"), trust)
