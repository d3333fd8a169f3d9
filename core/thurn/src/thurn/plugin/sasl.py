"""Sub-generators for SASL mechanisms, with which a mechanism reads like a dialogue."""

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
    """The peer's octets do not fit the mechanism's grammar (501)."""


def receive(prompt: bytes = b"") -> Generator[SaslRequest, SaslAnswer, bytes]:
    """Send a challenge, and return the response."""
    answer = yield Challenge(prompt)
    if not isinstance(answer, bytes):
        raise Malformed("a response was expected")
    return answer


def text(octets: bytes, *, limit_octets: int = LOGIN_NAME_CHARACTERS) -> str:
    """Decode UTF-8.

    Raises:
        Malformed: it is not UTF-8, is empty or too long, or has control characters.
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
    """Ask whether a password is right; returns the result of the mechanism."""
    secret = Secret(text(password, limit_octets=SECRET_CHARACTERS))
    verdict = yield NeedVerify(Claim(authcid, secret, kind))
    if isinstance(verdict, Verified):
        return SaslSuccess(authcid, authzid, verdict=verdict)
    return SaslFailure("credentials")


def stored_key(name: str, scheme: str) -> Generator[SaslRequest, SaslAnswer, StoredKey | None]:
    """Ask for the stored key of a name. The peer must not notice whether the answer is None."""
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
