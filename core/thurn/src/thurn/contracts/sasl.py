"""SASL mechanisms: sans-IO; they know no database, no socket, no clock.

A mechanism is a generator. It *yields* what it needs and is *sent* the answer; it returns how it
ended. `thurn.plugin.sasl` has the sub-generators that make one readable:

    @sasl_mechanism("LOGIN", plaintext=True)
    def login(conditions):
        name = yield from sasl.receive(b"Username:")
        password = yield from sasl.receive(b"Password:")
        return (yield from sasl.verify(sasl.text(name), sasl.text(password)))

RFC 4422.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from thurn.contracts.account import Claim, StoredKey, StoredKeyQuery, Verdict


@dataclass(frozen=True, slots=True)
class SaslConditions:
    """What a mechanism may know of the connection.

    Attributes:
        secured: whether it is encrypted.
        channel_bindings: by type, such as "tls-server-end-point". RFC 5929.
    """

    secured: bool
    channel_bindings: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Needs the peer's response; answered with `bytes`. An empty challenge at the start asks for
    the initial response."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class NeedVerify:
    """Needs to know whether a claim is true; answered with a `Verdict`."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class NeedStoredKey:
    """Needs what is stored for a name; answered with `StoredKey | None`. The mechanism must go on
    with a stable fake when it is None, so that names cannot be told apart."""

    query: StoredKeyQuery


@dataclass(frozen=True, slots=True)
class SaslSuccess:
    """Proved. `authzid` is whom to act as ("" = oneself), judged by the gate. `data` goes out
    with the success. RFC 4422 §3.6."""

    authcid: str
    authzid: str = ""
    data: bytes = b""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class SaslFailure:
    """Not proved; `malformed` when the peer broke the mechanism's form (501 instead of 535)."""

    reason: str
    malformed: bool = False


SaslRequest: TypeAlias = Challenge | NeedVerify | NeedStoredKey
SaslAnswer: TypeAlias = bytes | Verdict | StoredKey | None
SaslResult: TypeAlias = SaslSuccess | SaslFailure
SaslExchange: TypeAlias = Generator[SaslRequest, SaslAnswer, SaslResult]


class SaslMechanism(Protocol):
    """A mechanism as offered."""

    @property
    def mechanism(self) -> str:
        """Its registered name, upper case."""

    @property
    def plaintext(self) -> bool:
        """Whether the password can be read off the exchange: never offered without TLS unless
        the site says so."""

    @property
    def channel_binding(self) -> str:
        """The channel binding that it needs, such as "tls-server-end-point": offered only where
        the connection has it. "" needs none. RFC 5056, RFC 5802 §6."""

    def begin(self, conditions: SaslConditions) -> SaslExchange:
        """A new exchange."""


@dataclass(frozen=True, slots=True)
class SaslProduct:
    """What a sasl plugin opens: one or more mechanisms."""

    mechanisms: tuple[SaslMechanism, ...]


__all__ = [
    "Challenge",
    "NeedStoredKey",
    "NeedVerify",
    "SaslAnswer",
    "SaslConditions",
    "SaslExchange",
    "SaslFailure",
    "SaslMechanism",
    "SaslProduct",
    "SaslRequest",
    "SaslResult",
    "SaslSuccess",
]
