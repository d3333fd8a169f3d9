"""Real nameservers: knot signs the zones, unbound validates them (Debian has both)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address

import dns.message
import dns.query
import pytest
from thurn.plugin import (
    Bogus,
    LookupFailed,
    MailExchanger,
    NoData,
    NoSuchName,
    RecordSet,
    Tlsa,
    takes_no_mail,
)

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SOA = "@ 3600 SOA ns hostmaster 1 3600 600 86400 300\n@ 3600 NS ns\nns A 127.0.0.1\n"
ZONES = {
    "signed.example": SOA
    + "@ MX 10 mx\n@ MX 20 backup.plain.example.\nmx A 192.0.2.1\nmx 60 AAAA 2001:db8::1\n"
    + f"_25._tcp.mx TLSA 3 1 1 {'ab' * 32}\nalias CNAME mx\nout CNAME host.plain.example.\n"
    + "gone CNAME nobody\nbelow.empty A 192.0.2.2\n"
    + '@ TXT "v=spf1 " "mx -all"\n'
    + "".join(f'large TXT "{number:04} {"x" * 240}"\n' for number in range(40)),
    "plain.example": SOA + "@ MX 0 .\nhost A 192.0.2.3\n",
    "forged.example": SOA + "@ MX 10 mx\nmx A 192.0.2.4\n",
    "2.0.192.in-addr.arpa": SOA.replace("ns A 127.0.0.1\n", "") + "1 PTR mx.signed.example.\n",
}
KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: {directory}
    user: {account}
log:
  - target: stderr
    any: warning
database:
    storage: {directory}/database
template:
  - id: default
    storage: {directory}
zone:
  - domain: signed.example
    dnssec-signing: on
  - domain: forged.example
    dnssec-signing: on
  - domain: plain.example
  - domain: 2.0.192.in-addr.arpa
"""
UNBOUND = """
server:
    interface: 127.0.0.1@{port}
    directory: "{directory}"
    username: ""
    chroot: ""
    pidfile: ""
    logfile: ""
    use-syslog: no
    do-daemonize: no
    do-ip6: no
    do-not-query-localhost: no
    num-threads: 1
    ede: {ede}
    local-zone: "2.0.192.in-addr.arpa." nodefault
    trust-anchor: "signed.example. DNSKEY {signed}"
    trust-anchor: "forged.example. DNSKEY {signed}"
remote-control:
    control-enable: no
"""
STUB = """
stub-zone:
    name: "{zone}"
    stub-addr: 127.0.0.1@{port}
"""
READY_SECONDS = 60
"""For a nameserver on a busy machine; both are ready within two seconds on one at rest."""


def program(name):
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None and os.environ.get("THURN_REQUIRE_INTEROP"):
        pytest.fail(f"{name} is not installed, and this run requires it")
    return found or pytest.skip(f"{name} is not installed")


def unused_port():
    """A port of loopback that neither TCP nor UDP has."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def running(directory, *command):
    with (directory / "log").open("ab") as log:
        child = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def ask(port, name, kind):
    query = dns.message.make_query(name, kind, use_edns=0)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=1)


def answered(port, name, kind, child, directory):
    """The first response with an answer."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            response = ask(port, name, kind)
        except (dns.exception.DNSException, OSError):
            os.sched_yield()
            continue
        if response.answer:
            return response
    raise AssertionError((directory / "log").read_text())


