"""DNS messages: queries are written, responses are read. RFC 1035 §4, RFC 6891, RFC 8914.

Rules of this file:
1. It knows no socket and no clock; a response that cannot be read raises `MalformedMessage` and
   nothing else.
2. Reading takes time in proportion to the octets, whatever is in them: each place where a name can
   begin is read once, and pointers lead backwards only.
3. Records of types that nobody asks for are stepped over; what is kept is in class IN.
4. Names are text in lower case without a dot behind; "" is the root. An octet that a name of a
   host cannot have is written as in a master file (RFC 1035 §5.1): names stay apart and printable.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Any, Final, TypeVar

from thurn.plugin import MailExchanger, Tlsa

MESSAGE_OCTETS: Final = 65_535
"""Largest message: the length before a message on TCP has two octets. RFC 1035 §4.2.2."""
NAME_OCTETS: Final = 255
"""Longest name on the wire. RFC 1035 §2.3.4."""
TTL_LARGEST: Final = 2**31 - 1
"""Largest lifetime; a larger number counts as 0. RFC 2181 §8."""
_HEADER: Final = Struct("!HHHHHH")
_QUESTION: Final = Struct("!HH")
_RECORD: Final = Struct("!HHIH")
_OPTION: Final = Struct("!HH")
_PREFERENCE: Final = Struct("!H")
_SOA_NUMBERS: Final = Struct("!IIIII")
_POINTER: Final = 0xC0
_LABEL_LIMIT: Final = 64
_IN: Final = 1
_OPCODE: Final = 0x7800
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_-]*")
_SPECIAL: Final = b'."();@$\\'
"""Octets that a master file writes with a backslash. RFC 1035 §5.1."""
_EXTENDED_ERROR: Final = 15
"""The EDNS option of an extended error. RFC 8914 §2."""

T = TypeVar("T")


class MalformedMessage(ValueError):
    """The octets are not a response."""


class Kind(IntEnum):
    """Types of records. RFC 1035 §3.2.2, RFC 3596, RFC 6891, RFC 6698."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    OPT = 41
    TLSA = 52


class Flag(IntFlag):
    """Bits of the header. RFC 1035 §4.1.1, RFC 4035 §3."""

    RESPONSE = 0x8000
    AUTHORITATIVE = 0x0400
    TRUNCATED = 0x0200
    RECURSION_DESIRED = 0x0100
    RECURSION_AVAILABLE = 0x0080
    AUTHENTIC = 0x0020
    CHECKING_DISABLED = 0x0010


class Rcode(IntEnum):
    """What a response says of itself, as far as it makes a difference. RFC 1035 §4.1.1."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a name in normal form, and a type."""

    name: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.name} {self.kind.name}"


@dataclass(slots=True)
class RecordsOfName:
    """The records of one name and type in a response, and the shortest of their lifetimes."""

    ttl_seconds: int
    values: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Response:
    """A response, as far as a resolver needs it.

    Attributes:
        answers: the answer section, by owner and type.
        negative_ttls: by owner of the SOA records of the authority section, how long a "no" may
            be kept. RFC 2308 §5.
        is_referral: the authority section names nameservers.
        extended_errors: RFC 8914.
    """

    flags: int
    rcode: int
    answers: dict[tuple[str, Kind], RecordsOfName] = field(default_factory=dict)
    negative_ttls: dict[str, int] = field(default_factory=dict)
    is_referral: bool = False
    extended_errors: list[int] = field(default_factory=list)

    def has(self, flag: Flag) -> bool:
        """Whether a bit of the header is set."""
        return bool(self.flags & flag)


def write_query(number: int, question: Question, flags: int, payload_octets: int | None) -> bytes:
    """A query.

    Args:
        number: its id, 16 bits that nobody can guess.
        question: with a name that `normal_name` has judged.
        flags: besides RD.
        payload_octets: the largest datagram that is taken (EDNS); None: no EDNS.
    """
    has_options = payload_octets is not None
    header = _HEADER.pack(number, Flag.RECURSION_DESIRED | flags, 1, 0, 0, has_options)
    labels = (label.encode("ascii") for label in question.name.split("."))
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    asked = header + name + _QUESTION.pack(question.kind, _IN)
    if payload_octets is None:
        return asked
    return asked + b"\0" + _RECORD.pack(Kind.OPT, payload_octets, 0, 0)


