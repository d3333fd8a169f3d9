"""Content made to cost time, memory or depth: everything ends, within bounds, and says what it cut.

Sizes are such that anything worse than linear would not end within the time of a test.
"""

from __future__ import annotations

import pytest
from thurn_message.addresslist import parse_address_list
from thurn_message.date import parse_date
from thurn_message.encodedword import decode_words
from thurn_message.limits import (
    MAX_ADDRESSES,
    MAX_DEPTH,
    MAX_HEADER_FIELDS,
    MAX_HEADER_OCTETS,
    MAX_MESSAGE_IDS,
    MAX_PARAMETERS,
    MAX_PARTS,
)
from thurn_message.msgid import parse_message_id, parse_message_ids
from thurn_message.parameter import decode_parameters, split_value, strip_comments
from thurn_message.scanner import scan


def multipart(boundary, rest=b""):
    return b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n%b' % (boundary, rest)


def nested(levels, boundary=b"b%d", inner=b"\r\ninner\r\n"):
    opened = b"".join(
        multipart(name) + b"--" + name + b"\r\n"
        for name in (boundary % n if b"%" in boundary else boundary for n in range(levels))
    )
    return opened + inner


def rfc822(levels):
    return b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: x\r\n\r\ninner\r\n"


HOSTILE = {
    "nothing": b"",
    "only line ends": b"\r\n" * 200_000,
    "only LF": b"\n" * 400_000,
    "only CR": b"\r" * 400_000,
    "only NUL": b"\0" * 400_000,
    "no line end": b"a" * 1_000_000,
    "one huge field": b"Subject: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "one huge folded field": b"To: " + b"a@example.org,\r\n " * 60_000 + b"\r\n\r\n",
    "many fields": b"A: b\r\n" * 200_000 + b"\r\n",
    "many junk lines": b"junk\r\n" * 200_000 + b"\r\n",
    "many names without a colon": b"\nname" * 200_000,
    "spaces before a colon": (b"name" + b" " * 1_000 + b"x\r\n") * 1_000,
    "nested multiparts": nested(5_000),
    "nested multiparts, large inside": nested(90, inner=b"\r\n" + b"x" * 2_000_000),
    "nested multiparts, lookalikes inside": nested(90, inner=b"\r\n" + b"\r\n--bx" * 200_000),
    "same boundary at all levels": nested(5_000, b"same"),
    "boundaries are prefixes": nested(200, b"b" * 60 + b"%d"),
    "messages in messages": rfc822(20_000),
    "messages in messages, large inside": rfc822(90) + b"y\r\n" * 300_000,
    "messages in multiparts": (multipart(b"b", b"--b\r\n") + rfc822(1)) * 3_000,
    "many parts": multipart(b"b", b"--b\r\n\r\n" * 100_000),
    "many empty parts": multipart(b"b", b"--b\r\n" * 200_000),
    "many parts of many parts": multipart(
        b"b", b"".join(b"--b\r\n" + multipart(b"c%d" % n, b"--c%d\r\n" % n * 99) for n in range(99))
    ),
    "lookalikes": multipart(b"b", b"--bx\r\n" * 300_000),
    "delimiters with spaces": multipart(b"b", (b"--b" + b" " * 5_000 + b"x\r\n") * 200),
    "never closed": multipart(b"b", b"--b\r\n\r\n" + b"x" * 1_000_000),
    "dashes": multipart(b"-" * 50, b"-" * 1_000_000),
    "boundary of dashes in lines": multipart(b"-" * 30, b"\r\n--" * 300_000),
    "empty boundary": multipart(b"", b"--\r\n\r\nx\r\n----\r\n"),
    "space boundary": multipart(b"   ", b"--\r\n\r\nx\r\n----\r\n"),
    "huge boundary": multipart(b"b" * 100_000, b"--" + b"b" * 100_000 + b"\r\n\r\nx"),
    "long boundaries": multipart(b"b" * 9_000, (b"--" + b"b" * 9_000 + b"\r\n\r\nx\r\n") * 100),
    "almost the long boundary": multipart(b"a" * 9_000, b"\n--" + b"a" * 1_000_000),
    "digest": b"Content-Type: multipart/digest; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nA: b\r\n\r\n" * 9_000,
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 100_000 + b"\r\n\r\n",
    "semicolons": b"Content-Type: text/plain" + b";" * 500_000 + b"\r\n\r\n",
    "sections": b"Content-Type: a/b"
    + b"".join(b"; n*%d*=x" % n for n in range(50_000))
    + b"\r\n\r\n",
    "open quotes": b'Content-Type: text/plain; a="' + b'\\"' * 300_000 + b"\r\n\r\n",
    "quotes": b"Content-Type: text/plain; " + b'a="' * 200_000 + b"\r\n\r\n",
    "comments": b"Content-Type: text/plain " + b"(" * 500_000 + b"\r\n\r\n",
    "closed comments": b"From: " + b"(" * 100_000 + b")" * 100_000 + b" a@b\r\n\r\n",
    "comment ends in a backslash": b"From: a@b (x\\\r\n\r\n",
    "comment pairs": b"From: " + b"()" * 120_000 + b"\r\n\r\n",
    "addresses": b"To: " + b"a@example.org, " * 100_000 + b"\r\n\r\n",
    "addresses, not ordinary": b"To: (x) " + b'"a b" c <a@example.org>, ' * 100_000 + b"\r\n\r\n",
    "ats": b"To: " + b"@" * 250_000 + b"\r\n\r\n",
    "colons": b"To: @" + b":" * 250_000 + b"\r\n\r\n",
    "words then colons": b"To: " + b"a " * 60_000 + b"@" + b" :" * 60_000 + b"\r\n\r\n",
    "angles": b"To: " + b"<" * 250_000 + b"\r\n\r\n",
    "open and closed angles": b"To: " + b"<>" * 120_000 + b"\r\n\r\n",
    "route": b"To: <" + b"@a," * 80_000 + b":b@c>\r\n\r\n",
    "groups": b"To: " + b"a:b@c;" * 40_000 + b"\r\n\r\n",
    "empty groups": b"To: " + b"a:;" * 80_000 + b"\r\n\r\n",
    "group colons": b"To: " + b"a:" * 120_000 + b"\r\n\r\n",
    "semicolons in To": b"To: " + b";" * 250_000 + b"\r\n\r\n",
    "commas": b"To: " + b"," * 250_000 + b"\r\n\r\n",
    "many To": b"To: " + b"\r\nTo: ".join([b"a" * 40] * 5_000) + b"\r\n\r\n",
    "brackets": b"To: " + b"[" * 250_000 + b"\r\n\r\n",
    "backslashes": b"To: " + b"\\" * 250_000 + b"\r\n\r\n",
    "quotes in To": b"To: " + b'"' * 250_000 + b"\r\n\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 200_000 + b"\r\n\r\n",
    "encoding": b"Content-Transfer-Encoding: " + b"(" * 100_000 + b"\r\n\r\n",
    "languages": b"Content-Language: " + b"a," * 100_000 + b"\r\n\r\n",
    "8-bit": bytes(range(128, 256)) * 3_000,
}


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def content(request):
    return request.param


