r"""The commands of IMAP as values, the same on both sides.

Rules of this file:
1. Each command has a dataclass; `NAME` is its word on the wire. UID FETCH is `Fetch` with `uid`.
2. Everything is decoded: mailbox names, patterns and texts are str, whatever encoding they came in
   (modified UTF-7, UTF-8); numbers are bounded; words of the protocol are in upper case.
3. What an extension adds to a command (SELECT parameters, LIST options, FETCH modifiers …) is in
   its `parameters`, by word; base parameters have fields of their own. A command of an extension
   derives from `Command`.
4. Secrets are not part of any repr.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from thurn_wire.imap.fetch import FetchItem
from thurn_wire.imap.search import SearchKey
from thurn_wire.imap.sequence import SequenceSet

Parameters: TypeAlias = Mapping[str, object]
"""Words in upper case, each with the value that its parser returned, or None without a value."""

NO_PARAMETERS: Final[Parameters] = MappingProxyType({})


def no_parameters() -> Parameters:
    """The default of fields that hold parameters."""
    return NO_PARAMETERS


class Command:
    """The base of every command.

    Attributes:
        NAME: the word of the command; a UID command has that of the command without UID.
    """

    __slots__ = ()
    NAME: ClassVar[str]


# Any state.


@dataclass(frozen=True, slots=True)
class Capability(Command):
    """RFC 9051 §6.1.1."""

    NAME: ClassVar[str] = "CAPABILITY"


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """RFC 9051 §6.1.2."""

    NAME: ClassVar[str] = "NOOP"


@dataclass(frozen=True, slots=True)
class Logout(Command):
    """RFC 9051 §6.1.3."""

    NAME: ClassVar[str] = "LOGOUT"


@dataclass(frozen=True, slots=True)
class Id(Command):
    """ID: what the client is called. RFC 2971 §3.1.

    Attributes:
        fields: names and values; None: NIL.
    """

    NAME: ClassVar[str] = "ID"
    fields: tuple[tuple[str, str | None], ...] | None = None


# Not authenticated.


@dataclass(frozen=True, slots=True)
class StartTls(Command):
    """RFC 9051 §6.2.1."""

    NAME: ClassVar[str] = "STARTTLS"


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """AUTHENTICATE. RFC 9051 §6.2.2, RFC 4959.

    Attributes:
        mechanism: its name in upper case.
        initial: the initial response, decoded; b"" if it is empty ("="), None if it is missing.
    """

    NAME: ClassVar[str] = "AUTHENTICATE"
    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Login(Command):
    """RFC 9051 §6.2.3."""

    NAME: ClassVar[str] = "LOGIN"
    name: str
    password: str = field(repr=False)


# Authenticated.


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """ENABLE: names of capabilities in upper case. RFC 5161."""

    NAME: ClassVar[str] = "ENABLE"
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select(Command):
    """SELECT and EXAMINE. RFC 9051 §6.3.2, RFC 4466 §2.2.

    Attributes:
        read_only: the command is EXAMINE.
        condstore: the parameter CONDSTORE was given. RFC 7162 §3.1.8.
    """

    NAME: ClassVar[str] = "SELECT"
    mailbox: str
    read_only: bool = False
    condstore: bool = False
    parameters: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Create(Command):
    """RFC 9051 §6.3.4, RFC 4466 §2.2."""

    NAME: ClassVar[str] = "CREATE"
    mailbox: str
    parameters: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Delete(Command):
    """RFC 9051 §6.3.5."""

    NAME: ClassVar[str] = "DELETE"
    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """RFC 9051 §6.3.6."""

    NAME: ClassVar[str] = "RENAME"
    mailbox: str
    target: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    """RFC 9051 §6.3.7."""

    NAME: ClassVar[str] = "SUBSCRIBE"
    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe(Command):
    """RFC 9051 §6.3.8."""

    NAME: ClassVar[str] = "UNSUBSCRIBE"
    mailbox: str


@dataclass(frozen=True, slots=True)
class List(Command):
    """RFC 9051 §6.3.9, RFC 5258.

    Attributes:
        patterns: one or more; "" alone asks for the separator.
        extended: the command has options or a list of patterns; "" then has no special meaning.
        selection: the selection options, such as SUBSCRIBED.
        returns: the return options, such as CHILDREN.
    """

    NAME: ClassVar[str] = "LIST"
    reference: str
    patterns: tuple[str, ...]
    extended: bool = False
    selection: Parameters = field(default_factory=no_parameters)
    returns: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Lsub(Command):
    """RFC 3501 §6.3.9."""

    NAME: ClassVar[str] = "LSUB"
    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace(Command):
    """RFC 9051 §6.3.10."""

    NAME: ClassVar[str] = "NAMESPACE"


@dataclass(frozen=True, slots=True)
class Status(Command):
    """STATUS: items in upper case, such as MESSAGES. RFC 9051 §6.3.11."""

    NAME: ClassVar[str] = "STATUS"
    mailbox: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Append(Command):
    """APPEND: the mailbox; the messages follow as events. RFC 9051 §6.3.12, RFC 3502."""

    NAME: ClassVar[str] = "APPEND"
    mailbox: str


@dataclass(frozen=True, slots=True)
class AppendItem:
    """One message of APPEND that is announced.

    Attributes:
        size_octets: the size of its literal.
        flags: as for `Store`.
        received: the date and its zone, as given; None: now.
        binary: the literal is a literal8. RFC 3516 §4.4.
        parameters: those of extensions (ANNOTATION …).
    """

    size_octets: int
    flags: tuple[str, ...] = ()
    received: datetime.datetime | None = None
    binary: bool = False
    parameters: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Idle(Command):
    """RFC 9051 §6.3.13."""

    NAME: ClassVar[str] = "IDLE"


# Selected.


@dataclass(frozen=True, slots=True)
class Check(Command):
    """RFC 3501 §6.4.1."""

    NAME: ClassVar[str] = "CHECK"


@dataclass(frozen=True, slots=True)
class Close(Command):
    """RFC 9051 §6.4.1."""

    NAME: ClassVar[str] = "CLOSE"


@dataclass(frozen=True, slots=True)
class Unselect(Command):
    """RFC 9051 §6.4.2."""

    NAME: ClassVar[str] = "UNSELECT"


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """EXPUNGE and UID EXPUNGE. RFC 9051 §6.4.3, §6.4.9.

    Attributes:
        uids: those of UID EXPUNGE; None: EXPUNGE.
    """

    NAME: ClassVar[str] = "EXPUNGE"
    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Search(Command):
    """RFC 9051 §6.4.4, RFC 4466 §2.6, RFC 4731.

    Attributes:
        returns: the return options, such as MIN; RETURN () is {"ALL": None}. None: no RETURN was
            given, so the answer is SEARCH, not ESEARCH (in IMAP4rev1).
        charset: as given, in upper case; the texts of the keys are decoded.
    """

    NAME: ClassVar[str] = "SEARCH"
    key: SearchKey
    uid: bool = False
    returns: Parameters | None = None
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """RFC 9051 §6.4.5, RFC 4466 §2.5.

    Attributes:
        items: each item once; macros are replaced by their items.
        changed_since: RFC 7162 §3.1.4.1.
    """

    NAME: ClassVar[str] = "FETCH"
    sequence: SequenceSet
    items: tuple[FetchItem, ...]
    uid: bool = False
    changed_since: int | None = None
    parameters: Parameters = field(default_factory=no_parameters)


class FlagOperation(Enum):
    """How STORE changes the flags of a message. RFC 9051 §6.4.6."""

    ADD = "+FLAGS"
    REMOVE = "-FLAGS"
    REPLACE = "FLAGS"


@dataclass(frozen=True, slots=True)
class Store(Command):
    r"""RFC 9051 §6.4.6, RFC 4466 §2.5, RFC 7162 §3.1.3.

    Attributes:
        flags: each flag once, system flags in their usual spelling (`\Seen`); never `\Recent`.
        unchanged_since: the number of UNCHANGEDSINCE, which may be 0; None if it is missing.
    """

    NAME: ClassVar[str] = "STORE"
    sequence: SequenceSet
    operation: FlagOperation
    flags: tuple[str, ...]
    silent: bool = False
    uid: bool = False
    unchanged_since: int | None = None
    parameters: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Copy(Command):
    """RFC 9051 §6.4.7."""

    NAME: ClassVar[str] = "COPY"
    sequence: SequenceSet
    mailbox: str
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Move(Command):
    """RFC 9051 §6.4.8."""

    NAME: ClassVar[str] = "MOVE"
    sequence: SequenceSet
    mailbox: str
    uid: bool = False