def is_for(octets: bytes, number: int) -> bool:
    """Whether a datagram says that it is the response to the query with this number."""
    if len(octets) < _HEADER.size:
        return False
    found, flags, *_ = _HEADER.unpack_from(octets)
    is_response = flags & (Flag.RESPONSE | _OPCODE) == Flag.RESPONSE
    return bool(is_response and found == number)


def read_response(octets: bytes, question: Question) -> Response | None:
    """The response to a question; None if it answers another one.

    What is behind the question of a truncated response is not read (RFC 2181 §9).

    Raises:
        MalformedMessage: it cannot be read.
    """
    try:
        return _read(octets, question)
    except (struct.error, IndexError) as error:
        raise MalformedMessage("it ends too early") from error


def _read(octets: bytes, question: Question) -> Response | None:
    _, flags, questions, answers, authorities, others = _HEADER.unpack_from(octets)
    reader = _Reader(octets)
    response = Response(flags, flags & 0xF)
    if questions == 0 and response.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return response  # who cannot read a query cannot repeat it
    if questions != 1 or reader.question() != (question.name, question.kind, _IN):
        return None
    if response.has(Flag.TRUNCATED):
        return response
    for _ in range(answers):
        reader.record(response, response.answers)
    for _ in range(authorities):
        reader.record(response, None)
    for _ in range(others):
        reader.option_record(response)
    return response


