"""Sub-generators for SASL mechanisms, so that one reads like the dialogue it is."""

from __future__ import annotations

from collections.abc import Generator

from thurn.contracts.account import Claim, StoredKey, StoredKeyQuery, Unknown, Verdict, Verified
from thurn.contracts.sasl import (
    Challenge,
    NeedStoredKey,
    NeedVerify,
    SaslAnswer,
    SaslConditions,
    SaslExchange,
    SaslFailure,
    SaslRequest,
    SaslResult,
    SaslSuccess,
)
from thurn.contracts.settings import Secret
from thurn.types.identity import LOGIN_NAME_CHARACTERS, SECRET_CHARACTERS, is_credential


class Malformed(Exception):
    """The peer's octets are not what the mechanism's grammar allows (501)."""


def receive(prompt: bytes = b"") -> Generator[SaslRequest, SaslAnswer, bytes]:
    """Send a challenge, get the response."""
    answer = yield Challenge(prompt)
    if not isinstance(answer, bytes):
        raise Malformed("a response was expected")
    return answer


def text(octets: bytes, *, limit_octets: int = LOGIN_NAME_CHARACTERS) -> str:
    """UTF-8 text without controls, within a bound; never empty.

    Raises:
        Malformed: it is not.
    """
    if not octets or len(octets) > limit_octets:
        raise Malformed("empty or too long")
    try:
        value = octets.decode()
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    if not is_credential(value, limit_octets):
        raise Malformed("control characters")
    return value


def verify(
    authcid: str, password: bytes, authzid: str = "", *, kind: str = "password"
) -> Generator[SaslRequest, SaslAnswer, SaslResult]:
    """Ask whether a password is right; the mechanism's result follows from it."""
    secret = Secret(text(password, limit_octets=SECRET_CHARACTERS))
    verdict = yield NeedVerify(Claim(authcid, secret, kind))
    if isinstance(verdict, Verified):
        return SaslSuccess(authcid, authzid, verdict=verdict)
    return SaslFailure("credentials")


def stored_key(name: str, scheme: str) -> Generator[SaslRequest, SaslAnswer, StoredKey | None]:
    """Ask what is stored for a name; None must not be told apart by the peer."""
    answer = yield NeedStoredKey(StoredKeyQuery(name, scheme))
    return answer if isinstance(answer, StoredKey) else None


__all__ = [
    "Challenge",
    "Claim",
    "Malformed",
    "SaslConditions",
    "SaslExchange",
    "SaslFailure",
    "SaslResult",
    "SaslSuccess",
    "Secret",
    "StoredKey",
    "Unknown",
    "Verdict",
    "Verified",
    "receive",
    "stored_key",
    "text",
    "verify",
]
