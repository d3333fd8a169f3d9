"""What a script can see: the message, the envelope, and services of whoever runs it.

Everything a run learns comes from here: time, zone and randomness too. `Context` may be subclassed;
the services are protocols, each optional. "Not there" means: nothing exists, nothing was seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

from thurn_message.addresslist import Mailbox, parse_address_list
from thurn_message.encodedword import decode_words
from thurn_message.fields import Field, unfold
from thurn_message.scanner import Scan, scan

COMMON_OCTETS: Final = 100
"""Address fields up to here are remembered as read: senders and lists write again and again."""
FIELDS_KNOWN: Final = 1024
"""About half a megabyte."""
FEW_NAMES: Final = 6
"""Names that are sought one after the other; a table of all fields pays for more."""

# One address, alone or behind a name of plain words: nearly all fields From are that. What the
# reader of lists makes of it is the same, at ten times the price.
_ORDINARY: Final = re.compile(
    rb"""([^"(),:;<>@\[\]\\\r\n]*+<)?+([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++@([A-Za-z0-9.-]++))"""
    rb"""(?(1)>)"""
)


class MailAddress:
    """An address of a header or an envelope, leniently read; never changed once made.

    Attributes:
        text: as it is compared by `:all`; the whole field where it is no address.
        local: the local part without quotes; None where it is no address.
        domain: what follows the last @; None where it is no address.
    """

    __slots__ = ("domain", "local", "text")

    def __init__(self, text: str, local: str | None, domain: str | None) -> None:
        self.text = text
        self.local = local
        self.domain = domain

    @classmethod
    def of_mailbox(cls, mailbox: Mailbox) -> MailAddress:
        """The address of an entry of a header field."""
        if not mailbox.domain or not mailbox.local:
            return cls(decode_words(mailbox.raw), None, None)
        local, domain = decode_words(mailbox.local), decode_words(mailbox.domain)
        return cls(f"{local}@{domain}", local, domain)

    @classmethod
    def of_path(cls, path: str | None) -> MailAddress:
        """The address of an envelope; the null path is the empty string."""
        local, at, domain = (path or "").rpartition("@")
        if local.startswith('"') and local.endswith('"') and len(local) > 1:
            local = local[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if not at or not local or not domain:
            return cls(path or "", None, None)
        return cls(f"{local}@{domain}", local, domain)


class HeaderField:
    """One field of a header.

    Attributes:
        name: in lower case.
        raw: the value, unfolded, encoded words as they are.
    """

    __slots__ = ("_addresses", "_text", "name", "raw")

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        self.raw = raw
        self._text: str | None = None
        self._addresses: list[MailAddress] | None = None

    @property
    def text(self) -> str:
        """The value, encoded words decoded. RFC 5228 §2.7.2."""
        if self._text is None:
            self._text = decode_words(self.raw)
        return self._text

    @property
    def is_read(self) -> bool:
        """Whether the addresses are known already."""
        return self._addresses is not None

    @property
    def addresses(self) -> list[MailAddress]:
        """The addresses in it; those of groups too."""
        if self._addresses is None:
            read = _known_addresses if len(self.raw) <= COMMON_OCTETS else _read_addresses
            self._addresses = [*read(self.raw)]
        return self._addresses


def _read_addresses(raw: bytes) -> tuple[MailAddress, ...]:
    match = _ORDINARY.fullmatch(raw)
    if match is not None and b"=?" not in match[2]:
        text, cut = match[2].decode("ascii"), match.start(3) - match.start(2)
        return (MailAddress(text, text[: cut - 1], text[cut:]),)
    found = parse_address_list(raw).mailboxes
    return tuple([MailAddress.of_mailbox(mailbox) for mailbox in found])


_known_addresses = lru_cache(FIELDS_KNOWN)(_read_addresses)


class MessageView:
    """A message, parsed as far as it was asked for.

    Attributes:
        content: the octets.
        scan: where everything is.
    """

    __slots__ = ("_fields", "_index", "_scan", "content")

    def __init__(self, content: bytes, scanned: Scan | None = None) -> None:
        self.content = content
        self._scan = scanned
        self._fields: dict[str, list[HeaderField]] = {}
        self._index: dict[bytes, list[Field]] | None = None

    @property
    def scan(self) -> Scan:
        """The scanner's view."""
        if self._scan is None:
            self._scan = scan(self.content)
        return self._scan

    @property
    def size_octets(self) -> int:
        """Of the whole message. RFC 5228 §5.9."""
        return len(self.content)

    def fields(self, name: str) -> list[HeaderField]:
        """The fields of that name in any case, in order."""
        found = self._fields.get(name)
        if found is None:
            lower = name.lower()
            content = self.content
            found = self._fields[name] = [
                HeaderField(lower, unfold(content[place.value : place.end]))
                for place in self._places(lower.encode("utf-8", "surrogateescape"))
            ]
        return found

    def _places(self, name: bytes) -> Sequence[Field]:
        """Where the fields of that name (in lower case) are."""
        if self._index is None:
            if len(self._fields) < FEW_NAMES:
                return [place for place in self.scan.fields if place[0] == name]
            self._index = {}
            for place in self.scan.fields:
                self._index.setdefault(place.name, []).append(place)
        return self._index.get(name, ())

    def texts(self, name: str) -> list[str]:
        """The decoded values of the fields of that name."""
        return [field_.text for field_ in self.fields(name)]


@dataclass(slots=True)
class Envelope:
    """The envelope as this recipient has it; all settable.

    Attributes:
        sender: the reverse-path, None for the null path.
        recipient: the forward-path that led here, as it stood after aliases.
        original_recipient: the forward-path as the peer gave it, or ORCPT.
        auth: who was authenticated, or None.
        parameters: of MAIL and RCPT in upper case (`NOTIFY`, `RET`, `ENVID`, `BY` ...).
    """

    sender: str | None = None
    recipient: str = ""
    original_recipient: str | None = None
    auth: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Account:
    """Whose script it is.

    Attributes:
        name: of the account.
        addresses: all of its own addresses.
        full_name: for the From of what is sent in its name.
    """

    name: str = ""
    addresses: Sequence[str] = ()
    full_name: str = ""


class Mailboxes(Protocol):
    """What tests may ask about mailboxes. RFC 5490, RFC 8579, RFC 9042."""

    async def exists(self, name: str) -> bool:
        """Whether it exists and its owner may see it."""

    async def may_write(self, name: str) -> bool:
        """Whether messages may be put there."""

    async def special_use(self, flag: str) -> Sequence[str]:
        """The mailboxes with that special use (RFC 6154)."""

    async def by_id(self, mailbox_id: str) -> str | None:
        """The name of the mailbox with that id."""

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """An annotation of a mailbox, or of the server for None."""


class Duplicates(Protocol):
    """The tracker of `duplicate` and of answers sent. RFC 7352, RFC 5230."""

    async def seen(self, key: str) -> bool:
        """Whether the key was marked and its time is not over; marks nothing."""


class Lists(Protocol):
    """Externally stored lists. RFC 6134."""

    async def contains(self, name: str, value: str) -> bool:
        """Whether the value is on the list."""


class Repository(Protocol):
    """Scripts for `include`. RFC 6609."""

    async def source(self, name: str, *, location: str) -> object:
        """The script of that name in `personal` or `global`, or None.

        As bytes, as text, or already compiled by the engine that runs.
        """


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Context:
    """One message for one account; give it what there is.

    Contexts of several recipients may be given one `view` of their message: it is parsed once.

    Attributes:
        envelope: settable, and its fields are.
        original: the octets as they came in, whatever scripts make of the message.
        message_flags: flags that the message has already.
        account: whose script it is.
        now: the time in the account's zone, always aware.
        mailboxes, duplicates, lists, repository: services, None where there are none.
        environment: items of RFC 5183 (`domain`, `host`, `location`, `phase` ...); a value may be a
            callable.
        spam: results of scanners (`spam`, `virus`, `spam-percent`), see the extensions.
        settings: read at each use; overrides those of the engine.
        locals: for extensions, by their capability.
        unique: gives a string that was never given before, for Message-IDs.
        phase: which script of a chain runs (`before`, `personal`, `after` ...).
    """

    def __init__(
        self,
        message: bytes,
        *,
        envelope: Envelope | None = None,
        account: Account | None = None,
        now: datetime = _NEVER,
        unique: Callable[[], str] | None = None,
        view: MessageView | None = None,
    ) -> None:
        self._message = self.original = message
        self._view = view
        self._count = 0
        self.envelope = envelope or Envelope()
        self.account = account or Account()
        self.now = now
        self.unique: Callable[[], str] = unique or self._next
        self.message_flags: Sequence[str] = ()
        self.mailboxes: Mailboxes | None = None
        self.duplicates: Duplicates | None = None
        self.lists: Lists | None = None
        self.repository: Repository | None = None
        self.environment: Mapping[str, str | Callable[[], str | None] | None] = {}
        self.spam: Mapping[str, str] = {}
        self.settings: Mapping[str, Any] = {}
        self.locals: dict[str, Any] = {}
        self.phase = ""

    @property
    def message(self) -> bytes:
        """The octets; setting them drops what was parsed."""
        return self._message

    @message.setter
    def message(self, content: bytes) -> None:
        self._message = content
        self._view = None

    @property
    def view(self) -> MessageView:
        """The parsed message."""
        if self._view is None:
            self._view = MessageView(self._message)
        return self._view

    def _next(self) -> str:
        self._count += 1
        return f"{self.now.timestamp():.0f}.{self._count}"
