"""Connections through a proxy: the real peer is named, counted, and never taken on trust."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from thurn_wire.proxy import (
    Endpoint,
    ProxyHeader,
    SecuredPeer,
    build_version_1,
    build_version_2,
)

HERE = Endpoint(ip_address("192.0.2.25"), 2525)
LISTED = {"proxies": ("127.0.0.0/8",)}


def header(source="198.51.100.7", port=4711, build=build_version_2, **facts):
    return build(ProxyHeader(2, Endpoint(ip_address(source), port), HERE, **facts))


async def proxied(served, octets):
    stream = await served.connect()
    await stream.send_all(octets)
    return stream


@pytest.mark.parametrize("build", [build_version_1, build_version_2])
async def test_the_real_peer_is_named(serving, build):
    async with serving(**LISTED) as served:
        stream = await proxied(served, header(build=build) + b"first")
        answer = b""
        while len(answer) < len(b"hello\nfirst"):
            answer += await stream.receive_some()
        assert answer == b"hello\nfirst", "nothing after the header is lost"
        [connection] = served.listener.connections
        assert connection.session.peer == ip_address("198.51.100.7")
        assert (connection.peer_port, connection.local_port) == (4711, 2525)
        assert connection.session.tls is None


async def test_a_mapped_address_is_ipv4(serving):
    both = Endpoint(ip_address("::ffff:198.51.100.7"), 1)
    there = Endpoint(ip_address("::1"), 25)
    async with serving(**LISTED) as served:
        stream = await proxied(served, build_version_2(ProxyHeader(2, both, there)))
        assert await stream.receive_some() == b"hello\n"
        assert served.listener.connections[0].session.peer == ip_address("198.51.100.7")


async def test_tls_that_ends_at_the_proxy_is_told_apart(serving, certificates):
    secured = SecuredPeer(False, True, "TLSv1.3", "TLS_AES_256_GCM_SHA384")
    async with serving(tls=certificates, **LISTED) as served:
        stream = await proxied(served, header(secured=secured, server_name="mail.example"))
        assert await stream.receive_some() == b"hello\n"
        [connection] = served.listener.connections
        assert connection.session.tls.at_proxy
        assert connection.session.tls.version == "TLSv1.3"
        assert connection.session.tls.server_name == "mail.example"
        assert connection.session.tls.end_point == b"", "nothing can be bound to the channel"
        assert not connection.can_start_tls


async def test_native_tls_behind_a_proxy_that_passes_it_on(serving, certificates):
    async with serving(tls=certificates, tls_mode="implicit", **LISTED) as served:
        secured = certificates.client(await proxied(served, header()))
        assert await secured.receive_some() == b"hello\n"
        [connection] = served.listener.connections
        assert not connection.session.tls.at_proxy
        assert connection.session.peer == ip_address("198.51.100.7")


async def test_a_health_check_has_the_address_of_the_proxy(serving):
    local = build_version_2(ProxyHeader(2, is_local=True))
    async with serving(**LISTED) as served:
        stream = await proxied(served, local)
        assert await stream.receive_some() == b"hello\n"
        assert served.listener.connections[0].session.peer == ip_address("127.0.0.1")


@pytest.mark.parametrize(
    "octets",
    [b"EHLO client\r\n", b"PROXY UNKNOWN\r\n", b"\x16\x03\x01\0\x05", header()[:-1] + b"\0"],
    ids=["none", "unknown", "tls", "broken"],
)
async def test_who_is_not_named_is_not_served(serving, everything, logged, octets):
    async with serving(**LISTED) as served:
        assert await everything(await proxied(served, octets)) == b""
        assert served.listener.connections == []
    assert [one["event"] for one in logged] == ["proxy.failed"]


async def test_a_stranger_is_not_believed(serving, everything):
    async with serving(proxies=("192.0.2.0/24",)) as served:
        stream = await proxied(served, header(build=build_version_1))
        assert (await stream.receive_some()).startswith(b"hello\n")
        assert served.listener.connections[0].session.peer == ip_address("127.0.0.1")


async def test_each_peer_behind_the_proxy_is_counted_by_itself(serving, everything):
    async with serving(connections_per_address=1, **LISTED) as served:
        first = await proxied(served, header())
        assert await first.receive_some() == b"hello\n"
        assert await everything(await proxied(served, header(port=2))) == b"farewell busy\n"
        other = await proxied(served, header("198.51.100.8"))
        assert await other.receive_some() == b"hello\n"
        await first.send_all(b"bye\n")
        assert await everything(first) == b""
        answer = b""
        while answer != b"hello\n":  # the server notices the end in its own time
            answer = await (await proxied(served, header(port=3))).receive_some()


async def test_a_unix_socket_may_have_a_proxy_behind_it(serving, tmp_path):
    path = tmp_path / "s"
    async with serving(spec=f"unix:{path}", proxies=("unix",)) as served:
        stream = await served.connect(path)
        await stream.send_all(header())
        assert await stream.receive_some() == b"hello\n"
        assert served.listener.connections[0].session.peer == ip_address("198.51.100.7")
