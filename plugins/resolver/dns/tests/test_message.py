"""Messages as dnspython writes and reads them; and octets that nobody has written."""

from __future__ import annotations

import struct
import sys
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_resolver_dns.message import (
    Flag,
    Kind,
    MalformedMessage,
    Question,
    is_for,
    read_response,
    write_query,
)
from zoneserver import respond

HEADER = struct.pack("!HHHHHH", 1, Flag.RESPONSE | Flag.RECURSION_AVAILABLE, 1, 1, 0, 0)
ROOT_A = b"\0" + struct.pack("!HH", Kind.A, 1)


def asked(question, **options):
    return dns.message.make_query(f"{question.name}.", question.kind.name, id=7, **options)


def read(question, *lines, **more):
    return read_response(respond(asked(question), *lines, **more).to_wire(), question)


@pytest.mark.parametrize("kind", [one for one in Kind if one is not Kind.OPT])
@pytest.mark.parametrize("name", ["example.org", "a", "_25._tcp.x-y.example", "a." * 126 + "b"])
def test_a_query_is_what_dnspython_reads(name, kind):
    query = dns.message.from_wire(write_query(7, Question(name, kind), Flag.AUTHENTIC, 1232))
    expected = dns.message.make_query(f"{name}.", kind.name, id=7, use_edns=0, payload=1232)
    expected.flags |= dns.flags.AD
    assert query == expected
    assert (query.payload, query.ednsflags) == (1232, 0)
    plain = dns.message.from_wire(write_query(7, Question(name, kind), 0, None))
    assert plain == dns.message.make_query(f"{name}.", kind.name, id=7)
    assert plain.edns == -1


