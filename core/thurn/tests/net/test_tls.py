"""TLS on the same descriptor: STARTTLS, implicit, what came early, what is refused."""

from __future__ import annotations

import ssl

import pytest
import trio
from thurn.net.tls import prepare


async def test_starttls(serving, certificates):
    async with serving(tls=certificates) as served:
        stream = await served.greeted()
        [connection] = served.listener.connections
        assert connection.can_start_tls
        await stream.send_all(b"tls\n")
        assert await stream.receive_some() == b"go\n"
        secured = certificates.client(stream)
        await secured.send_all(b"first\n")
        assert await secured.receive_some() == b"secure\n"
        assert await secured.receive_some() == b"first\n"
        assert not connection.can_start_tls
        assert connection.tls.version == "TLSv1.3"
        assert connection.tls.server_name == "mail.example"
        assert connection.session.tls is connection.tls


async def test_the_provider_still_chooses_by_the_name(serving, certificates):
    asked = []
    certificates.context.sni_callback = lambda _, name, context: asked.append(name)
    async with serving(tls=certificates) as served:
        for name in ("MAIL.example", "mail.example"):
            stream = await served.greeted()
            await stream.send_all(b"tls\n")
            assert await stream.receive_some() == b"go\n"
            secured = trio.SSLStream(stream, certificates.client_context(), server_hostname=name)
            await secured.send_all(b"x\n")
            assert await secured.receive_some() == b"secure\n"
        assert [one.tls.server_name for one in served.listener.connections] == ["mail.example"] * 2
    assert asked == ["MAIL.example", "mail.example"]


async def test_a_peer_that_asks_for_no_name(serving, certificates):
    context = certificates.client_context()
    context.check_hostname = False
    async with serving(tls=certificates, tls_mode="implicit") as served:
        secured = trio.SSLStream(await served.connect(), context)
        assert await secured.receive_some() == b"hello\n"
        [connection] = served.listener.connections
        assert connection.tls.server_name is None


async def test_words_sent_with_the_command_are_not_there_afterwards(serving, certificates):
    """RFC 3207 §4.2: the listener threw its buffer away, and nothing else holds octets."""
    async with serving(tls=certificates) as served:
        stream = await served.greeted()
        await stream.send_all(b"tls\nEVIL\n")
        assert await stream.receive_some() == b"go\n"
        secured = certificates.client(stream)
        await secured.send_all(b"good\n")
        assert await secured.receive_some() == b"secure\n"
        assert await secured.receive_some() == b"good\n"


async def test_words_sent_before_the_handshake_fail_it(serving, certificates, everything, logged):
    async with serving(tls=certificates) as served:
        stream = await served.greeted()
        await stream.send_all(b"tls\n")
        assert await stream.receive_some() == b"go\n"
        await stream.send_all(b"EVIL in the clear\n")
        answer = await everything(stream)
        assert b"farewell" not in answer
        assert b"secure" not in answer
        assert answer[:1] in (b"", b"\x15")  # nothing, or an alert
    assert [one["event"] for one in logged] == ["tls.failed"]


async def test_implicit_tls_and_an_orderly_end(serving, certificates, everything):
    async with serving(tls=certificates, tls_mode="implicit") as served:
        secured = certificates.client(await served.connect())
        assert await secured.receive_some() == b"hello\n"
        big = bytes(range(256)) * 8000
        received = bytearray()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(secured.send_all, big)
            while len(received) < len(big):
                received += await secured.receive_some()
        assert received == big
        await secured.send_all(b"bye\n")
        assert await everything(secured) == b""  # close_notify came: no truncation


async def test_half_closed_under_tls(serving, certificates):
    class Ender:
        async def serve(self, connection, session):
            assert await connection.receive() == b""
            await connection.send(b"end\n")

        def farewell(self, reason):
            return b"farewell"

    async with serving(tls=certificates, tls_mode="implicit", listener=Ender()) as served:
        raw = await served.connect()
        outgoing, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = certificates.client_context().wrap_bio(
            incoming, outgoing, server_hostname="mail.example"
        )
        while True:
            try:
                peer.do_handshake()
                break
            except ssl.SSLWantReadError:
                await raw.send_all(outgoing.read())
                incoming.write(await raw.receive_some())
        with pytest.raises(ssl.SSLWantReadError):
            peer.unwrap()
        await raw.send_all(outgoing.read())  # Finished and close_notify
        while True:
            try:
                assert peer.read(100) == b"end\n"
                break
            except ssl.SSLWantReadError:
                incoming.write(await raw.receive_some())


async def test_a_slow_handshake_is_bounded_and_gets_no_words(
    serving, certificates, everything, mock_clock
):
    async with serving(tls=certificates, tls_mode="implicit", handshake="30s") as served:
        stream = await served.connect()
        await stream.send_all(b"\x16\x03\x01")
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(20)
        await stream.send_all(b"\x02")
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(11)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(3)
        assert await everything(stream) == b""


async def test_after_the_handshake_silence_counts_again(
    serving, certificates, everything, mock_clock
):
    async with serving(
        tls=certificates, tls_mode="implicit", handshake="30s", idle="300s"
    ) as served:
        secured = certificates.client(await served.connect())
        assert await secured.receive_some() == b"hello\n"
        mock_clock.jump(299)
        await secured.send_all(b"one\n")
        assert await secured.receive_some() == b"one\n"
        mock_clock.jump(61)
        assert await everything(secured) == b"farewell idle\n"


def test_neither_renegotiation_nor_compression():
    """RFC 9325 §3.3, §3.5."""
    context = prepare(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    choice = context.sni_callback
    assert prepare(context).sni_callback is choice


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(serving, certificates):
    """RFC 8996 §5, although the provider's context would allow it."""
    context = certificates.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(tls=certificates, tls_mode="implicit") as served:
        stream = await served.connect()
        secured = trio.SSLStream(stream, context, server_hostname="mail.example")
        with pytest.raises(trio.BrokenResourceError) as caught:
            await secured.do_handshake()
        assert "PROTOCOL_VERSION" in str(caught.value.__cause__)


async def test_plain_words_at_an_implicit_port(serving, certificates, logged):
    async with serving(tls=certificates, tls_mode="implicit") as served:
        stream = await served.connect()
        await stream.send_all(b"EHLO plain.example\r\n")
        assert b"hello" not in await stream.receive_some()
    assert {one["log_level"] for one in logged} <= {"info"}


async def test_busy_says_nothing_in_the_clear_at_an_implicit_port(
    serving, certificates, everything
):
    async with serving(tls=certificates, tls_mode="implicit", connections_per_address=1) as served:
        await served.connect()
        assert await everything(await served.connect()) == b""


async def test_mode_none_offers_no_tls(serving, certificates):
    async with serving(tls=certificates, tls_mode="none") as served:
        await served.greeted()
        assert not served.listener.connections[0].can_start_tls
