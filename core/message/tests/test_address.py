from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.address import (
    NEEDS_SMTPUTF8,
    Address,
    AddressError,
    is_postmaster,
    parse_domain,
    parse_literal,
    quote_local,
)

GOOD = [
    ("bob@example.org", "bob", "example.org"),
    ("Bob.Smith@Example.ORG", "Bob.Smith", "example.org"),
    ("bob@example.org.", "bob", "example.org"),
    ("bob@localhost", "bob", "localhost"),
    ("bob+tag@example.org", "bob+tag", "example.org"),
    ("user%elsewhere@example.org", "user%elsewhere", "example.org"),
    ("elsewhere!user@example.org", "elsewhere!user", "example.org"),
    (
        "a/b=c?d^e_f`g{h|i}j~k#l$m&n'o*p@example.org",
        "a/b=c?d^e_f`g{h|i}j~k#l$m&n'o*p",
        "example.org",
    ),
    ('"bob"@example.org', "bob", "example.org"),
    ('"bob smith"@example.org', "bob smith", "example.org"),
    ('"a@b"@example.org', "a@b", "example.org"),
    ('"a\\"b"@example.org', 'a"b', "example.org"),
    ('"a\\b"@example.org', "ab", "example.org"),
    ('"a..b"@example.org', "a..b", "example.org"),
    ('"<>(),;:"@example.org', "<>(),;:", "example.org"),
    ("bob@[192.0.2.1]", "bob", "[192.0.2.1]"),
    ("bob@[IPv6:2001:DB8:0:0::1]", "bob", "[IPv6:2001:db8::1]"),
    ("bob@[ipv6:::1]", "bob", "[IPv6:::1]"),
    ("bob@[IPv6:::ffff:127.0.0.1]", "bob", "[127.0.0.1]"),
    ("bob@a.b-c.d--e.example", "bob", "a.b-c.d--e.example"),
    ("bob@1and1.example", "bob", "1and1.example"),
    ("bob@example.c1", "bob", "example.c1"),
    ("bob@XN--MNCHEN-3YA.example", "bob", "xn--mnchen-3ya.example"),
    ("bob@München.example", "bob", "xn--mnchen-3ya.example"),
    ("bob@MU\u0308NCHEN.example", "bob", "xn--mnchen-3ya.example"),
    ("büro@example.org", "büro", "example.org"),
    ('"büro 1"@example.org', "büro 1", "example.org"),
    ("a" * 64 + "@example.org", "a" * 64, "example.org"),
    ("a@" + "b" * 63 + ".example", "a", "b" * 63 + ".example"),
    ("a@" + ".".join(["b" * 63] * 3) + ".example", "a", ".".join(["b" * 63] * 3) + ".example"),
]


@pytest.mark.parametrize(("text", "local", "domain"), GOOD)
def test_normal_form(text, local, domain):
    address = Address.parse(text)
    assert (address.local, address.domain) == (local, domain)
    assert Address.parse(text.encode()) == address
    assert Address.parse_path(text.encode(), smtputf8=True) == address
    assert Address.parse(str(address)) == address == Address.parse(bytes(address))
    assert hash(Address.parse(str(address))) == hash(address)
    assert len(quote_local(address.local).encode()) <= 64


BAD = [
    "",
    "bob",
    "@",
    "bob@",
    "@example.org",
    "a@b@example.org",
    "bob@example.org@",
    "bob @example.org",
    " bob@example.org",
    "bob@example.org ",
    "bob@ example.org",
    "<bob@example.org>",
    "bob(comment)@example.org",
    "bob@example.org(comment)",
    "Bob <bob@example.org>",
    "team:bob@example.org;",
    "bob,eve@example.org",
    "bob@example.org,evil.example",
    ".bob@example.org",
    "bob.@example.org",
    "bo..b@example.org",
    '""@example.org',
    '"bob@example.org',
    'bob"@example.org',
    '"bob".smith@example.org',
    'bob."smith"@example.org',
    '"bob\\"@example.org',
    '"bob" @example.org',
    '"bo\x00b"@example.org',
    '"bo\\\x00b"@example.org',
    '"bo\r\nb"@example.org',
    '"bo\tb"@example.org',
    "bo\x00b@example.org",
    "bob\x7f@example.org",
    "bob\n@example.org",
    "bob@example.org\n",
    "bob@example.org\r\n",
    "bob@example.org\x00",
    "bob@exam\x00ple.org",
    "bob@exa_mple.org",
    "bob@example..org",
    "bob@example.org..",
    "bob@.example.org",
    "bob@.",
    "bob@-example.org",
    "bob@example-.org",
    "bob@example.-org",
    "bob@example.org-",
    "bob@example.org:25",
    "bob@example.org/x",
    "bob@192.0.2.1",
    "bob@192.0.2.1.",
    "bob@2130706433",
    "bob@[192.0.2.1",
    "bob@192.0.2.1]",
    "bob@[192.0.2.1].example.org",
    "bob@[192.0.2.1]]",
    "bob@[192.0.2.01]",
    "bob@[192.0.2]",
    "bob@[192.0.2.256]",
    "bob@[2001:db8::1]",
    "bob@[IPv6:2001:db8::1%eth0]",
    "bob@[IPv6:]",
    "bob@[IPv6:1::2::3]",
    "bob@[tag:content]",
    "bob@[]",
    "bob@[example.org]",
    "bob@xn--.example",
    "bob@xn--example-.example",
    "bob@xn--zzzzzzzz99999999.example",
    "bob@example\u3002org",
    "bob@example\uff0eorg",
    "bob@\uff45xample.org",
    "bob@\u212aelvin.example",
    "bob@exam\u200dple.org",
    "bob@exam\u00adple.org",
    "bo\u200bb@example.org",
    "bo\u202eb@example.org",
    "bo\u2028b@example.org",
    "bo\u0085b@example.org",
    "bo\u00a0b@example.org",
    "bo\ud800b@example.org",
    "bob@ex\ud800.org",
    "a" * 65 + "@example.org",
    "é" * 33 + "@example.org",
    '"' + "a" * 63 + '"@example.org',
    "a@" + "b" * 64 + ".example",
    "a@" + ("b" * 50 + ".") * 5 + "example",
    "a@" + ("ü" * 30 + ".") * 5 + "de",
    "a@" + "日." * 60 + "jp",
    "a" * 1_000_000,
    '"' + "\\" * 1_000_000,
    "a@" + "." * 1_000_000,
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: ascii(text[:40]))
def test_refused(text):
    with pytest.raises(AddressError) as caught:
        Address.parse(text)
    assert caught.value.reason
    with pytest.raises(AddressError):
        Address.parse_path(text.encode(errors="surrogatepass"), smtputf8=True)


