"""The standard library's client over real sockets and TLS, with a certificate that it checks."""

from __future__ import annotations

import poplib
import ssl

import pytest
import trustme

TEXT = b"Subject: one\r\n\r\nhello\r\n"


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


TLS = {"tls": {"main": {"type": "files", "certificate": "pair.pem"}}}


def lines(content):
    return content.split(b"\r\n")[:-1]


def talk(client):
    """A whole session; message 2 is removed."""
    client.user("alice")
    assert client.pass_("secret") == b"+OK 3 messages (101 octets)"
    assert client.stat() == (3, 101)
    assert client.list()[1] == [b"1 23", b"2 36", b"3 42"]
    capabilities = client.capa()
    assert {"TOP", "UIDL", "USER", "SASL", "PIPELINING"} <= set(capabilities)
    assert capabilities["SASL"] == ["PLAIN", "LOGIN"]
    assert client.retr(1)[1] == lines(TEXT)
    assert client.retr(2)[1][2:4] == [b".", b".."]
    assert client.top(3, 1)[1] == [b"Subject: three", b"", b"line 1"]
    uids = client.uidl()[1]
    client.dele(2)
    with pytest.raises(poplib.error_proto, match="no such message"):
        client.retr(2)
    assert client.quit() == b"+OK bye, 1 messages removed"
    return uids


def by_stls(port, trust):
    client = poplib.POP3("127.0.0.1", port, timeout=10)
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        client.user("alice")
    assert "USER" not in client.capa()
    client.stls(trust)
    return talk(client)


def by_tls(port, trust):
    return talk(poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=trust))


async def test_stls(open_world, trust):
    async with open_world(more=TLS, tls="main") as world:
        await world.server.in_thread(by_stls, world.server.port("pop"), trust)
        assert await world.uids() == [1, 3]


async def test_implicit_tls(open_world, trust):
    async with open_world(more=TLS, tls="main", tls_mode="implicit") as world:
        uids = await world.server.in_thread(by_tls, world.server.port("pop"), trust)
        assert len(set(uids)) == 3
        assert await world.uids() == [1, 3]


def both_at_once(port, trust):
    """Two sessions of one account; what the second is told."""
    one = poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=trust)
    two = poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=trust)
    for client in (one, two):
        client.user("alice")
    one.pass_("secret")
    try:
        return two.pass_("secret")
    except poplib.error_proto as refused:
        return refused.args[0]
    finally:
        one.quit()
        two.close()


@pytest.mark.parametrize(
    ("concurrent", "answer"),
    [
        ("snapshot", b"+OK 3 messages (101 octets)"),
        ("lock", b"-ERR [IN-USE] another session has the maildrop"),
    ],
)
async def test_two_at_once(open_world, trust, concurrent, answer):
    listener = {"tls": "main", "tls_mode": "implicit", "concurrent": concurrent}
    async with open_world(more=TLS, **listener) as world:
        port = world.server.port("pop")
        assert await world.server.in_thread(both_at_once, port, trust) == answer


def vanish(port, trust):
    """Marks, and goes without QUIT."""
    client = poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=trust)
    client.user("alice")
    client.pass_("secret")
    client.dele(1)
    client.close()


async def test_a_lost_connection_deletes_nothing_and_gives_the_lock_back(open_world, trust):
    listener = {"tls": "main", "tls_mode": "implicit", "concurrent": "lock"}
    async with open_world(more=TLS, **listener) as world:
        port = world.server.port("pop")
        await world.server.in_thread(vanish, port, trust)
        table = world.server.site.state.table("pop3.lock")
        while await table.entries():
            pass
        assert await world.uids() == [1, 2, 3]
        await world.server.in_thread(by_tls, port, trust)
