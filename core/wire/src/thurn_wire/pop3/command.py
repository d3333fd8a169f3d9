"""The commands of POP3 as values, the same on both sides.

Rules of this file:
1. A client engine sends them. A server engine returns those that its session has to answer as
   events; it answers all others by itself, from the `Maildrop` of the session.
2. `STEP` is the step of the table that a positive answer makes.
3. Secrets are not part of any repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from thurn_wire.pop3.state import Step


@dataclass(frozen=True, slots=True)
class User:
    """USER. RFC 1939 §7."""

    STEP: ClassVar[Step] = Step.USER
    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """PASS. RFC 1939 §7."""

    STEP: ClassVar[Step] = Step.PASS
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Apop:
    """APOP. Answer: `accept_login`, or refuse. RFC 1939 §7.

    Attributes:
        name: the login name.
        digest: the MD5 digest of the greeting's timestamp and the shared secret, in hexadecimal.
    """

    STEP: ClassVar[Step] = Step.APOP
    name: str
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with an offered mechanism. Answer: `challenge`, `accept_login`, or refuse. RFC 5034 §4.

    Attributes:
        mechanism: its name in upper case.
        initial: the initial response, decoded; b"" if it is empty ("="), None if it is missing.
    """

    STEP: ClassVar[Step] = Step.AUTH
    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StartTls:
    """STLS. Answer: `accept`, send, do the handshake, `tls_started`; or refuse. RFC 2595 §4."""

    STEP: ClassVar[Step] = Step.STARTTLS


@dataclass(frozen=True, slots=True)
class Capa:
    """CAPA. RFC 2449 §5."""

    STEP: ClassVar[Step] = Step.CAPA


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT. RFC 1939 §4, §6."""

    STEP: ClassVar[Step] = Step.QUIT


@dataclass(frozen=True, slots=True)
class Stat:
    """STAT. RFC 1939 §5."""

    STEP: ClassVar[Step] = Step.STAT


@dataclass(frozen=True, slots=True)
class List:
    """LIST, of all messages or one. RFC 1939 §5."""

    STEP: ClassVar[Step] = Step.LIST
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Uidl:
    """UIDL, of all messages or one. RFC 1939 §7."""

    STEP: ClassVar[Step] = Step.UIDL
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Retrieve:
    """RETR of a message that exists. Answer: `send_message`, `begin_message`, or refuse.

    RFC 1939 §5 (RETR).
    """

    STEP: ClassVar[Step] = Step.RETR
    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """TOP of a message that exists. Answer: `send_message` with `content.top`, or as for RETR.

    RFC 1939 §7 (TOP).
    """

    STEP: ClassVar[Step] = Step.TOP
    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Delete:
    """DELE. RFC 1939 §5."""

    STEP: ClassVar[Step] = Step.DELE
    number: int


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP. RFC 1939 §5."""

    STEP: ClassVar[Step] = Step.NOOP


@dataclass(frozen=True, slots=True)
class Reset:
    """RSET. RFC 1939 §5."""

    STEP: ClassVar[Step] = Step.RSET


Command: TypeAlias = (
    User
    | Pass
    | Apop
    | Auth
    | StartTls
    | Capa
    | Quit
    | Stat
    | List
    | Uidl
    | Retrieve
    | Top
    | Delete
    | Noop
    | Reset
)
