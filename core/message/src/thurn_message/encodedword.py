"""Encoded words: `=?utf-8?q?Gr=C3=BC=C3=9Fe?=`, read leniently and written strictly.

Rules of this file:
1. Reading never raises; a word of an unknown charset or shape stays as it is.
2. White space between two encoded words vanishes; neighbours of one charset are joined before they
   are decoded, since agents cut characters apart (RFC 2047 §5 forbids it).
3. A decoded text holds no CR, LF or NUL: each becomes a space, so that code that writes the text
   into a header later never starts a second field by accident.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from thurn_message.charset import decode_octets, find_codec
from thurn_message.limits import MAX_ENCODED_WORDS

MAX_WORD_OCTETS: Final = 75
"""Length of one encoded word in octets, delimiters included. RFC 2047 §2."""

# encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" (RFC 2047 §2);
# charset may carry a language, charset*language (RFC 2231 §5); blanks in the text are tolerated
_WORD: Final = re.compile(rb"=\?([!->@-~]{1,80})\?([bBqQ])\?([^?\r\n]*+)\?=")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_Q_UNSAFE: Final = re.compile(
    rb"[^A-Za-z0-9!*+/-]"
)  # RFC 2047 §5 (3) lets the others stand in a phrase


def decode_words(value: bytes) -> str:
    """The text of a field's value with its encoded words decoded.

    8-bit octets outside encoded words are read as UTF-8 if they are valid UTF-8, else as Latin-1.

    RFC 2047 §6, RFC 2231 §5.
    """
    text = "".join(_pieces(value)) if b"=?" in value else decode_octets(value)
    return _FORBIDDEN.sub(" ", text)


def _pieces(value: bytes) -> Iterator[str]:
    position = count = 0
    charset = ""
    pending: list[bytes] = []  # octets of neighbours in one charset
    for match in _WORD.finditer(value):
        word_charset = match[1].decode("ascii").partition("*")[0].lower()
        if find_codec(word_charset) is None:
            continue
        between = value[position : match.start()]
        if pending:
            # RFC 2047 §6.2: white space between two encoded words is not shown.
            between = between if between.strip() else b""
            if between or charset != word_charset:
                yield decode_octets(b"".join(pending), charset)
                pending = []
        if between:
            yield decode_octets(between)
        pending.append(_decode_q(match[3]) if match[2] in b"qQ" else _decode_b(match[3]))
        charset, position = word_charset, match.end()
        count += 1
        if count == MAX_ENCODED_WORDS:
            break
    if pending:
        yield decode_octets(b"".join(pending), charset)
    if position < len(value):
        yield decode_octets(value[position:])


def _decode_q(text: bytes) -> bytes:
    return binascii.a2b_qp(text, header=True)


def _decode_b(text: bytes) -> bytes:
    """The octets that the base64 characters stand for; all other characters are skipped."""
    clean = _NOT_BASE64.sub(b"", text)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def encode_words(text: str) -> str:
    """The text as encoded words of at most 75 octets, separated by single spaces.

    ASCII text stays as it is, unless it could be read as an encoded word. A character is never
    split between two words.

    Raises:
        ValueError: a CR, LF or NUL in the text.

    RFC 2047 §2, §5.
    """
    if _FORBIDDEN.search(text) is not None:
        raise ValueError("CR, LF or NUL in a header")
    if text.isascii() and "=?" not in text:
        return text
    octets = text.encode(errors="replace")
    use_q = len(_write_q(octets)) <= len(_write_b(octets))
    write = _write_q if use_q else _write_b
    room = MAX_WORD_OCTETS - len("=?utf-8?q??=")
    words: list[str] = []
    chunk = b""
    for character in text:
        piece = character.encode(errors="replace")
        if chunk and len(write(chunk + piece)) > room:
            words.append(write(chunk))
            chunk = b""
        chunk += piece
    words.append(write(chunk))
    return " ".join(f"=?utf-8?{'q' if use_q else 'b'}?{word}?=" for word in words)


def _write_q(octets: bytes) -> str:
    text = _Q_UNSAFE.sub(lambda match: b"=%02X" % match[0][0], octets)
    return text.replace(b"=20", b"_").decode("ascii")


def _write_b(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode("ascii")
