"""Hellos that are junk, and what a client asks for behind the handshake."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys

import pytest
import trio
from thurn.telemetry import log


def hello(name="mail.example"):
    """The octets that a client begins with."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def named(octets):
    """A hello whose name is these octets, as many as in "mail.example"."""
    assert len(octets) == len("mail.example")
    return hello().replace(b"mail.example", octets)


JUNK = {
    "words": b"EHLO plain.example\r\n",
    "a browser": b"GET / HTTP/1.1\r\nHost: mail.example\r\n\r\n",
    "SSLv2": b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + b"\x00" * 40,
    "SSLv3": b"\x16\x03\x00" + hello()[3:],
    "an empty record": b"\x16\x03\x01\x00\x00" * 100,
    "a record too large": b"\x16\x03\x01\xff\xff" + b"\x01" * 65_535,
    "a hello of 16 MiB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff\x03\x03" + b"\x00" * 16_000,
    "application data": b"\x17\x03\x03\x00\x05hello",
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a heartbeat": b"\x18\x03\x03\x00\x03\x01\xff\xff",
    "half a hello, then words": hello()[:100] + b"\r\nEHLO x\r\n" * 50,
    "zeros": b"\x00" * 20_000,
    "a name with NUL": named(b"mail\0example"),
    "a path as a name": named(b"../../passwd"),
    "a name of 8-bit octets": named(b"\xff\xfe\x80mail\xc3\x28xx."),
    "a name with line ends": named(b"mail\r\nEvil: "),
    "a name of another charset": named(b"\xf0\x9f\x98\x80" * 3),
    "an address as a name": named(b"127.0.000.01"),
    "a name of dots": named(b"............"),
}
NOT_ASCII = {"a name of 8-bit octets", "a name of another charset"}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("mode", ["implicit", "starttls"])
async def test_a_hello_of_junk_ends_one_connection_only(
    serving, certificates, everything, logged, monkeypatch, junk, mode
):
    """CVE-2017-15130: nobody else notices, nothing is said in the clear, no traceback is shown."""
    # What the ssl module finds in a name that is not ASCII cannot be raised.
    monkeypatch.setattr(sys, "unraisablehook", log.log_unraisable)
    async with serving(tls=certificates, tls_mode=mode) as served:
        stream = await served.connect()
        if mode == "starttls":
            assert await stream.receive_some() == b"hello\n"
            await stream.send_all(b"tls\n")
            assert await stream.receive_some() == b"go\n"
        try:
            await stream.send_all(JUNK[junk])
            await stream.send_eof()
            answer = await everything(stream)
        except trio.BrokenResourceError:
            answer = b""
        assert answer[:1] in (b"", b"\x15", b"\x16")  # nothing, an alert, or a handshake
        assert b"hello" not in answer
        assert b"farewell" not in answer
        good = await served.connect()
        if mode == "starttls":
            await good.receive_some()
            await good.send_all(b"tls\n")
            await good.receive_some()
            assert await certificates.client(good).receive_some() == b"secure\n"
        else:
            assert await certificates.client(good).receive_some() == b"hello\n"
    loud = [one for one in logged if one["log_level"] not in {"debug", "info"}]
    assert len(loud) == (junk in NOT_ASCII)
    assert all(one["event"] == "python.unraisable" for one in loud)


async def test_a_hello_octet_by_octet_is_one(serving, certificates):
    async with serving(tls=certificates, tls_mode="implicit") as served:
        stream = await served.connect()
        octets = hello()
        for position in range(len(octets)):
            await stream.send_all(octets[position : position + 1])
        assert (await stream.receive_some())[:1] == b"\x16"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
async def test_a_client_that_asks_for_renegotiation(serving, certificates):
    """RFC 9325 §3.5: it is refused, and what was said before was said."""
    async with serving(tls=certificates, tls_mode="implicit") as served:
        words = ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{served.port}"]
        process = await trio.lowlevel.open_process(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = b""
        while b"hello\n" not in said:  # data in the middle of a handshake is another error
            said += await process.stdout.receive_some()
        await process.stdin.send_all(b"R\n")
        async for octets in process.stdout:
            said += octets
        await process.wait()
        assert b"RENEGOTIATING" in said
        assert b"no renegotiation" in said
        [connection] = served.listener.connections
        assert connection.tls.version == "TLSv1.2"
        assert await certificates.client(await served.connect()).receive_some() == b"hello\n"
