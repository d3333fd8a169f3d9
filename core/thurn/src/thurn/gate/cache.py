"""Remembers verified credentials for a short while, so that a client that logs in each minute does
not cost a slow hash each time.

Rules: only positive verdicts; the key is a keyed hash of the whole claim and of the instances that
judged it, with a random key per start; nothing of the secret can be read back; a bound on the
number and on the age. A changed password still works for at most the age, and not at all where
the verifiers know their revision (`thurn.contracts.account.RevisedVerifier`), which is in the key.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from typing import Final

from thurn.contracts.account import Claim, Verified
from thurn.contracts.clock import Clock
from thurn.types.identity import AccountId

ENTRIES: Final = 10_000
AGE_SECONDS: Final = 60.0
"""How long a changed or locked account still gets in; Dovecot's auth cache keeps an hour."""

_KEY: Final = os.urandom(32)
"""Made when the template imports this, before it forks: the same in all workers of a start."""


def guess_of(claim: Claim) -> bytes:
    """Equal for the same secret said of the same name; see `thurn.contracts.login.LoginAttempt`."""
    return _digest("guess", claim.name, claim.secret.reveal())


def _digest(*parts: str) -> bytes:
    digest = hashlib.blake2b(key=_KEY, digest_size=32)
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(len(octets).to_bytes(4, "big") + octets)
    return digest.digest()


class CredentialCache:
    """Positive verdicts of one worker."""

    __slots__ = ("_clock", "_entries")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[bytes, tuple[float, Verified]] = OrderedDict()

    def _digest(self, judges: str, claim: Claim) -> bytes:
        return _digest(judges, claim.kind, claim.service, claim.name, claim.secret.reveal())

    def get(self, judges: str, claim: Claim) -> Verified | None:
        """The verdict, if it is still young."""
        digest = self._digest(judges, claim)
        found = self._entries.get(digest)
        if found is None:
            return None
        expires_at = found[1].expires_at
        is_over = expires_at is not None and expires_at <= self._clock.wall()
        if is_over or self._clock.monotonic() - found[0] > AGE_SECONDS:
            del self._entries[digest]
            return None
        return found[1]

    def put(self, judges: str, claim: Claim, verdict: Verified) -> None:
        """Remember it."""
        self._entries[self._digest(judges, claim)] = (self._clock.monotonic(), verdict)
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)

    def forget(self, account: AccountId) -> None:
        """Remember nothing of an account: its right password was refused, and the next time the
        same must not be known at once."""
        for digest in [
            one for one, (_, found) in self._entries.items() if found.account == account
        ]:
            del self._entries[digest]
