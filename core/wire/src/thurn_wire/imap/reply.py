r"""What the server says: replies as values, and the writers of untagged responses as octets.

    response-tagged = tag SP ( "OK" / "NO" / "BAD" ) SP [ "[" code "]" SP ] text CRLF
    response-data   = "*" SP ... CRLF
    continue-req    = "+" SP ( text / base64 ) CRLF

Rules of this file:
1. No text breaks out of its line: in texts, controls and what is not ASCII become `?`; in strings,
   quotes are escaped, and what cannot be quoted is a literal.
2. Words that the caller made (codes, flags, attributes, FETCH items) go out as they are.
3. Every writer is cheap: one `%` or join for each response.

RFC 9051 §7 calls all of this responses. RFC 3501 §7.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import mutf7

NIL: Final = b"NIL"
CRLF: Final = b"\r\n"

_ATOM: Final = re.compile(rb"[!#$&'+-\[\]^-z|}~]+")
_NOT_PLAIN: Final = re.compile(rb'[\x00\r\n"\\\x80-\xff]')
_NEEDS_LITERAL: Final = re.compile(rb"[\x00\r\n\x80-\xff]")
_NEEDS_LITERAL_UTF8: Final = re.compile(rb"[\x00\r\n]")
_UNPRINTABLE: Final = re.compile("[^ -~]")
_MONTHS: Final = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAY_SECONDS: Final = 86_400
_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()


# Replies. RFC 9051 §7.1.


class Condition(StrEnum):
    """The first word of a reply."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    PREAUTH = "PREAUTH"
    """A greeting: the session is authenticated already. RFC 9051 §7.1.4."""
    BYE = "BYE"
    """The server ends the dialogue. RFC 9051 §7.1.5."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command, or an untagged reply of the same form.

    Attributes:
        condition: how the command went.
        text: for people.
        code: the octets of the response code between its brackets; b"" if it is missing.
    """

    condition: Condition
    text: str
    code: bytes = b""

    @property
    def is_positive(self) -> bool:
        """Whether it is OK or PREAUTH."""
        return self.condition in _POSITIVE

    def encode(self, tag: bytes = b"*") -> bytes:
        """The line, with its CRLF.

        Args:
            tag: the tag of the command; b"*": untagged.
        """
        return tag + _behind_the_tag(self.condition, self.text, self.code)


_POSITIVE: Final = frozenset({Condition.OK, Condition.PREAUTH})


@lru_cache(maxsize=256)  # most replies are a handful of constants
def _behind_the_tag(condition: Condition, text: str, code: bytes) -> bytes:
    words = plain_text(text)
    if code:
        return b" %b [%b] %b\r\n" % (condition.value.encode(), code, words)
    if words[:1] == b"[":
        # A bracket at the beginning would be read as a code.
        words = b"(" + words[1:]
    return b" %b %b\r\n" % (condition.value.encode(), words)


@lru_cache(maxsize=256)  # most replies are a handful of constants
def ok(text: str, code: bytes = b"") -> Reply:
    """OK: the command did what it should; untagged: information. RFC 9051 §7.1.1."""
    return Reply(Condition.OK, text, code)


def no(text: str, code: bytes = b"") -> Reply:
    """NO: the command failed; untagged: a warning. RFC 9051 §7.1.2."""
    return Reply(Condition.NO, text, code)


def bad(text: str, code: bytes = b"") -> Reply:
    """BAD: the command is wrong; untagged: no command could be read. RFC 9051 §7.1.3."""
    return Reply(Condition.BAD, text, code)


def preauth(text: str, code: bytes = b"") -> Reply:
    """PREAUTH: the greeting of a session that is authenticated already. RFC 9051 §7.1.4."""
    return Reply(Condition.PREAUTH, text, code)


def bye(text: str, code: bytes = b"") -> Reply:
    """BYE: the last reply of a session. RFC 9051 §7.1.5."""
    return Reply(Condition.BYE, text, code)


