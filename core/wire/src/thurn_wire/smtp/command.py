"""The commands of SMTP and LMTP as values, the same on both sides.

Rules of this file:
1. A client engine sends them. A server engine returns those that its session has to answer as
   events; it answers the others (NOOP, HELP, QUIT, usually VRFY and EXPN) by itself.
2. `STEP` is the step of the table that a positive answer makes.
3. Secrets are not part of any repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from thurn_wire.smtp.state import Step

Parameters: TypeAlias = Mapping[str, str | None]
"""The words behind a path: keyword in upper case to value, or to None if it has no value."""

NO_PARAMETERS: Final[Parameters] = MappingProxyType({})


def no_parameters() -> Parameters:
    """The default of fields that hold parameters."""
    return NO_PARAMETERS


@dataclass(frozen=True, slots=True)
class Hello:
    """EHLO, HELO or LHLO. Answer: `accept`; the engine adds the keywords for EHLO and LHLO.

    A positive answer ends an open transaction. RFC 5321 §4.1.1.1, §4.1.4, RFC 2033 §4.1.
    """

    STEP: ClassVar[Step] = Step.HELLO
    verb: str
    name: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """STARTTLS. Answer: `accept`, send, do the handshake, `tls_started`; or refuse. RFC 3207 §4."""

    STEP: ClassVar[Step] = Step.STARTTLS


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with an offered mechanism. Answer: `challenge`, `accept`, or refuse. RFC 4954 §4.

    Attributes:
        mechanism: its name in upper case.
        initial: the initial response, decoded; b"" if it is empty ("="), None if it is missing.
    """

    STEP: ClassVar[Step] = Step.AUTH
    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL. A positive answer opens the transaction. RFC 5321 §4.1.1.2.

    Attributes:
        path: what stands between the angle brackets, not judged; None for `<>`.
        parameters: a server engine returns only parameters that were offered.
    """

    STEP: ClassVar[Step] = Step.MAIL
    path: bytes | None
    parameters: Parameters = field(default_factory=no_parameters)

    @property
    def size_octets(self) -> int | None:
        """The declared size, within the limit of the server; None if it is missing. RFC 1870 §6."""
        size = self.parameters.get("SIZE")
        return None if size is None else int(size)

    @property
    def smtputf8(self) -> bool:
        """Whether paths may hold UTF-8. RFC 6531 §3.4."""
        return "SMTPUTF8" in self.parameters


@dataclass(frozen=True, slots=True)
class Recipient:
    """RCPT. RFC 5321 §4.1.1.3.

    Attributes:
        path: what stands between the angle brackets, not judged, never empty.
        parameters: a server engine returns only parameters that were offered.
    """

    STEP: ClassVar[Step] = Step.RCPT
    path: bytes
    parameters: Parameters = field(default_factory=no_parameters)


@dataclass(frozen=True, slots=True)
class Data:
    """DATA; the client sends the content after 354. RFC 5321 §4.1.1.4."""

    STEP: ClassVar[Step] = Step.DATA


@dataclass(frozen=True, slots=True)
class Chunk:
    """BDAT with its octets, which are sent as they are. RFC 3030 §2."""

    STEP: ClassVar[Step] = Step.BDAT
    octets: bytes = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """RSET: forget the transaction, if one is open. RFC 5321 §4.1.1.5."""

    STEP: ClassVar[Step] = Step.RSET


@dataclass(frozen=True, slots=True)
class Verify:
    """VRFY. RFC 5321 §4.1.1.6."""

    STEP: ClassVar[Step] = Step.VRFY
    argument: str


@dataclass(frozen=True, slots=True)
class Expand:
    """EXPN. RFC 5321 §4.1.1.7."""

    STEP: ClassVar[Step] = Step.EXPN
    argument: str


@dataclass(frozen=True, slots=True)
class Help:
    """HELP. RFC 5321 §4.1.1.8."""

    STEP: ClassVar[Step] = Step.HELP


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP. RFC 5321 §4.1.1.9."""

    STEP: ClassVar[Step] = Step.NOOP


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT. RFC 5321 §4.1.1.10."""

    STEP: ClassVar[Step] = Step.QUIT


Command: TypeAlias = (
    Hello
    | StartTls
    | Auth
    | Mail
    | Recipient
    | Data
    | Chunk
    | Reset
    | Verify
    | Expand
    | Help
    | Noop
    | Quit
)