VALUES = {  # RFC 1035 §3.3 and §3.4, RFC 3596 §2.2
    Kind.A: ("192.0.2.1", IPv4Address("192.0.2.1")),
    Kind.AAAA: ("2001:db8::1", IPv6Address("2001:db8::1")),
    Kind.CNAME: ("Other.Example.", "other.example"),
    Kind.PTR: ("host.example.", "host.example"),
    Kind.TXT: (r'"a" "\000\255b" ""', b"a\0\xffb"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values(kind):
    text, value = VALUES[kind]
    question = Question("example.org", kind)
    response = read(question, f"Example.ORG. 60 IN {kind.name} {text}")
    found = response.answers["example.org", kind]
    assert (found.ttl_seconds, found.values) == (60, [value])


def test_exchangers_and_certificates():
    """RFC 6698 §2.1; the host of a null MX is the root (RFC 7505 §3)."""
    response = read(
        Question("example.org", Kind.MX),
        "example.org. 60 IN MX 10 MX.example.org.",
        "example.org. 50 IN MX 0 .",
        "_25._tcp.example.org. 9 IN TLSA 3 1 0 00ff",
    )
    exchangers = response.answers["example.org", Kind.MX]
    assert [(one.preference, one.host) for one in exchangers.values] == [
        (10, "mx.example.org"),
        (0, ""),
    ]
    assert exchangers.ttl_seconds == 50
    (tlsa,) = response.answers["_25._tcp.example.org", Kind.TLSA].values
    assert (tlsa.usage, tlsa.selector, tlsa.matching_type) == (3, 1, 0)
    assert tlsa.association == b"\0\xff"


def test_what_nobody_asks_for_is_stepped_over():
    response = read(
        Question("example.org", Kind.A),
        "example.org. 60 IN LOC 51 30 12.748 N 0 7 39.612 W 0.00m",
        "example.org. 60 CH TXT chaos",
        "example.org. 60 IN RRSIG A 8 2 60 20300101000000 20200101000000 1 example.org. AAAA",
        "example.org. 60 IN TYPE65280 \\# 2 c00c",
        "example.org. 60 IN A 192.0.2.1",
    )
    assert list(response.answers) == [("example.org", Kind.A)]


def test_a_no_has_the_lifetime_of_its_zone():
    soa = "example.org. 60 IN SOA ns.example.org. hostmaster.example.org. 1 2 3 4 {}"
    for minimum, expected in ((30, 30), (90, 60)):
        response = read(Question("x.example.org", Kind.A), authority=[soa.format(minimum)])
        assert response.negative_ttls == {"example.org": expected}
        assert not response.is_referral
    referral = read(
        Question("x.example.org", Kind.A), authority=["example.org. 60 IN NS ns.example.org."]
    )
    assert referral.is_referral


def test_what_a_response_says_of_itself():
    """RFC 6891 §6.1.3, RFC 8914 §2."""
    question = Question("example.org", Kind.A)
    response = respond(asked(question, use_edns=0))
    response.use_edns(0, options=[dns.edns.EDEOption(6, "no"), dns.edns.NSIDOption(b"x")])
    response.set_rcode(dns.rcode.BADVERS)
    response.flags |= dns.flags.AD | dns.flags.AA
    found = read_response(response.to_wire(), question)
    assert (found.rcode, found.extended_errors) == (16, [6])
    assert found.has(Flag.AUTHENTIC)
    assert found.has(Flag.AUTHORITATIVE)
    assert not found.has(Flag.TRUNCATED)


def test_a_lifetime_over_its_bound_is_none():
    response = respond(asked(Question("a", Kind.A)), "a. 1 IN A 192.0.2.1").to_wire()
    wrong = response[:-10] + b"\xff\xff\xff\xff" + response[-6:]
    found = read_response(wrong, Question("a", Kind.A))
    assert found.answers["a", Kind.A].ttl_seconds == 0


@pytest.mark.parametrize(
    ("label", "text"),
    [(b"A-_9", "a-_9"), (b"a.b", r"a\.b"), (b"a b", r"a\032b"), (b"\0", r"\000"),
     (b"\xff", r"\255"), (b"a\\", r"a\\"), (b"X!", "x!")],
)  # fmt: skip
def test_octets_of_a_name_stay_apart_and_printable(label, text):
    name = bytes([len(label)]) + label + b"\0"
    message = HEADER + ROOT_A + b"\0" + struct.pack("!HHIH", Kind.PTR, 1, 1, len(name)) + name
    found = read_response(message, Question("", Kind.A))
    assert found.answers["", Kind.PTR].values == [text]
    assert dns.name.from_text(f"{text}.").labels[0] == label.lower()


def test_which_datagram_is_for_whom():
    response = respond(asked(Question("a", Kind.A))).to_wire()
    assert is_for(response, 7)
    assert not is_for(response, 8)
    assert not is_for(response[:11], 7)
    assert not is_for(write_query(7, Question("a", Kind.A), 0, None), 7)
    notify = bytearray(response)
    notify[2] |= 4 << 3
    assert not is_for(bytes(notify), 7)


@pytest.mark.parametrize("other", [Question("b", Kind.A), Question("a", Kind.MX)])
def test_the_response_to_another_question(other):
    response = respond(asked(other), "a. 1 IN A 192.0.2.1").to_wire()
    assert read_response(response, Question("a", Kind.A)) is None


def test_a_response_without_its_question():
    question = Question("a", Kind.A)
    for rcode, is_one in ((0, False), (3, False), (1, True), (2, True), (5, True)):
        response = struct.pack("!HHHHHH", 7, Flag.RESPONSE | rcode, 0, 0, 0, 0)
        assert (read_response(response, question) is not None) is is_one


def test_of_a_truncated_response_nothing_is_used():
    question = Question("a", Kind.A)
    response = bytearray(respond(asked(question), "a. 1 IN A 192.0.2.1").to_wire()[:-3])
    response[2] |= 2
    found = read_response(bytes(response), question)
    assert found.has(Flag.TRUNCATED)
    assert not found.answers


def with_record(owner, kind, values, length=None):
    length = len(values) if length is None else length
    return HEADER + ROOT_A + owner + struct.pack("!HHIH", kind, 1, 1, length) + values


def with_ring():
    """A name that leads to two pointers in the text before it, which lead to each other."""
    ring = b"\x04\xc0\x1f\xc0\x1d"
    text = b"\0" + struct.pack("!HHIH", Kind.TXT, 1, 1, len(ring)) + ring
    header = struct.pack("!HHHHHH", 1, Flag.RESPONSE, 1, 2, 0, 0)
    assert (header + ROOT_A + text).index(b"\xc0\x1f") == 0x1D
    return header + ROOT_A + text + b"\xc0\x1d" + struct.pack("!HHIHI", Kind.A, 1, 1, 4, 0)


@pytest.mark.parametrize(
    "message",
    [
        with_ring(),
        with_record(b"\0", Kind.A, b"abc"),
        with_record(b"\0", Kind.A, b"abcde"),
        with_record(b"\0", Kind.A, b"abcd", length=5),
        with_record(b"\0", Kind.AAAA, b"abcd"),
        with_record(b"\0", Kind.MX, b"\0"),
        with_record(b"\0", Kind.MX, b"\0\1\0x"),
        with_record(b"\0", Kind.PTR, b"\0x"),
        with_record(b"\0", Kind.PTR, b"\5ab"),
        with_record(b"\0", Kind.TXT, b""),
        with_record(b"\0", Kind.TXT, b"\3ab"),
        with_record(b"\0", Kind.TLSA, b"\3\1"),
        with_record(b"\x40", Kind.A, b"abcd"),
        with_record(b"\x80\0", Kind.A, b"abcd"),
        with_record(b"\xc0\x11", Kind.A, b"abcd"),  # to itself
        with_record(b"\xc0\x12", Kind.A, b"abcd"),  # forward
        with_record(b"\1a\xc0\x11", Kind.A, b"abcd"),  # round and round
        with_record(b"\xff\xff", Kind.A, b"abcd"),
        with_record(b"\1a" * 128 + b"\0", Kind.A, b"abcd"),
        HEADER,
        HEADER + ROOT_A,
        b"",
    ],
)
def test_what_is_malformed(message):
    with pytest.raises(MalformedMessage):
        read_response(message, Question("", Kind.A))


NAMES = st.sampled_from(["a.example.", "b.a.example.", "Example.", ".", r"x\.y.example."])
LINES = st.one_of(
    st.builds("{} {} IN A 192.0.2.1".format, NAMES, st.integers(0, 2**31 - 1)),
    st.builds("{} 60 IN CNAME {}".format, NAMES, NAMES),
    st.builds("{} 60 IN MX {} {}".format, NAMES, st.integers(0, 65_535), NAMES),
    st.builds("{} 60 IN PTR {}".format, NAMES, NAMES),
    st.builds("{} 60 IN TXT a{}".format, NAMES, st.integers(0, 99)),
    st.builds("{} 60 IN NS {}".format, NAMES, NAMES),
)


@given(st.lists(LINES, max_size=12))
@settings(max_examples=200, deadline=None)
def test_it_reads_what_dnspython_writes(lines):
    question = Question("b.a.example", Kind.MX)
    response = respond(asked(question), *lines)
    found = read_response(response.to_wire(), question)
    records = [(one.name, one.rdtype, one) for one in response.answer if one.rdtype in Kind]
    for name, kind, _ in records:
        if kind == Kind.NS:
            continue
        owner = name.canonicalize().to_text(omit_final_dot=True)
        values = found.answers["" if owner in ("@", ".") else owner, Kind(kind)].values
        same = [other for n, k, other in records if (n, k) == (name, kind)]
        assert len(values) == sum(map(len, same))
        if kind == Kind.MX:
            hosts = {dns.name.from_text(f"{value.host}.".replace("..", ".")) for value in values}
            assert hosts == {rdata.exchange for other in same for rdata in other}


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_random_octets_are_read_or_malformed(octets):
    for message in (octets, HEADER + ROOT_A + octets, HEADER[:6] + octets):
        with suppress(MalformedMessage):
            read_response(message, Question("", Kind.A))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_message_is_read_or_malformed(data):
    question = Question("b.a.example", Kind.MX)
    whole = respond(
        asked(question),
        "b.a.example. 60 IN MX 10 c.b.a.example.",
        'b.a.example. 60 IN TXT "some text"',
        "c.b.a.example. 60 IN CNAME a.example.",
        authority=["a.example. 60 IN SOA ns.a.example. hostmaster.a.example. 1 2 3 4 5"],
    ).to_wire()
    damaged = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    with suppress(MalformedMessage):
        read_response(bytes(damaged[: data.draw(st.integers(0, len(whole)))]), question)


def deep(size_octets):
    """Records whose owner and host are pointers to a name of 126 labels."""
    question = b"\1a" * 126 + b"\0" + struct.pack("!HH", Kind.MX, 1)
    record = b"\xc0\x0c" + struct.pack("!HHIHH", Kind.MX, 1, 1, 4, 1) + b"\xc0\x0c"
    count = (size_octets - 12 - len(question)) // len(record)
    header = struct.pack("!HHHHHH", 1, Flag.RESPONSE, 1, count, 0, 0)
    return header + question + record * count, Question(".".join("a" * 126), Kind.MX)


def ladder(size_octets):
    """Records whose owners begin at each label of a long name, in turn."""
    question = b"\1a" * 126 + b"\0" + struct.pack("!HH", Kind.A, 1)
    count = (size_octets - 12 - len(question)) // 16
    records = b"".join(
        struct.pack("!HHHIHI", 0xC000 | 12 + 2 * (number % 126), Kind.A, 1, 1, 4, number)
        for number in range(count)
    )
    header = struct.pack("!HHHHHH", 1, Flag.RESPONSE, 1, count, 0, 0)
    return header + question + records, Question(".".join("a" * 126), Kind.A)


def written_out(size_octets):
    """Records with a name of 126 odd labels each."""
    name = b"\1\0" * 126 + b"\0"
    record = b"\0" + struct.pack("!HHIH", Kind.PTR, 1, 1, len(name)) + name
    count = (size_octets - 12 - len(ROOT_A)) // len(record)
    header = struct.pack("!HHHHHH", 1, Flag.RESPONSE, 1, count, 0, 0)
    return header + ROOT_A + record * count, Question("", Kind.A)


def steps(message, question):
    """Lines of ours that run: they do not depend on the machine."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert read_response(message, question) is not None
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("make", [deep, ladder, written_out])
def test_work_grows_with_the_octets(make):
    """Not with their product with the length of the names in them."""
    small, large = steps(*make(6_000)), steps(*make(60_000))
    assert large < 12 * small
    assert large < 10 * 60_000