class CommandError(Exception):
    """A command is refused with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def continuation(text: str = "go on") -> bytes:
    """Asks for the rest of a command: a literal, DONE. RFC 9051 §7.6."""
    return b"+ %b\r\n" % plain_text(text)


def challenge(octets: bytes) -> bytes:
    """A challenge of SASL. RFC 9051 §7.6."""
    return b"+ %b\r\n" % sasl.encode(octets)


def plain_text(text: str) -> bytes:
    """The text as 1*TEXT-CHAR without 8-bit octets: it is never empty and always one line."""
    if text.isascii() and text.isprintable() and text:
        return text.encode("ascii")
    return _UNPRINTABLE.sub("?", text).encode("ascii") or b"?"


# Strings. RFC 9051 §9.


def string(value: bytes, *, utf8: bool = False) -> bytes:
    """The octets as `string`: quoted if that is possible, else a literal; NUL becomes `?`.

    Args:
        value: the octets.
        utf8: quoted strings may hold UTF-8 (IMAP4rev2, UTF8=ACCEPT), and `value` is UTF-8.
    """
    if _NOT_PLAIN.search(value) is None:
        return b'"%b"' % value
    if (_NEEDS_LITERAL_UTF8 if utf8 else _NEEDS_LITERAL).search(value) is None:
        return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return literal(value.replace(b"\0", b"?"))


def nstring(value: bytes | None, *, utf8: bool = False) -> bytes:
    """The octets as `nstring`: NIL for None."""
    return NIL if value is None else string(value, utf8=utf8)


def astring(value: bytes, *, utf8: bool = False) -> bytes:
    """The octets as `astring`: an atom if that is possible and not NIL, else a string."""
    if _ATOM.fullmatch(value) and value.upper() != NIL:
        return value
    return string(value, utf8=utf8)


def literal(octets: bytes) -> bytes:
    """The octets as a literal."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def literal8(octets: bytes) -> bytes:
    """The octets as a literal8, which may hold NUL. RFC 3516 §4.1."""
    return b"~{%d}\r\n%b" % (len(octets), octets)


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name as `mailbox`: UTF-8 if `utf8`, else modified UTF-7. RFC 9051 §5.1.

    Raises:
        LocalProtocolError: a lone surrogate.
    """
    try:
        if utf8:
            return astring(name.encode(), utf8=True)
        return astring(mutf7.encode(name))
    except ValueError:
        raise LocalProtocolError("a mailbox name with a lone surrogate") from None


def date_time(seconds: int, offset_minutes: int = 0) -> bytes:
    """POSIX seconds as a quoted `date-time` in this zone. RFC 9051 §9.

    Seconds outside the years 1 to 9999 become the nearest ones inside.
    """
    day, second = divmod(seconds + 60 * offset_minutes, _DAY_SECONDS)
    hour, second = divmod(second, 3600)
    zone = (offset_minutes if offset_minutes >= 0 else -offset_minutes) % 1440
    return b'"%b %02d:%02d:%02d %b%02d%02d"' % (
        _date(day),
        hour,
        second // 60,
        second % 60,
        b"+" if offset_minutes >= 0 else b"-",
        zone // 60,
        zone % 60,
    )


@lru_cache(maxsize=4096)
def _date(day: int) -> bytes:
    ordinal = min(max(day + _EPOCH_DAY, 1), datetime.date.max.toordinal())
    date = datetime.date.fromordinal(ordinal)
    return b"%2d-%b-%04d" % (date.day, _MONTHS[date.month - 1], date.year)


# Data. RFC 9051 §7.2 to §7.5.


def untagged(octets: bytes) -> bytes:
    """An untagged response of an extension: `* ` and the octets."""
    return b"* %b\r\n" % octets


def capability(names: Iterable[str]) -> bytes:
    """RFC 9051 §7.2.2."""
    return b"* CAPABILITY %b\r\n" % " ".join(names).encode("ascii")


def enabled(names: Iterable[str]) -> bytes:
    """RFC 9051 §7.2.1."""
    return b"* %b\r\n" % " ".join(("ENABLED", *names)).encode("ascii")


def identity(fields: Mapping[str, str | None] | None) -> bytes:
    """The answer to ID. RFC 2971 §3.2."""
    if not fields:
        return b"* ID NIL\r\n"
    words = [
        string(key.encode()) + b" " + nstring(None if value is None else value.encode())
        for key, value in fields.items()
    ]
    return b"* ID (%b)\r\n" % b" ".join(words)


def flags(names: Iterable[str]) -> bytes:
    """The flags of the mailbox. RFC 9051 §7.3.5."""
    return b"* FLAGS (%b)\r\n" % " ".join(names).encode("ascii")


def exists(count: int) -> bytes:
    """RFC 9051 §7.4.1."""
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    """RFC 3501 §7.3.2."""
    return b"* %d RECENT\r\n" % count


def expunge(number: int) -> bytes:
    """RFC 9051 §7.5.1."""
    return b"* %d EXPUNGE\r\n" % number


def fetch(number: int, items: bytes) -> bytes:
    """A message's items, as they stand between the parentheses. RFC 9051 §7.5.2."""
    return b"* %d FETCH (%b)\r\n" % (number, items)