class _Reader:
    """Reads one message from its beginning."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._offset = _HEADER.size
        self._names: dict[int, tuple[str, int]] = {}

    def question(self) -> tuple[str, int, int]:
        """Name, type and class of a question."""
        name = self._name()
        kind, of_class = _QUESTION.unpack_from(self._octets, self._offset)
        self._offset += _QUESTION.size
        return name, kind, of_class

    def record(
        self, response: Response, answers: dict[tuple[str, Kind], RecordsOfName] | None
    ) -> None:
        """A record of the answer section, or (`answers` is None) of the authority section."""
        owner = self._name()
        kind, of_class, ttl_seconds, length = _RECORD.unpack_from(self._octets, self._offset)
        self._offset += _RECORD.size
        end = self._offset + length
        if end > len(self._octets):
            raise MalformedMessage("a record is longer than the message")
        ttl_seconds = ttl_seconds if ttl_seconds <= TTL_LARGEST else 0
        if of_class == _IN and answers is not None and kind in VALUES:
            found = answers.setdefault((owner, Kind(kind)), RecordsOfName(ttl_seconds))
            found.ttl_seconds = min(found.ttl_seconds, ttl_seconds)
            found.values.append(self._value(VALUES[kind], end))
        elif of_class == _IN and answers is None and kind == Kind.SOA:
            minimum_seconds = self._value(_Reader.soa_minimum, end)
            response.negative_ttls[owner] = min(ttl_seconds, minimum_seconds)
        elif of_class == _IN and answers is None and kind == Kind.NS:
            response.is_referral = True
        self._offset = end

    def option_record(self, response: Response) -> None:
        """A record of the additional section, of which EDNS alone is read."""
        self._name()
        kind, _, extended, length = _RECORD.unpack_from(self._octets, self._offset)
        self._offset += _RECORD.size
        end = self._offset + length
        if end > len(self._octets):
            raise MalformedMessage("a record is longer than the message")
        if kind == Kind.OPT:
            response.rcode |= extended >> 24 << 4
            self._options(response, end)
        self._offset = end

    def _options(self, response: Response, end: int) -> None:
        while self._offset < end:
            code, length = _OPTION.unpack_from(self._octets, self._offset)
            value = self._offset + _OPTION.size
            if value + length > end:
                raise MalformedMessage("an EDNS option is longer than its record")
            if code == _EXTENDED_ERROR and length >= _PREFERENCE.size:
                response.extended_errors += _PREFERENCE.unpack_from(self._octets, value)
            self._offset = value + length

    def _name(self) -> str:
        """The name here; what it points to has been read, or is read now.

        name = *label (root / pointer)
        """
        octets, begin = self._octets, self._offset
        places = self._unread_labels()
        text, size = self._names[places.pop()]
        for start in reversed(places):
            end = start + 1 + octets[start]
            size += end - start
            if end > len(octets) or size > NAME_OCTETS:
                raise MalformedMessage("a name is too long")
            label = _label_text(octets[start + 1 : end])
            text = f"{label}.{text}" if text else label
            self._names[start] = (text, size)
        self._offset = self._behind(begin)
        return text

    def _unread_labels(self) -> list[int]:
        """Where the labels of the name here stand, up to a place that is in `_names`."""
        octets, place, lowest = self._octets, self._offset, self._offset
        places: list[int] = []
        while place not in self._names:
            length = octets[place]
            if length == 0:
                self._names[place] = ("", 1)
            elif length < _LABEL_LIMIT:
                places.append(place)
                place += 1 + length
            elif length >= _POINTER:
                place = (length & ~_POINTER) << 8 | octets[place + 1]
                if place >= lowest:
                    raise MalformedMessage("a name's pointer does not lead backwards")
                lowest = place
            else:
                raise MalformedMessage("a label of an unknown kind")
        return [*places, place]

    def _behind(self, place: int) -> int:
        """Where a name ends that begins there, and is known to be sound."""
        octets = self._octets
        while 0 < octets[place] < _LABEL_LIMIT:
            place += 1 + octets[place]
        return place + (2 if octets[place] >= _POINTER else 1)

    def _take(self, size_octets: int, end: int) -> bytes:
        """The next octets of a record that ends there."""
        begin = self._offset
        self._offset += size_octets
        if self._offset > end:
            raise MalformedMessage("a record is too short for its values")
        return self._octets[begin : self._offset]

    def _value(self, read: Callable[[_Reader, int], T], end: int) -> T:
        value = read(self, end)
        if self._offset != end:
            raise MalformedMessage("a record's values do not fill it")
        return value

    def soa_minimum(self, end: int) -> int:
        """RFC 1035 §3.3.13, of which RFC 2308 §4 has the meaning of the last number."""
        self._name()
        self._name()
        *_, minimum_seconds = _SOA_NUMBERS.unpack(self._take(_SOA_NUMBERS.size, end))
        return int(minimum_seconds)

    def address4(self, end: int) -> IPv4Address:
        """RFC 1035 §3.4.1."""
        return IPv4Address(self._take(4, end))

    def address6(self, end: int) -> IPv6Address:
        """RFC 3596 §2.2."""
        return IPv6Address(self._take(16, end))

    def name(self, _end: int) -> str:
        """CNAME and PTR: RFC 1035 §3.3.1, §3.3.12."""
        return self._name()

    def exchanger(self, end: int) -> MailExchanger:
        """RFC 1035 §3.3.9."""
        (preference,) = _PREFERENCE.unpack(self._take(_PREFERENCE.size, end))
        return MailExchanger(preference, self._name())

    def texts(self, end: int) -> bytes:
        """One or more strings, joined. RFC 1035 §3.3.14, RFC 7208 §3.3."""
        strings: list[bytes] = []
        while self._offset < end or not strings:
            (length,) = self._take(1, end)
            strings.append(self._take(length, end))
        return b"".join(strings)

    def tlsa(self, end: int) -> Tlsa:
        """RFC 6698 §2.1."""
        usage, selector, matching_type = self._take(3, end)
        return Tlsa(usage, selector, matching_type, self._take(end - self._offset, end))


VALUES: Final[Mapping[int, Callable[[_Reader, int], Any]]] = {
    Kind.A: _Reader.address4,
    Kind.AAAA: _Reader.address6,
    Kind.CNAME: _Reader.name,
    Kind.MX: _Reader.exchanger,
    Kind.PTR: _Reader.name,
    Kind.TLSA: _Reader.tlsa,
    Kind.TXT: _Reader.texts,
}
"""How the values of each type are read; a type that is not here is stepped over."""


def _label_text(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii").lower()
    return "".join([_OCTET_TEXTS[octet] for octet in label])


def _octet_text(octet: int) -> str:
    if octet in _SPECIAL:
        return f"\\{octet:c}"
    return chr(octet).lower() if 0x21 <= octet <= 0x7E else f"\\{octet:03d}"


_OCTET_TEXTS: Final = tuple(map(_octet_text, range(256)))
