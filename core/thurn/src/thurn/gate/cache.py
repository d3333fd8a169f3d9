"""Remembers verified credentials for a short while, so that a client that logs in each minute does
not need a slow hash each time.

Rules of this file:
1. Only positive verdicts are remembered, and their number and age are bounded.
2. A verdict is found by a keyed hash of the whole claim and of the instances that judged it, with a
   random key per start, so nobody can read the secret back.
3. A password that was changed may still work until its verdict is too old. It does not if the
   verifiers know their revision (`thurn.contracts.account.RevisedVerifier`), which is hashed, too.
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
"""Most verdicts that are remembered: more than the clients of a busy worker; each takes some
hundred octets."""
AGE_SECONDS: Final = 60.0
"""Most seconds that a verdict is used, and so that a changed or locked account still gets in;
Dovecot's cache keeps an hour."""

_KEY: Final = os.urandom(32)
"""The key of all hashes. It is made when the template imports this, before it forks, so all workers
of a start have the same."""


def guess_of(claim: Claim) -> bytes:
    """A hash that is equal for the same name and secret; see
    `thurn.contracts.login.LoginAttempt`."""
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
        """The verdict on a claim, if it is remembered and not too old."""
        digest = self._digest(judges, claim)
        entry = self._entries.get(digest)
        if entry is None:
            return None
        judged_at, verdict = entry
        is_over = verdict.expires_at is not None and verdict.expires_at <= self._clock.wall()
        if is_over or self._clock.monotonic() - judged_at > AGE_SECONDS:
            del self._entries[digest]
            return None
        return verdict

    def put(self, judges: str, claim: Claim, verdict: Verified) -> None:
        """Remember a verdict."""
        self._entries[self._digest(judges, claim)] = (self._clock.monotonic(), verdict)
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)

    def forget(self, account: AccountId) -> None:
        """Forget an account whose right password was refused: the next refusal must take as long as
        that of a wrong password."""
        digests = [one for one, (_, verdict) in self._entries.items() if verdict.account == account]
        for digest in digests:
            del self._entries[digest]
