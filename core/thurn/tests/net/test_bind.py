"""Bind specifications and what they open."""

from __future__ import annotations

import socket
import stat

import pytest
from thurn.net.bind import bind, unbind
from thurn.types.bind import InternetBind, UnixBind, parse_bind
from thurn.types.errors import ConfigError


@pytest.mark.parametrize(
    ("spec", "means"),
    [
        ("127.0.0.1:25", InternetBind("127.0.0.1", 25)),
        ("[::1]:25", InternetBind("::1", 25)),
        ("*:0", InternetBind("*", 0)),
        ("localhost:65535", InternetBind("localhost", 65535)),
        ("unix:/run/thurn/lmtp", UnixBind("/run/thurn/lmtp")),
    ],
)
def test_a_specification_means(spec, means):
    assert parse_bind(spec) == means


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "25",
        ":25",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:+1",
        "a:٣",
        "::1:25",
        "[::1]25",
        "[::1:25",
        "unix:",
        "unix:relative",
        "unix:/a\0b",
        "unix:/" + "x" * 107,
    ],
)
def test_nonsense_is_refused_by_name(spec):
    with pytest.raises(ConfigError) as caught:
        parse_bind(spec)
    assert spec in caught.value.findings[0]


def test_every_address_of_both_families():
    [listening] = bind("*:0")
    with listening:
        port = listening.getsockname()[1]
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not listening.getblocking()
        socket.create_connection(("127.0.0.1", port)).close()
        if listening.family == socket.AF_INET6:
            socket.create_connection(("::1", port)).close()


def test_a_port_in_use_is_said():
    [first] = bind("127.0.0.1:0")
    with first, pytest.raises(ConfigError, match=r"^site\.toml:9: bind .*: in use"):
        bind(f"127.0.0.1:{first.getsockname()[1]}", "site.toml:9: ")


@pytest.mark.parametrize("hosts", [("127.0.0.1", "*"), ("*", "127.0.0.1"), ("localhost", "*")])
def test_what_is_about_to_go_is_in_nobodys_way(hosts):
    [old, *_] = going = bind(f"{hosts[0]}:0")
    port = old.getsockname()[1]
    [new, *_] = coming = bind(f"{hosts[1]}:{port}", going=going)
    try:
        for spec in (f"127.0.0.1:{port}", f"*:{port}"):
            with pytest.raises(ConfigError, match="in use"):
                bind(spec)  # another server still cannot
        unbind(f"{hosts[0]}:{port}", going)
        with socket.create_connection(("127.0.0.1", port)):
            new.setblocking(True)
            new.accept()[0].close()
    finally:
        for one in (*going, *coming):
            one.close()


def test_an_unknown_name_is_said():
    with pytest.raises(ConfigError, match=r"no\.such\.invalid"):
        bind("no.such.invalid:25")


def test_a_unix_socket_is_its_owners(tmp_path):
    spec = f"unix:{tmp_path}/lmtp"
    sockets = bind(spec)
    assert stat.S_IMODE((tmp_path / "lmtp").stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="in use"):
        bind(spec)
    sockets[0].close()
    again = bind(spec)  # nobody listens on what was left behind
    unbind(spec, again)
    assert not (tmp_path / "lmtp").exists()


def test_what_is_not_a_socket_stays(tmp_path):
    (tmp_path / "precious").write_text("mail")
    with pytest.raises(ConfigError, match="in the way"):
        bind(f"unix:{tmp_path}/precious")
    assert (tmp_path / "precious").read_text() == "mail"


@pytest.mark.parametrize("spec", ["300.1.1.1:26", "a..b:27", "[zz]:1", "-a:1", "1.2.3:4", "a b:1"])
def test_a_host_that_is_neither_an_address_nor_a_name(spec):
    with pytest.raises(ConfigError, match="neither an address nor a host name"):
        parse_bind(spec)


def test_a_port_that_a_client_has_is_told_as_such():
    """The kernel gives clients ports of its own choice, also one that a site wants to listen on."""
    [listening] = bind("127.0.0.1:0")
    with listening, socket.create_connection(listening.getsockname()) as client:
        port = client.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            bind(f"127.0.0.1:{port}")
        [finding] = caught.value.findings
        assert f"ip_local_reserved_ports={port}" in finding
        with pytest.raises(ConfigError, match="another server listens there"):
            bind(f"127.0.0.1:{listening.getsockname()[1]}")