def test_bounded(content, check_scan):
    scanned = scan(content)
    assert len(scanned.fields) <= MAX_HEADER_FIELDS
    assert len(scanned.parts) <= MAX_PARTS
    assert max(part.depth for part in scanned.parts) <= MAX_DEPTH + 1
    check_scan(scanned)
    # What IMAP gets is in proportion to the message.
    assert len(scanned.envelope) + len(scanned.bodystructure) < 10 * len(content) + 100_000
    assert isinstance(scanned.limits_reached, list)


def test_readers(content):
    for field in scan(content).fields[:50]:
        value = content[field.value : field.end]
        assert len(parse_address_list(value, strict=True).mailboxes) <= MAX_ADDRESSES
        decode_words(value)
        parse_date(value)
        parse_message_id(value)
        assert len(parse_message_ids(value)) <= MAX_MESSAGE_IDS
        parameters = split_value(value)[1]
        assert len(parameters) <= MAX_PARAMETERS
        decode_parameters(parameters)
        strip_comments(value)


def depth(scanned):
    return max(part.depth for part in scanned.parts)


def test_depth_is_bounded_and_said():
    scanned = scan(nested(MAX_DEPTH))
    assert depth(scanned) == MAX_DEPTH
    assert scanned.limits_reached == []
    assert not any(part.opaque for part in scanned.parts)
    scanned = scan(nested(MAX_DEPTH + 1))
    assert scanned.parts[-1].opaque
    assert scanned.parts[-1].content_type == "application/octet-stream"
    assert scanned.limits_reached == ["parts"]
    assert depth(scan(rfc822(MAX_DEPTH))) == MAX_DEPTH
    assert scan(rfc822(MAX_DEPTH + 1)).parts[-1].opaque


def test_the_rest_is_one_opaque_part():
    one = b"--b\r\n\r\nx\r\n"
    scanned = scan(multipart(b"b", one * (MAX_PARTS - 1) + b"--b--\r\n"))
    assert len(scanned.parts) == MAX_PARTS
    assert scanned.limits_reached == []
    scanned = scan(multipart(b"b", one * (MAX_PARTS + 9) + b"--b--\r\n"))
    assert len(scanned.parts) == MAX_PARTS
    assert scanned.parts[-1].opaque
    assert scanned.parts[-1].body_end == len(scanned.content)
    assert not any(part.opaque for part in scanned.parts[:-1])
    assert scanned.limits_reached == ["parts"]


def test_work_is_in_proportion_to_the_content():
    # 90 levels of 2 MB would be 180 MB passed over; the allowance ends it before.
    scanned = scan(nested(90, inner=b"\r\n" + b"x" * 2_000_000))
    assert depth(scanned) < 30
    assert scanned.parts[-1].opaque
    # The same depth in a small message is taken apart.
    assert depth(scan(nested(90))) == 90


def test_header_bounds_are_said():
    assert scan(b"A: b\r\n" * MAX_HEADER_FIELDS).limits_reached == ["header fields"]
    scanned = scan(b"Subject: " + b"x" * MAX_HEADER_OCTETS + b"\r\nTo: a@b\r\n\r\n")
    assert scanned.limits_reached == ["header fields"]
    assert scanned.get(b"to") is None
    assert scanned.header_end == len(scanned.content)


def test_too_many_addresses_is_a_doubt():
    addresses = parse_address_list(b"a@example.org, " * (MAX_ADDRESSES + 1))
    assert len(addresses.mailboxes) == MAX_ADDRESSES
    assert "too many addresses" in addresses.doubts


def test_lookalikes_of_delimiters_are_counted():
    # 1,000 lookalikes are paid for by the allowance of a small message, 20,000 are not.
    for count, parts in ((1_000, 3), (20_000, 2)):
        scanned = scan(
            multipart(b"b", b"--b\r\n\r\n" + b"--bx\r\n" * count + b"--b\r\n\r\nx\r\n--b--\r\n")
        )
        assert len(scanned.parts) == parts
        assert scanned.limits_reached == ([] if parts == 3 else ["parts"])
        assert scanned.parts[-1].opaque == (parts == 2)
