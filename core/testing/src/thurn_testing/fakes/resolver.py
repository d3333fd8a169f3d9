r"""A resolver whose DNS is a text of the test; it passes the kit of resolver plugins.

    resolver = StaticResolver('''
        example.org     MX    10 mx.example.org
        example.org     TXT   "v=spf1 " "mx -all"
        mx.example.org  A     192.0.2.25
        www.example.org CNAME mx.example.org
    ''')
    resolver.fail("slow.example")        # cannot be known
    resolver.forge("forged.example")     # bogus
    resolver.sign("example.org")         # DNSSEC proves the names there

Rules of this file: a line is `name [ttl] [IN] type values`; names are absolute, with or without a
dot behind; ";" begins a line that is a comment. Names that the text does not have do not exist.
Before there is any text, nothing can be known.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import trio
from thurn.contracts.factory import Factory
from thurn.contracts.resolver import (
    Bogus,
    DnsAnswer,
    LookupFailed,
    MailExchanger,
    NoData,
    NoSuchName,
    RecordSet,
    Tlsa,
    joined_addresses,
    normal_name,
)
from thurn.plugin import plugin
from thurn.types.session import PeerAddress

ALIASES: Final = 8
"""Most aliases that are followed from one name to its records."""
TTL_SECONDS: Final = 3600
"""Lifetime in seconds of records whose line names no other."""
NEGATIVE_TTL_SECONDS: Final = 300.0
"""Lifetime in seconds of the answer that there is no such name or type."""
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"|(\S+)')
_ESCAPE: Final = re.compile(rb"\\(?:(\d{3})|(.))", re.DOTALL)


def _name(text: str) -> str:
    """A name among the values of a record; a name that is not well-formed stays as it is."""
    return normal_name(text) or text.removesuffix(".").lower()


def _octets(text: str) -> bytes:
    """A string of a zone file. RFC 1035 §5.1."""

    def plain(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1])]) if match[1] else match[2]

    return _ESCAPE.sub(plain, text.encode("utf-8"))


def _tlsa(usage: str, selector: str, matching_type: str, *association: str) -> Tlsa:
    octets = bytes.fromhex("".join(association))
    return Tlsa(int(usage), int(selector), int(matching_type), octets)


READERS: Final[dict[str, Callable[[list[str]], Any]]] = {
    "A": lambda words: IPv4Address(words[0]),
    "AAAA": lambda words: IPv6Address(words[0]),
    "CNAME": lambda words: _name(words[0]),
    "MX": lambda words: MailExchanger(int(words[0]), _name(words[1])),
    "NS": lambda words: _name(words[0]),
    "PTR": lambda words: _name(words[0]),
    "SOA": tuple,
    "TLSA": lambda words: _tlsa(*words),
    "TXT": lambda words: b"".join(_octets(word) for word in words),
}
"""From the values of a line to the record of each type that a text may have."""


@dataclass(slots=True)
class _Lines:
    """The records of one name and type."""

    ttl_seconds: int
    records: list[Any]


class StaticResolver:
    """See `thurn.contracts.resolver.Resolver`.

    Attributes:
        questions: (name, type) of each look-up that was made, in order.
    """

    def __init__(self, zone: str | None = None) -> None:
        self.questions: list[tuple[str, str]] = []
        self._sets: dict[tuple[str, str], _Lines] = {}
        self._existing: set[str] = set()
        self._failing: dict[str, type[LookupFailed]] = {}
        self._signed: set[str] = set()
        self._held: dict[str, trio.Event] = {}
        self._asked = trio.Event()
        if zone is not None:
            self.add(zone)

    def add(self, zone: str) -> None:
        """Add the lines of a text. Raises ValueError for a line that cannot be read."""
        for line in zone.splitlines():
            if line.strip() and not line.strip().startswith(";"):
                self._add_line(line)

    def _add_line(self, line: str) -> None:
        words = [match[1] if match[2] is None else match[2] for match in _WORD.finditer(line)]
        owner = normal_name(words.pop(0))
        ttl_seconds = int(words.pop(0)) if words and words[0].isdigit() else TTL_SECONDS
        if words and words[0] == "IN":
            del words[0]
        if owner is None or len(words) < 2 or words[0] not in READERS:
            raise ValueError(f"not `name [ttl] [IN] type values`: {line.strip()!r}")
        kind = words.pop(0)
        lines = self._sets.setdefault((owner, kind), _Lines(ttl_seconds, []))
        lines.ttl_seconds = min(lines.ttl_seconds, ttl_seconds)
        lines.records.append(READERS[kind](words))
        # What is above a name exists, too. RFC 8020 §2.
        self._existing.update(_upwards(owner))

    def fail(self, name: str) -> None:
        """From now on nothing can be known of the name."""
        self._failing[name] = LookupFailed

    def forge(self, name: str) -> None:
        """From now on DNSSEC proves the answers about the name false."""
        self._failing[name] = Bogus

    def heal(self, name: str) -> None:
        """The name is as the text has it again."""
        del self._failing[name]

    def sign(self, domain: str) -> None:
        """DNSSEC proves what is said about the domain and the names below it."""
        self._signed.add(domain)

    def hold(self, name: str) -> None:
        """Look-ups of the name wait until `release`."""
        self._held[name] = trio.Event()

    def release(self, name: str) -> None:
        """Let the look-ups of the name go on."""
        self._held.pop(name).set()

    def asked(self, name: str) -> int:
        """How many look-ups of the name were made."""
        return sum(owner == name for owner, _ in self.questions)

    async def wait_asked(self, name: str) -> None:
        """Return when a look-up of the name was made."""
        while not self.asked(name):
            await self._asked.wait()

    async def addresses(self, name: str) -> DnsAnswer[PeerAddress]:
        """AAAA and A records as addresses, IPv6 first."""
        return joined_addresses([await self._outcome(name, kind) for kind in ("AAAA", "A")])

    async def a(self, name: str) -> DnsAnswer[IPv4Address]:
        """The A records."""
        return await self._look_up(name, "A")

    async def aaaa(self, name: str) -> DnsAnswer[IPv6Address]:
        """The AAAA records."""
        return await self._look_up(name, "AAAA")

    async def mx(self, name: str) -> DnsAnswer[MailExchanger]:
        """The MX records, by preference."""
        answer: DnsAnswer[MailExchanger] = await self._look_up(name, "MX")
        if not isinstance(answer, RecordSet):
            return answer
        ordered = tuple(sorted(answer.records))
        return RecordSet(ordered, answer.name, answer.ttl_seconds, answer.authenticated)

    async def txt(self, name: str) -> DnsAnswer[bytes]:
        """The TXT records."""
        return await self._look_up(name, "TXT")

    async def tlsa(self, host: str, port: int = 25) -> DnsAnswer[Tlsa]:
        """The TLSA records of a port."""
        if normal_name(host) is None:
            return NoSuchName(host, 0.0)
        return await self._look_up(f"_{port}._tcp.{host}", "TLSA")

    async def ptr(self, address: PeerAddress) -> DnsAnswer[str]:
        """The PTR records of an address."""
        mapped = getattr(address, "ipv4_mapped", None)
        return await self._look_up((mapped or address).reverse_pointer, "PTR")

    async def cname(self, name: str) -> DnsAnswer[str]:
        """The CNAME record."""
        return await self._look_up(name, "CNAME")

    async def _outcome(self, name: str, kind: str) -> DnsAnswer[Any] | LookupFailed:
        try:
            return await self._look_up(name, kind)
        except LookupFailed as error:
            return error

    async def _look_up(self, name: str, kind: str) -> DnsAnswer[Any]:
        await trio.lowlevel.checkpoint()
        owner = normal_name(name)
        if owner is None:
            return NoSuchName(name, 0.0)
        self.questions.append((owner, kind))
        self._asked.set()
        self._asked = trio.Event()
        if owner in self._held:
            await self._held[owner].wait()
        if not self._sets and owner not in self._failing:
            raise LookupFailed(f"{owner}: the test has given no names")
        return self._follow(owner, kind)

    def _follow(self, owner: str, kind: str) -> DnsAnswer[Any]:
        """The answer at the end of the aliases."""
        authenticated = True
        for _ in range(ALIASES + 1):
            if owner in self._failing:
                raise self._failing[owner](f"{owner}: the test says so")
            authenticated = authenticated and not self._signed.isdisjoint(_upwards(owner))
            lines, alias = (self._sets.get((owner, one)) for one in (kind, "CNAME"))
            if lines is not None:
                records = tuple(dict.fromkeys(lines.records))
                return RecordSet(records, owner, float(lines.ttl_seconds), authenticated)
            if alias is None:
                no = NoData if owner in self._existing else NoSuchName
                return no(owner, NEGATIVE_TTL_SECONDS, authenticated)
            owner = alias.records[0]
        raise LookupFailed(f"{owner}: more than {ALIASES} aliases")


def _upwards(name: str) -> Iterator[str]:
    """The name and the names above it."""
    while name:
        yield name
        name = name.partition(".")[2]


def static_plugin(resolver: StaticResolver) -> Factory:
    """The resolver as the plugin `resolver.static`, for `open_server(…, plugins=[…])`."""

    @plugin("resolver", "static")
    @asynccontextmanager
    async def static() -> AsyncIterator[StaticResolver]:
        yield resolver

    return static