@contextmanager
def knot(directory):
    """The port of a knot that has the zones."""
    port, account = unused_port(), pwd.getpwuid(os.getuid()).pw_name
    (directory / "database").mkdir()
    for zone, text in ZONES.items():
        (directory / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n$TTL 3600\n{text}")
    (directory / "knot.conf").write_text(
        KNOT.format(port=port, directory=directory, account=account)
    )
    with running(directory, program("knotd"), "-c", "knot.conf") as child:
        for zone in ("signed.example", "forged.example"):
            answered(port, zone, "DNSKEY", child, directory)
        yield port


@contextmanager
def unbound(directory, knot_port, *, ede):
    """The port of an unbound that knows the key of signed.example, and takes it for the key of
    forged.example, too; the zone lost.example has a nameserver that refuses it."""
    directory.mkdir()
    port = unused_port()
    keys = ask(knot_port, "signed.example", "DNSKEY").answer[0]
    (signed,) = (key.to_text() for key in keys if key.flags == 257)
    (directory / "unbound.conf").write_text(
        UNBOUND.format(port=port, directory=directory, signed=signed, ede=ede)
        + "".join(STUB.format(zone=zone, port=knot_port) for zone in (*ZONES, "lost.example"))
    )
    with running(directory, program("unbound"), "-c", "unbound.conf", "-d") as child:
        answered(port, "host.plain.example", "A", child, directory)
        yield port


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Of knot, and of two unbounds: one with extended errors, one without."""
    directory = tmp_path_factory.mktemp("nameservers")
    with ExitStack() as stack:
        own = stack.enter_context(knot(directory))
        telling = stack.enter_context(unbound(directory / "telling", own, ede="yes"))
        silent = stack.enter_context(unbound(directory / "silent", own, ede="no"))
        yield {"knot": own, "telling": telling, "silent": silent}


@pytest.fixture(params=["telling", "silent"])
def validating(request, ports, opened):
    return opened(f"127.0.0.1:{ports[request.param]}", validator=True)


async def test_what_is_signed_is_authenticated(validating):
    six, four = ip_address("2001:db8::1"), ip_address("192.0.2.1")
    async with validating as resolver:
        addresses = await resolver.addresses("mx.signed.example")
        assert addresses.records == (six, four)
        assert addresses.ttl_seconds <= 60
        exchangers = await resolver.mx("signed.example")
        assert exchangers.records == (
            MailExchanger(10, "mx.signed.example"),
            MailExchanger(20, "backup.plain.example"),
        )
        tlsa = await resolver.tlsa("mx.signed.example")
        assert tlsa.records == (Tlsa(3, 1, 1, b"\xab" * 32),)
        text = await resolver.txt("signed.example")
        assert text.records == (b"v=spf1 mx -all",)
        alias = await resolver.a("alias.signed.example")
        assert alias.name == "mx.signed.example"
        assert (await resolver.cname("alias.signed.example")).records == ("mx.signed.example",)
        assert all(one.authenticated for one in (addresses, exchangers, tlsa, text, alias))


async def test_what_is_signed_and_not_there(validating):
    async with validating as resolver:
        for name, kind in (
            ("nobody.signed.example", NoSuchName),
            ("gone.signed.example", NoSuchName),
            ("mx.signed.example", NoData),
            ("empty.signed.example", NoData),
        ):
            answer = await resolver.mx(name)
            assert isinstance(answer, kind)
            assert answer.authenticated
            assert 0 < answer.ttl_seconds <= 300
        assert isinstance(await resolver.tlsa("ns.signed.example"), NoSuchName)


async def test_what_is_not_signed_is_not_authenticated(validating):
    async with validating as resolver:
        plain = await resolver.a("host.plain.example")
        outside = await resolver.a("out.signed.example")
        for answer in (plain, outside):
            assert answer.records == (ip_address("192.0.2.3"),)
            assert not answer.authenticated
        silent = await resolver.mx("plain.example")
        assert takes_no_mail(silent)
        assert not silent.authenticated
        names = await resolver.ptr(ip_address("192.0.2.1"))
        assert names.records == ("mx.signed.example",)


async def test_what_is_forged_is_bogus(validating):
    async with validating as resolver:
        for kind in (resolver.a, resolver.addresses, resolver.mx):
            with pytest.raises(Bogus):
                await kind("mx.forged.example")


async def test_what_is_forged_is_not_got_elsewhere(ports, opened):
    """The second nameserver does not check."""
    addresses = [f"127.0.0.1:{ports[name]}" for name in ("telling", "knot")]
    async with opened(*addresses) as resolver:
        with pytest.raises(Bogus):
            await resolver.a("mx.forged.example")


async def test_a_zone_without_nameservers_is_not_bogus(validating):
    async with validating as resolver:
        with pytest.raises(LookupFailed, match="SERVFAIL") as caught:
            await resolver.a("mx.lost.example")
    assert not isinstance(caught.value, Bogus)


@pytest.mark.parametrize("name", ["knot", "telling"])
async def test_a_large_answer_comes_by_tcp(ports, opened, name):
    async with opened(f"127.0.0.1:{ports[name]}") as resolver:
        answer = await resolver.txt("large.signed.example")
    assert isinstance(answer, RecordSet)
    assert len(answer.records) == 40
    assert {len(text) for text in answer.records} == {245}


async def test_an_authority_is_no_nameserver_for_others(ports, opened):
    async with opened(f"127.0.0.1:{ports['knot']}") as resolver:
        assert (await resolver.a("mx.signed.example")).records == (ip_address("192.0.2.1"),)
        with pytest.raises(LookupFailed, match="REFUSED"):
            await resolver.a("elsewhere.example")


async def test_the_next_nameserver_when_the_first_is_gone(ports, opened):
    gone = f"127.0.0.1:{unused_port()}"
    async with opened(gone, f"127.0.0.1:{ports['telling']}", validator=True) as resolver:
        assert (await resolver.a("mx.signed.example")).authenticated
