"""The resolver: what the DNS says.

Rules of this contract:
1. What the DNS says is a value: `RecordSet`, `NoSuchName` or `NoData`. If it cannot be known now,
   an exception is raised: `LookupFailed`, which is a `TemporaryFailure`, or its kind `Bogus`. So
   nobody can take ignorance for a "no": code that forgets the exception defers the mail
   (RFC 5321 §5.1).
2. Names are absolute: a resolver plugin applies no search list, and a dot at the end changes
   nothing. Names are ASCII; international ones come as A-labels (RFC 5890 §2.3.2.1), as in
   `Address.domain`.
3. A text that cannot be a name (see `normal_name`) is `NoSuchName`, and no nameserver is asked, so
   whatever a peer or a zone has written may be passed here.
4. Aliases (CNAME) are followed to their end, except by `cname`; a chain that is too long is
   `LookupFailed`.
5. Questions and remembered answers are bounded. No method has a parameter for its time: the product
   has bounds of its own, and callers use `trio.fail_after`. Cancelling a call disturbs no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

from thurn.types.errors import TemporaryFailure
from thurn.types.session import PeerAddress
from thurn.types.status import Status

LOOKUP_FAILED: Final = Status(451, "4.4.3", "A name cannot be looked up now, try again later")
"""RFC 3463 §3.5: directory server failure, which its text says of the DNS."""
NAME_CHARACTERS: Final = 253
"""Most characters of a name: of its 255 octets on the wire one is the length of the first label,
and one is the root. RFC 1035 §2.3.4."""
LABEL_CHARACTERS: Final = 63
"""Most characters of a label. RFC 1035 §2.3.4."""
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")

R_co = TypeVar("R_co", covariant=True)


class LookupFailed(TemporaryFailure):
    """The answer cannot be known now: no nameserver answers, or those that do cannot say (SERVFAIL,
    REFUSED, answers that make no sense). This says nothing about the name."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, LOOKUP_FAILED)


class Bogus(LookupFailed):
    """There is an answer, but DNSSEC proves that it is forged or that its signatures are broken, so
    it is withheld. RFC 4033 §5."""


@dataclass(frozen=True, slots=True)
class RecordSet(Generic[R_co]):
    """The name has records of this type.

    Attributes:
        records: one or more, each once, in the order that the method promises.
        name: the name that has them, in normal form: the one asked for, or the last of its aliases.
        ttl_seconds: how long from now the answer may be kept.
        authenticated: whether DNSSEC has proved the records and the aliases on the way to them, as
            a validator on this machine says (RFC 4035 §3.2.3).
    """

    records: tuple[R_co, ...]
    name: str
    ttl_seconds: float
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """The name does not exist: it has no records of any type, and there is nothing below it
    (RFC 8020). The attributes are those of `RecordSet`."""

    name: str
    ttl_seconds: float
    authenticated: bool = False
    records: ClassVar[tuple[()]] = ()


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists and has no records of this type. The attributes are those of `RecordSet`."""

    name: str
    ttl_seconds: float
    authenticated: bool = False
    records: ClassVar[tuple[()]] = ()


DnsAnswer: TypeAlias = RecordSet[R_co] | NoSuchName | NoData
"""What the DNS says. All three have `records`."""


@dataclass(frozen=True, slots=True, order=True)
class MailExchanger:
    """An MX record. RFC 5321 §5.1.

    Attributes:
        preference: less is better.
        host: a name; "" is the root, which is never a host: with it a domain says that it takes no
            mail (`takes_no_mail`).
    """

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record: which certificate a server shows. RFC 6698 §2.1.

    Attributes:
        association: the octets to compare with (certificate association data).
    """

    usage: int
    selector: int
    matching_type: int
    association: bytes


def takes_no_mail(answer: DnsAnswer[MailExchanger]) -> bool:
    """Whether a domain says that it takes no mail: its only MX is the null MX. RFC 7505 §3."""
    return len(answer.records) == 1 and not answer.records[0].host


def joined_addresses(
    outcomes: Sequence[DnsAnswer[PeerAddress] | LookupFailed],
) -> DnsAnswer[PeerAddress]:
    """The answer of `Resolver.addresses`, made of the answers to A and AAAA.

    Args:
        outcomes: one or more, in the order in which the addresses are to be tried.

    Raises:
        LookupFailed: no outcome has an address, and one of them is this error.
    """
    full = [one for one in outcomes if isinstance(one, RecordSet)]
    if full:
        return RecordSet(
            tuple(record for one in full for record in one.records),
            full[0].name,
            min(one.ttl_seconds for one in full),
            all(one.authenticated for one in full),
        )
    empty: list[NoSuchName | NoData] = []
    for one in outcomes:
        if isinstance(one, LookupFailed):
            raise one
        if isinstance(one, NoSuchName | NoData):
            empty.append(one)
    return next((one for one in empty if isinstance(one, NoData)), empty[0])


def normal_name(text: str) -> str | None:
    """A name in lower case without a dot at its end; None if the text cannot be a name.

        name   = label *("." label) ["."]
        label  = (letter / digit / "_") [*(letter / digit / "_" / "-") (letter / digit / "_")]

    Underscores are for names of services (RFC 8552). An address is not a name: the last label is
    not a number (RFC 1123 §2.1).
    """
    name = text.removesuffix(".").lower()
    # The text is asked and not the name: some letters that are not ASCII have an ASCII lower case.
    if len(name) > NAME_CHARACTERS or not text.isascii():
        return None
    labels = name.split(".")
    if labels[-1].isdigit():
        return None
    if all(len(label) <= LABEL_CHARACTERS and _LABEL.fullmatch(label) for label in labels):
        return name
    return None


class Resolver(Protocol):
    """The product of a resolver plugin; `context.resolver` is the site's.

    Each method raises LookupFailed if the answer cannot be known now, and Bogus if DNSSEC proves
    that the answer is false. On a site without `[site] resolver` only `addresses` works, and the
    others raise ConfigError; a plugin that needs them says so by `Settings.needs_resolver`.
    """

    async def addresses(self, name: str) -> DnsAnswer[PeerAddress]:
        """The addresses of a host for a connection, in the order in which the site wants them
        tried (IPv6 first unless it says otherwise).

        If only one of A and AAAA can be known and has records, its records are the answer.
        """

    async def a(self, name: str) -> DnsAnswer[IPv4Address]:
        """The A records, in any order. RFC 1035 §3.4.1."""

    async def aaaa(self, name: str) -> DnsAnswer[IPv6Address]:
        """The AAAA records, in any order. RFC 3596 §2.2."""

    async def mx(self, name: str) -> DnsAnswer[MailExchanger]:
        """The MX records by preference, equal ones by host. The caller spreads the load over equal
        ones (RFC 5321 §5.1) and uses the address of a domain that has no MX."""

    async def txt(self, name: str) -> DnsAnswer[bytes]:
        """The TXT records, in any order, the strings of each joined (RFC 7208 §3.3)."""

    async def tlsa(self, host: str, port: int = 25) -> DnsAnswer[Tlsa]:
        """The TLSA records of a server that is reached by TCP. RFC 6698 §3, RFC 7672 §2.2."""

    async def ptr(self, address: PeerAddress) -> DnsAnswer[str]:
        """The names that an address claims to have; believe them only if they lead back to it. An
        IPv4-mapped address counts as its IPv4 address. RFC 1035 §3.5, RFC 3596 §2.5."""

    async def cname(self, name: str) -> DnsAnswer[str]:
        """The name that this one is an alias of. RFC 1034 §3.6.2."""
