"""Encoded words, charsets, parameters."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.charset import _CODECS, decode_octets, find_codec
from thurn_message.encodedword import decode_words, encode_words
from thurn_message.headerfield import parameter
from thurn_message.parameter import decode_parameters, split_value, strip_comments


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?iso-8859-1*de?Q?Gr=FC=DFe?=", "Grüße"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        # the examples of RFC 2047 §8
        (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
        (b"Re: =?utf-8?q?a?= b =?utf-8?q?c?=", "Re: a b c"),
        # a character cut between two words
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"=?utf-8?q?a b?=", "a b"),
        (b"=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        (b"=?utf-8?b?R3LD vMOf!ZQ==?=", "Grüße"),
        (b"=?utf-8?b?A?=", ""),
        (b"=?utf-8?q?=C3?=", "\ufffd"),
        (b"=?utf-8?q?=ZZ?=", "=ZZ"),
        (b"=?utf-8?q??=", ""),
        (b"=?nonsense?q?a?=", "=?nonsense?q?a?="),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"=?=?=?=?=", "=?=?=?=?="),
        (b"=?punycode?q?a-b?=", "=?punycode?q?a-b?="),
        (b"=?utf-8?q?a?= =?nonsense?q?b?= =?utf-8?q?c?=", "a =?nonsense?q?b?= c"),
        (b"Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"Gr\xc3\xbc =?utf-8?q?=C3=9F?=", "Grü ß"),
        (b"=?utf-8?q?a=0D=0ABcc:_x=00?=", "a  Bcc: x "),
        (b"a\r\n b", "a   b"),
    ],
)
def test_decode(value, text):
    assert decode_words(value) == text


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([b"=?", b"?=", b"utf-8", b"utf-7", b"?q?", b"?b?", b"=C3", b"+AGE", b" "])
        | st.binary(max_size=4)
    ).map(b"".join)
)
def test_any_octets(value):
    text = decode_words(value)
    assert not set("\r\n\0") & set(text)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_encoded_words_come_back(text):
    coded = encode_words(text)
    assert coded.isascii()
    assert decode_words(coded.encode()) == text
    if coded != text:
        assert all(len(word) <= 75 for word in coded.split(" "))
        assert all(re.fullmatch(r"=\?utf-8\?[qb]\?[!-~]*\?=", word) for word in coded.split(" "))


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b", "ü\r\nBcc: x"])
def test_line_ends_are_not_encoded(text):
    with pytest.raises(ValueError):
        encode_words(text)


def test_every_codec_of_the_table_exists_and_takes_anything():
    for codec in _CODECS.values():
        assert isinstance(bytes(range(256)).decode(codec, "replace"), str)


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("UTF-8", "ü".encode(), "ü"),
        ("ISO_8859-1", b"\xfc", "ü"),
        ("windows-1252", b"\x80", "€"),
        ("GB2312", "日".encode("gb18030"), "日"),
        ("ks_c_5601-1987", "한".encode("cp949"), "한"),
        ("Shift_JIS", "日".encode("cp932"), "日"),
        ("unknown-8bit", b"\xfc", "ü"),
        ("x" * 1_000_000, b"a", "a"),
        ("unicode_escape", b"\\x41", "\\x41"),
        ("zip", b"a", "a"),
        ("../../etc", b"a", "a"),
        ("", b"\xff", "ÿ"),
    ],
)
def test_charsets(charset, octets, text):
    assert decode_octets(octets, charset) == text


def test_unknown_charset_has_no_codec():
    assert find_codec("idna") is None
    assert find_codec("latin1") == "cp1252"


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        (b"text/plain", b"text/plain", []),
        (b" text/plain ; charset=utf-8\r\n", b"text/plain", [(b"charset", b"utf-8")]),
        (b"a;B=c;d = e", b"a", [(b"b", b"c"), (b"d", b"e")]),
        (b'a; b="c;d=e"; f=g', b"a", [(b"b", b"c;d=e"), (b"f", b"g")]),
        (b'a; b="c\\"d\\\\"', b"a", [(b"b", b'c"d\\')]),
        (b'a; b="c\r\n d"', b"a", [(b"b", b"c d")]),
        (b'a; b="never', b"a", [(b"b", b"never")]),
        (b"a; b=----=_x(c)", b"a", [(b"b", b"----=_x")]),
        (b'a (x;y=z); b="(c)" (d)', b"a", [(b"b", b"(c)")]),
        (b"a;;; ;b=c;=d;e", b"a", [(b"b", b"c")]),
        (b"a; b=", b"a", [(b"b", b"")]),
        (b'a; b=""', b"a", [(b"b", b"")]),
        (b"", b"", []),
        (b";b=c", b"", [(b"b", b"c")]),
    ],
)
def test_split(raw, value, parameters):
    assert split_value(raw) == (value, tuple(parameters))


@pytest.mark.parametrize(
    ("raw", "rest"),
    [
        (b"a(b)c", b"a c"),
        (b"a(b(c)d)e", b"a e"),
        (b'a"(b)"c', b'a"(b)"c'),
        (b"a(b\\)c)d", b"a d"),
        (b'a(")b', b"a b"),
        (b"a(b", b"a"),
        (b"a)b", b"a)b"),
        (b"a\\(b", b"a\\(b"),
        (b"(\\", b""),
    ],
)
def test_comments(raw, rest):
    assert strip_comments(raw) == rest


@pytest.mark.parametrize(
    ("parameters", "decoded"),
    [
        # the examples of RFC 2231 §3 and §4
        ([(b"url*0", b"ftp://"), (b"url*1", b"cs.utk.edu/x")], {"url": "ftp://cs.utk.edu/x"}),
        ([(b"title*", b"us-ascii'en-us'This%20is%20%2A%2Afun")], {"title": "This is **fun"}),
        (
            [
                (b"title*0*", b"us-ascii'en'This%20is%20even%20more%20"),
                (b"title*1*", b"%2A%2A%2Afun%2A%2A%2A%20"),
                (b"title*2", b"isn't it!"),
            ],
            {"title": "This is even more ***fun*** isn't it!"},
        ),
        ([(b"n*1", b"b"), (b"n*0", b"a")], {"n": "ab"}),
        ([(b"n*0", b"a"), (b"n*2", b"c")], {"n": "a"}),
        ([(b"n*1", b"b")], {}),
        ([(b"n*0", b"a"), (b"n*0", b"b")], {"n": "a"}),
        ([(b"n*00000000000000000001", b"b")], {"n*00000000000000000001": "b"}),
        ([(b"n", b"plain"), (b"n*", b"utf-8''ext%C3%A9")], {"n": "exté"}),
        ([(b"n", b"a"), (b"n", b"b")], {"n": "a"}),
        ([(b"n", b"=?utf-8?q?=C3=A9?=")], {"n": "é"}),
        ([(b"n*", b"no-quotes%41")], {"n": "no-quotesA"}),
        ([(b"n*", b"utf-8''%")], {"n": "%"}),
        ([(b"n*", b"nonsense''%ff")], {"n": "ÿ"}),
        ([(b"n*0*", b"utf-8''%C3"), (b"n*1*", b"%A9")], {"n": "é"}),
        ([(b"*", b"a")], {"*": "a"}),
    ],
)  # fmt: skip
def test_rfc2231(parameters, decoded):
    assert decode_parameters(parameters) == decoded


@settings(max_examples=200)
@given(st.text("nab*0123'%;=\"\\( \r\né", max_size=40).map(str.encode))
def test_any_parameters(raw):
    _, parameters = split_value(b"a;" + raw)
    assert isinstance(decode_parameters(parameters), dict)
    strip_comments(raw)


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_written_parameters_come_back(text):
    _, parameters = split_value(b"a; " + parameter("n", text).encode())
    assert decode_parameters(parameters).get("n") == text or "=?" in text
