"""SASL mechanisms: they do no input and output and know no database, no socket and no clock.

A mechanism is a generator. It *yields* what it needs, is *sent* the answer, and returns how it
ended. `thurn.plugin.sasl` has sub-generators with which one is easy to read:

    @sasl_mechanism("LOGIN", plaintext=True)
    def login(conditions):
        name = yield from sasl.receive(b"Username:")
        password = yield from sasl.receive(b"Password:")
        return (yield from sasl.verify(sasl.text(name), password))

RFC 4422.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from thurn.contracts.account import Claim, StoredKey, StoredKeyQuery, Verdict


@dataclass(frozen=True, slots=True)
class SaslConditions:
    """What a mechanism may know about the connection.

    Attributes:
        secured: whether it is encrypted.
        channel_bindings: the octets by type, such as "tls-server-end-point". RFC 5929.
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
    """Needs the stored key of a name; answered with `StoredKey | None`. For None the mechanism goes
    on with a made-up key that is always the same, so that nobody learns which names exist."""

    query: StoredKeyQuery


@dataclass(frozen=True, slots=True)
class SaslSuccess:
    """The peer has proved who it is.

    Attributes:
        authcid: who it is.
        authzid: as whom it wants to act; "": as itself. The gate decides whether it may.
        data: octets that are sent with the success. RFC 4422 §3.6.
        verdict: the verdict that the mechanism was sent; None: the mechanism has a stored key.
    """

    authcid: str
    authzid: str = ""
    data: bytes = b""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class SaslFailure:
    """The peer has proved nothing; `malformed` if its response broke the mechanism's form (501
    instead of 535)."""

    reason: str
    malformed: bool = False


SaslRequest: TypeAlias = Challenge | NeedVerify | NeedStoredKey
SaslAnswer: TypeAlias = bytes | Verdict | StoredKey | None
SaslResult: TypeAlias = SaslSuccess | SaslFailure
SaslExchange: TypeAlias = Generator[SaslRequest, SaslAnswer, SaslResult]


class SaslMechanism(Protocol):
    """A mechanism that a listener can offer."""

    @property
    def mechanism(self) -> str:
        """Its registered name, in upper case."""

    @property
    def plaintext(self) -> bool:
        """Whether the password can be read in the exchange: then the mechanism is not offered
        without TLS, unless the site allows it."""

    @property
    def channel_binding(self) -> str:
        """The channel binding that it needs, such as "tls-server-end-point"; it is offered only if
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
