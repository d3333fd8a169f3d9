"""PROXY headers of both versions: read in any cut, and never an octet too many."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.proxy import (
    Endpoint,
    HeaderReader,
    ProxyHeader,
    ProxyHeaderError,
    SecuredPeer,
    build_version_1,
    build_version_2,
)
from thurn_wire.proxy.checksum import crc32c
from thurn_wire.proxy.limits import VERSION_1_OCTETS, VERSION_2_OCTETS
from thurn_wire.proxy.reader import SIGNATURE

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
ports = st.integers(0, 65_535)


def endpoints(version):
    addresses = st.ip_addresses(v=version)
    pair = st.builds(Endpoint, addresses, ports)
    return st.tuples(pair, pair)


both = st.one_of(endpoints(4), endpoints(6), st.just((None, None)))
secured = st.none() | st.builds(SecuredPeer, st.booleans(), st.booleans(), texts, texts, texts)
headers = st.builds(
    lambda pair, tls, name, alpn: ProxyHeader(2, *pair, False, tls, name, alpn),
    both,
    secured,
    texts,
    st.binary(max_size=20),
)


def read(octets, cut=lambda wanted: wanted):
    """The header, and what was left of the octets."""
    reader = HeaderReader()
    position = 0
    while reader.wanted:
        piece = octets[position : position + max(1, min(cut(reader.wanted), reader.wanted))]
        reader.receive_data(piece)
        position += len(piece)
    return reader.value, octets[position:]


@given(headers, st.booleans(), st.integers(1, 9))
def test_version_2_comes_back_in_any_cut(header, with_checksum, cut):
    octets = build_version_2(header, with_checksum=with_checksum)
    assert read(octets + b"\x16\x03\x01", lambda _: cut) == (header, b"\x16\x03\x01")


@given(both, st.integers(1, 9))
def test_version_1_comes_back_in_any_cut(pair, cut):
    header = ProxyHeader(1, *pair)
    assert read(build_version_1(header) + b"EHLO x\r\n", lambda _: cut) == (header, b"EHLO x\r\n")


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(SIGNATURE.__add__)))
def test_any_octets_give_a_header_or_one_error(octets):
    with contextlib.suppress(ProxyHeaderError):
        read(octets)


@given(headers, st.data())
def test_a_flipped_bit_is_noticed(header, data):
    octets = bytearray(build_version_2(header))
    position = data.draw(st.integers(0, len(octets) - 1))
    octets[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        value, _ = read(bytes(octets))
    except ProxyHeaderError:
        return
    # The type of the checksum itself was changed, or the command became LOCAL.
    assert value.is_local or position >= 16


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO client.example\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXX TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP6 ::1 fe80::1%eth0 1 2\r\n",
        b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        b"PROXY UNKNOWN" + b"x" * VERSION_1_OCTETS,
        SIGNATURE + b"\x31\x11\0\0",
        SIGNATURE + b"\x21\x77\0\0",
        SIGNATURE + b"\x21\x11\0\x04abcd",
        SIGNATURE + b"\x21\0\0\x02\x01\0",
        SIGNATURE + b"\x21\0\0\x04\x01\0\x09x",
        SIGNATURE + b"\x21\0\0\x07\x03\0\x04abcd",
        SIGNATURE + b"\x21\0\xff\xff",
        b"",
        b"PROXY",
    ],
)
def test_what_is_not_a_header_is_refused(octets):
    with pytest.raises(ProxyHeaderError):
        read(octets)


@pytest.mark.parametrize("octet", sorted(set(range(256)) - {SIGNATURE[0], ord("P")}))
def test_the_first_foreign_octet_is_enough(octet):
    with pytest.raises(RemoteProtocolError):
        HeaderReader().receive_data(bytes([octet]))


@pytest.mark.parametrize("whole", [SIGNATURE, b"PROXY TCP4"])
def test_a_foreign_octet_inside_the_start_is_enough(whole):
    for length in range(1, 6):
        with pytest.raises(RemoteProtocolError):
            HeaderReader().receive_data(whole[:length] + b"\x16")


def test_octets_that_were_not_wanted_are_a_mistake():
    reader = HeaderReader()
    with pytest.raises(LocalProtocolError):
        reader.receive_data(SIGNATURE + b"\x21")
    reader.receive_data(SIGNATURE)
    assert reader.wanted == 4


def test_unix_sockets_have_paths():
    for source, destination in ((b"/run/a", b"x" * 108), (b"y" * 108, b"/run/b")):
        header = ProxyHeader(2, source_path=source, destination_path=destination)
        assert read(build_version_2(header)) == (header, b"")
    with pytest.raises(LocalProtocolError):
        build_version_2(ProxyHeader(2, source_path=b"x" * 109))


def test_both_ends_are_of_one_family():
    header = ProxyHeader(2, Endpoint(ip_address("::1"), 1), Endpoint(ip_address("192.0.2.1"), 2))
    for build in (build_version_1, build_version_2):
        with pytest.raises(LocalProtocolError):
            build(header)


def test_endpoints_in_words():
    assert str(Endpoint(ip_address("192.0.2.1"), 25)) == "192.0.2.1:25"
    assert str(Endpoint(ip_address("2001:db8::1"), 25)) == "[2001:db8::1]:25"


def test_local_and_unknown_name_nobody():
    local = build_version_2(ProxyHeader(2, is_local=True), with_checksum=False)
    assert read(local)[0] == ProxyHeader(2, is_local=True)
    assert read(b"PROXY UNKNOWN ffff::f ffff::f 65535 65535\r\n")[0] == ProxyHeader(1)
    assert read(SIGNATURE + b"\x21\x31\0\xd8" + bytes(216))[0] == ProxyHeader(2)


def test_unknown_types_are_skipped():
    octets = SIGNATURE + b"\x21\0\0\x08" + b"\xee\0\x05hello"
    assert read(octets)[0] == ProxyHeader(2)


def test_a_header_is_bounded():
    size = VERSION_2_OCTETS - 16
    filler = b"\x04" + (size - 3).to_bytes(2, "big") + bytes(size - 3)
    assert read(SIGNATURE + b"\x21\0" + size.to_bytes(2, "big") + filler)[0] == ProxyHeader(2)


def test_the_checksum_is_castagnoli():
    """RFC 3720 §B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