def mailbox_list(
    name: str,
    attributes: Sequence[bytes],
    separator: str | None,
    *,
    utf8: bool = False,
    extended: bytes = b"",
    lsub: bool = False,
) -> bytes:
    r"""A line of LIST or LSUB. RFC 9051 §7.3.1, RFC 5258 §6.

    Args:
        name: the mailbox.
        attributes: `\HasChildren` …
        separator: of the hierarchy; None for NIL.
        utf8: as for `mailbox`.
        extended: the extended items as they stand between the parentheses (`"CHILDINFO" (...)`).
        lsub: the response is LSUB.
    """
    return b"* %b (%b) %b %b%b\r\n" % (
        b"LSUB" if lsub else b"LIST",
        b" ".join(attributes),
        NIL if separator is None else string(separator.encode()),
        mailbox(name, utf8=utf8),
        b" (%b)" % extended if extended else b"",
    )


def status(
    name: str, items: Sequence[tuple[str, int | bytes | None]], *, utf8: bool = False
) -> bytes:
    """The answer to STATUS. RFC 9051 §7.3.3.

    Args:
        name: the mailbox.
        items: words with their values; octets go out as they are, None is NIL (APPENDLIMIT
            without a limit).
        utf8: as for `mailbox`.
    """
    words = [b"%b %b" % (item.encode("ascii"), _status_value(value)) for item, value in items]
    return b"* STATUS %b (%b)\r\n" % (mailbox(name, utf8=utf8), b" ".join(words))


def _status_value(value: int | bytes | None) -> bytes:
    if value is None:
        return NIL
    return value if isinstance(value, bytes) else b"%d" % value


def namespace(
    personal: Sequence[tuple[str, str | None]] | None,
    other: Sequence[tuple[str, str | None]] | None = None,
    shared: Sequence[tuple[str, str | None]] | None = None,
    *,
    utf8: bool = False,
) -> bytes:
    """The answer to NAMESPACE: prefixes with their separators; None: NIL. RFC 9051 §7.3.4."""
    return b"* NAMESPACE %b\r\n" % b" ".join(
        [_namespaces(each, utf8=utf8) for each in (personal, other, shared)]
    )


def _namespaces(spaces: Sequence[tuple[str, str | None]] | None, *, utf8: bool) -> bytes:
    if not spaces:
        return NIL
    words = [
        b"(%b %b)"
        % (
            string(prefix.encode() if utf8 else mutf7.encode(prefix), utf8=utf8),
            NIL if separator is None else string(separator.encode()),
        )
        for prefix, separator in spaces
    ]
    return b"(%b)" % b"".join(words)


def search(numbers: Iterable[int], modseq: int | None = None) -> bytes:
    """The answer to SEARCH without RETURN; `modseq`: the highest of these messages.

    RFC 3501 §7.2.5, RFC 7162 §3.1.5.
    """
    words = " ".join(map(str, numbers)).encode("ascii")
    if not words:
        return b"* SEARCH\r\n"
    suffix = b" (MODSEQ %d)" % modseq if modseq is not None else b""
    return b"* SEARCH %b%b\r\n" % (words, suffix)


def esearch(tag: bytes, results: Sequence[tuple[bytes, bytes]], *, uid: bool) -> bytes:
    """The answer to SEARCH with RETURN: pairs of MIN, MAX, COUNT, ALL, MODSEQ and their values.

    RFC 9051 §7.3.4, RFC 4731 §3.1.
    """
    words = [b" %b %b" % pair for pair in results]
    return b'* ESEARCH (TAG "%b")%b%b\r\n' % (tag, b" UID" if uid else b"", b"".join(words))


def vanished(uids: bytes, *, earlier: bool = False) -> bytes:
    """UIDs of messages that were expunged, as a sequence set. RFC 7162 §3.2.10."""
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", uids)