@pytest.mark.parametrize(
    "route",
    [
        b"@a.example:",
        b"@a.example,@B.example:",
        "@münchen.example:".encode(),
        b"@" + b"a." * 120 + b"example:",
    ],
)
def test_a_route_is_dropped_from_a_path_only(route):
    """RFC 5321 §4.1.2: accepted and ignored."""
    bob = Address.parse("bob@example.org")
    assert Address.parse_path(route + b"bob@example.org", smtputf8=True) == bob
    with pytest.raises(AddressError):
        Address.parse(route + b"bob@example.org")


@pytest.mark.parametrize(
    "path",
    [
        b"@a.example",
        b"@a.example:",
        b"@a.example:bob",
        b"@:bob@example.org",
        b"@a.example,:bob@example.org",
        b"@a.example, @b.example:bob@example.org",
        b"@a.example,b.example:bob@example.org",
        b"@a..example:bob@example.org",
        b"@[192.0.2.1]:bob@example.org",
        b"@[IPv6:2001:db8::1]:bob@example.org",
        b"@192.0.2.1:bob@example.org",
        b"@a.example:@b.example:bob@example.org",
        b"@a_b.example:bob@example.org",
        b"@\xff.example:bob@example.org",
        b"@" + b"a," * 200 + b"@a.example:bob@example.org",
        b",@a.example" * 100 + b":bob@example.org",
        b"@a.example" + b",@a.example" * 30 + b":bob@example.org",
    ],
    ids=lambda path: ascii(path[:40]),
)
def test_what_is_no_route(path):
    with pytest.raises(AddressError):
        Address.parse_path(path, smtputf8=True)


def test_octets_need_smtputf8():
    path = "büro@example.org".encode()
    with pytest.raises(AddressError) as caught:
        Address.parse_path(path, smtputf8=False)
    assert caught.value.reason == NEEDS_SMTPUTF8
    assert not Address.parse_path(path, smtputf8=True).is_ascii
    assert Address.parse_path(b"bob@example.org", smtputf8=False).is_ascii


@pytest.mark.parametrize(
    "path", [b"b\xfcro@example.org", b"\xc0\xaf@example.org", b"a\xed\xa0\x80@example.org"]
)
def test_broken_utf8_is_refused(path):
    with pytest.raises(AddressError):
        Address.parse_path(path, smtputf8=True)


def test_key_ignores_case_and_composition():
    assert Address.parse("Bob@Example.org").key == "bob@example.org"
    assert Address.parse("BU\u0308RO@example.org").key == Address.parse("büro@example.org").key
    assert Address.parse("Bob@example.org") != Address.parse("bob@example.org")


def test_postmaster_without_a_domain():
    assert is_postmaster(b"PostMaster")
    assert is_postmaster("postmaster")
    assert not is_postmaster(b"postmaster@example.org")
    assert not is_postmaster(b"")


def test_literal_and_domain_alone():
    assert Address.parse("a@[192.0.2.1]").is_literal
    assert not Address.parse("a@example.org").is_literal
    assert parse_literal("[IPV6:0:0::1]") == "[IPv6:::1]"
    assert parse_domain("Example.ORG.") == "example.org"


def test_values_are_frozen_and_small():
    address = Address.parse("bob@example.org")
    with pytest.raises(AttributeError):
        address.local = "eve"
    assert not hasattr(address, "__dict__")


@settings(max_examples=200)
@given(st.one_of(st.text(), st.from_regex(r'["a-zA-Z.@\\ü\[\]:0-9-]{1,40}', fullmatch=True)))
def test_any_text_is_refused_or_has_a_stable_normal_form(text):
    try:
        address = Address.parse(text)
    except AddressError:
        return
    assert Address.parse(str(address)) == address
    assert address.domain == address.domain.lower() or address.is_literal
    assert not address.domain.endswith(".")


@settings(max_examples=200)
@given(st.binary(max_size=80), st.booleans())
def test_any_octets_are_refused_or_parsed(path, smtputf8):
    try:
        address = Address.parse_path(path, smtputf8=smtputf8)
    except AddressError:
        return
    assert smtputf8 or address.is_ascii
