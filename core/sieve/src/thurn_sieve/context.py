"""What a script can see: the message, the envelope, and services of the program that runs it.

Everything that a run learns comes from a `Context`, including the time, the time zone and unique
strings. `Context` may be subclassed. The services are protocols, each optional: without one, no
mailbox exists, no message was seen before, and no script is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

from thurn_message.addresslist import Mailbox, parse_address_list
from thurn_message.charset import decode_octets
from thurn_message.encodedword import decode_words
from thurn_message.fields import Field, unfold
from thurn_message.scanner import Scan, scan

REMEMBERED_FIELD_OCTETS: Final = 100
"""Octets of an address field whose addresses are remembered; the same senders and lists write
again and again, and their fields are short."""
REMEMBERED_FIELDS: Final = 1024
"""Address fields whose addresses are remembered, in about half a megabyte of memory."""
SEARCHED_NAMES: Final = 6
"""Names of fields that are searched for among all fields of a message, one by one; an index of the
fields is worth its time only for more names."""

# One address, alone or after a name of plain words; nearly all From fields are like that. The
# reader of address lists gives the same result in ten times the time.
_ORDINARY: Final = re.compile(
    rb"""([^"(),:;<>@\[\]\\\r\n]*+<)?+([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++@([A-Za-z0-9.-]++))"""
    rb"""(?(1)>)"""
)
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")


class MailAddress:
    """An address of a header or an envelope, read leniently; it never changes.

    Attributes:
        text: the text that `:all` compares; if it is not an address, the text as it is written.
        local: the local part without quotes; None if it is not an address.
        domain: the part after the last @; None if it is not an address.
    """

    __slots__ = ("domain", "local", "text")

    def __init__(self, text: str, local: str | None, domain: str | None) -> None:
        self.text = text
        self.local = local
        self.domain = domain

    @classmethod
    def of_mailbox(cls, mailbox: Mailbox) -> MailAddress:
        """The address of one mailbox in a header field."""
        if not mailbox.domain or not mailbox.local:
            return cls(decode_words(mailbox.raw), None, None)
        # RFC 2047 §5: an encoded word must not be in an address, so nothing is decoded there.
        local, domain = _plain(mailbox.local), _plain(mailbox.domain)
        return cls(f"{local}@{domain}", local, domain)

    @classmethod
    def of_path(cls, path: str | None) -> MailAddress:
        """The address of an envelope's path; the text of the null path is empty."""
        local, at, domain = (path or "").rpartition("@")
        if local.startswith('"') and local.endswith('"') and len(local) > 1:
            local = local[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if not at or not local or not domain:
            return cls(path or "", None, None)
        return cls(f"{local}@{domain}", local, domain)


class HeaderField:
    """One field of a header.

    Attributes:
        name: the name in lower case.
        raw: the value without its folds; encoded words are not decoded.
    """

    __slots__ = ("_addresses", "_text", "name", "raw")

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        self.raw = raw
        self._text: str | None = None
        self._addresses: list[MailAddress] | None = None

    @property
    def text(self) -> str:
        """The value with its encoded words decoded. RFC 5228 §2.7.2."""
        if self._text is None:
            self._text = decode_words(self.raw)
        return self._text

    @property
    def is_read(self) -> bool:
        """Whether the addresses have been read before."""
        return self._addresses is not None

    @property
    def addresses(self) -> list[MailAddress]:
        """The addresses in it, including those in groups."""
        if self._addresses is None:
            short = len(self.raw) <= REMEMBERED_FIELD_OCTETS
            read = _remembered_addresses if short else _read_addresses
            self._addresses = [*read(self.raw)]
        return self._addresses


def _plain(octets: bytes) -> str:
    return _FORBIDDEN.sub(" ", decode_octets(octets))


def _read_addresses(raw: bytes) -> tuple[MailAddress, ...]:
    match = _ORDINARY.fullmatch(raw)
    if match is not None:
        text, cut = match[2].decode("ascii"), match.start(3) - match.start(2)
        return (MailAddress(text, text[: cut - 1], text[cut:]),)
    mailboxes = parse_address_list(raw).mailboxes
    return tuple([MailAddress.of_mailbox(mailbox) for mailbox in mailboxes])


_remembered_addresses = lru_cache(REMEMBERED_FIELDS)(_read_addresses)


class MessageView:
    """A message; each part of it is parsed when it is first needed.

    Attributes:
        content: the octets of the message.
    """

    __slots__ = ("_fields", "_index", "_scan", "content")

    def __init__(self, content: bytes, scanned: Scan | None = None) -> None:
        self.content = content
        self._scan = scanned
        self._fields: dict[str, list[HeaderField]] = {}
        self._index: dict[bytes, list[Field]] | None = None

    @property
    def scan(self) -> Scan:
        """The places of the fields and parts of the message."""
        if self._scan is None:
            self._scan = scan(self.content)
        return self._scan

    @property
    def size_octets(self) -> int:
        """The size of the whole message. RFC 5228 §5.9."""
        return len(self.content)

    def fields(self, name: str) -> list[HeaderField]:
        """The fields of that name in any case, in order."""
        fields = self._fields.get(name)
        if fields is None:
            lower = name.lower()
            content = self.content
            fields = self._fields[name] = [
                HeaderField(lower, unfold(content[place.value : place.end]))
                for place in self._places(lower.encode("utf-8", "surrogateescape"))
            ]
        return fields

    def _places(self, name: bytes) -> Sequence[Field]:
        """The places of the fields of that name (in lower case)."""
        if self._index is None:
            if len(self._fields) < SEARCHED_NAMES:
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
    """The envelope of this recipient; every attribute may be set.

    Attributes:
        sender: the reverse-path; None for the null path.
        recipient: the forward-path that led here, after aliases were applied.
        original_recipient: the forward-path as the peer gave it, or ORCPT; None if it is unknown.
        auth: the authenticated sender; None if nobody has logged in.
        parameters: parameters of MAIL and RCPT, by name in upper case (`NOTIFY`, `RET`, `ENVID`,
            `BY` ...).
    """

    sender: str | None = None
    recipient: str = ""
    original_recipient: str | None = None
    auth: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Account:
    """The account whose script runs.

    Attributes:
        name: the name of the account.
        addresses: all addresses of the account.
        full_name: the name in the From field of messages that are sent for the account.
    """

    name: str = ""
    addresses: Sequence[str] = ()
    full_name: str = ""


class Mailboxes(Protocol):
    """The mailboxes of the account, for tests. RFC 5490, RFC 8579, RFC 9042."""

    async def exists(self, name: str) -> bool:
        """Whether the mailbox exists and the account may see it."""

    async def may_write(self, name: str) -> bool:
        """Whether the account may put messages into the mailbox."""

    async def special_use(self, flag: str) -> Sequence[str]:
        """The names of the mailboxes with that special use (RFC 6154)."""

    async def by_id(self, mailbox_id: str) -> str | None:
        """The name of the mailbox with that id, or None."""

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """The value of an annotation of a mailbox, or of the server if `name` is None.

        None: there is no such annotation.
        """


class Duplicates(Protocol):
    """The keys of messages seen before and of senders answered before. RFC 7352, RFC 5230."""

    async def seen(self, key: str) -> bool:
        """Whether the key is marked and its time is not over; the call itself marks nothing."""


class Lists(Protocol):
    """Lists that are stored outside of the script. RFC 6134."""

    async def contains(self, name: str, value: str) -> bool:
        """Whether the value is on the list."""


class Repository(Protocol):
    """Scripts for `include`. RFC 6609."""

    async def source(self, name: str, *, location: str) -> object:
        """The script of that name in the location `personal` or `global`.

        Returns:
            The script as bytes, as text, or compiled by the engine that runs; None if there is no
            such script.
        """


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Context:
    """One message for one account, and everything that scripts can see of the world around it.

    The contexts of several recipients may share one `view` of their message, so that it is parsed
    only once.

    Attributes:
        envelope: the envelope; it may be set, and so may its attributes.
        original: the octets of the message as it came in, without the edits of scripts.
        message_flags: flags that the message has before the script runs.
        account: the account whose script runs.
        now: the time in the account's time zone, always aware.
        mailboxes, duplicates, lists, repository: services; None if there is none.
        environment: items of RFC 5183 (`domain`, `host`, `location`, `phase` ...); a value may be a
            function that returns it.
        spam: results of scanners (`spam`, `virus`, `spam-percent`), for extensions that test them.
        settings: settings of extensions, read at each use; they override those of the engine.
        locals: values that extensions keep with the context, by their capability.
        unique: returns a string that it has not returned before, for Message-IDs.
        phase: the place of the running script in a chain (`before`, `personal`, `after` ...).
    """

    def __init__(
        self,
        message: bytes,
        *,
        envelope: Envelope | None = None,
        account: Account | None = None,
        now: datetime = _EPOCH,
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
        """The octets of the message as edited so far; setting them drops the parsed view."""
        return self._message

    @message.setter
    def message(self, content: bytes) -> None:
        self._message = content
        self._view = None

    @property
    def view(self) -> MessageView:
        """The parsed view of the message as edited so far."""
        if self._view is None:
            self._view = MessageView(self._message)
        return self._view

    def _next(self) -> str:
        self._count += 1
        return f"{self.now.timestamp():.0f}.{self._count}"
