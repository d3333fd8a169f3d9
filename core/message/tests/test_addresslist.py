"""Lists of addresses, as people and programs write them.

RFC 5322 §3.4, RFC 6532 §3.2, RFC 6854.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.address import Address
from thurn_message.addresslist import Group, Mailbox, parse_address_list

CLEAN = [
    (b"bob@example.org", [("", "bob@example.org")]),
    (b"Bob <bob@example.org>", [("Bob", "bob@example.org")]),
    (b"<bob@example.org>", [("", "bob@example.org")]),
    (b'"B, ob" <bob@example.org>', [("B, ob", "bob@example.org")]),
    (b'"B \\"x\\" ob" <bob@example.org>', [('B "x" ob', "bob@example.org")]),
    (b"=?utf-8?q?J=C3=B6?= <j@example.org>", [("Jö", "j@example.org")]),
    (b"J. Doe <j@example.org>", [("J. Doe", "j@example.org")]),
    (b"bob@example.org (Bob)", [("Bob", "bob@example.org")]),
    (b"(x) Bob <bob@example.org>", [("Bob", "bob@example.org")]),
    (b"a@b.example,\r\n c <d@e.example>", [("", "a@b.example"), ("c", "d@e.example")]),
    (b'"a b"@example.org', [("", '"a b"@example.org')]),
    (b"Bob\r\n <bob@example.org>", [("Bob", "bob@example.org")]),
    ("Jö <jö@bücher.example>".encode(), [("Jö", "jö@xn--bcher-kva.example")]),
    (b"bob@[192.0.2.1]", [("", "bob@[192.0.2.1]")]),
    (b"BOB@Example.ORG", [("", "BOB@example.org")]),
]


@pytest.mark.parametrize(("value", "expected"), CLEAN)
def test_clean_lists(value, expected):
    addresses = parse_address_list(value, strict=True)
    assert addresses.doubts == ()
    assert [(box.display_name, str(box.address)) for box in addresses.mailboxes] == expected
    assert addresses.entries == addresses.mailboxes


DOUBTFUL = [
    (b"a@b@example.org", "several @ in an address"),
    (b"a@b.example c@d.example", "several @ in an address"),
    (b"<a@b.example> c@d.example", "text after an address"),
    (b"<a@b.example> <c@d.example>", "angle bracket out of place"),
    (b"a@b.example>", "angle bracket out of place"),
    (b"<a@b.example", "angle bracket without end"),
    (b"<a@b.example, c@d.example", "angle bracket without end"),
    (b'"Bob <a@b.example>', "quoted string without end"),
    (b"a@b.example (Bob", "comment without end"),
    (b"a@(x)b.example", "comment inside an address"),
    (b"<a(x)@b.example>", "comment inside an address"),
    (b"bob @ example.org", "white space inside an address"),
    (b"bob", "address without a domain"),
    (b"<>", "address without a domain"),
    (b"<@c.example:a@b.example>", "source route"),
    (b"a@b.example,,c@d.example", "empty element"),
    (b"a@b.example,", None),
    (b"a@b.example;", "semicolon outside a group"),
    (b"a@b.example)", "stray character"),
    (b"a\\b@c.example", "stray character"),
    (b"Team: a@b.example", "group without end"),
    (b"Team: a@b.example;", "group"),
    (b"undisclosed-recipients:;", "group"),
    (b'"a@b.example" <c@d.example>', "display name holds an address"),
    (b"=?utf-8?q?a=40b=2Eexample?= <c@d.example>", "display name holds an address"),
    (b'"a@b"@example.org', "quoted local part with an @"),
    (b"=?utf-8?q?a?=@b.example", "encoded word in an address"),
    (b"=?utf-8?q?a=40b=2Eexample?=", "encoded word in an address"),
    (b"a..b@c.example", "address does not parse"),
    (b"a@b_c.example", "address does not parse"),
    (b"a@127.0.0.1", "address does not parse"),
    (b"a\0@b.example", "control character"),
    (b"a@b.example\rc", "control character"),
    (b"a@b.example\nc", "control character"),
]


@pytest.mark.parametrize(("value", "doubt"), DOUBTFUL)
def test_doubts(value, doubt):
    doubts = parse_address_list(value, strict=True).doubts
    assert doubt in doubts if doubt else doubts == ()


def test_the_last_at_decides():
    (box,) = parse_address_list(b"good@example.org@evil.example").mailboxes
    assert (box.local, box.domain) == (b"good@example.org", b"evil.example")
    assert box.address is None


def test_groups():
    addresses = parse_address_list(b"A: b@c.example, d@e.example;, f@g.example, H:;")
    assert [type(entry) for entry in addresses.entries] == [Group, Mailbox, Group]
    assert [str(box.address) for box in addresses.mailboxes] == [
        "b@c.example",
        "d@e.example",
        "f@g.example",
    ]
    assert addresses.entries[2] == Group(b"H", ())


def test_a_comma_inside_a_route_does_not_split():
    (box,) = parse_address_list(b"<@a.example,@b.example:c@d.example>").mailboxes
    assert (box.route, box.raw) == (b"@a.example,@b.example", b"c@d.example")
    assert len(parse_address_list(b"<a@b.example, c@d.example>").mailboxes) == 2


def test_nothing_holds_nothing():
    assert parse_address_list(b" \r\n ").entries == ()
    assert parse_address_list(b"(only a comment)").entries == ()


@settings(max_examples=200)
@given(st.text('ab@<>(),:;"\\[]. \r\n=?\0é', max_size=40).map(str.encode), st.booleans())
def test_any_octets(value, strict):
    addresses = parse_address_list(value, strict=strict)
    for box in addresses.mailboxes:
        assert isinstance(box.display_name, str)
        assert box.address is None or isinstance(box.address, Address)
    assert len(set(addresses.doubts)) == len(addresses.doubts)
