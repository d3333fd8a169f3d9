"""The login policy: delays, bans, and who is let through all the same.

Rules of this file:
1. Bans are of addresses and of IPv6 /64s, over all protocols; never of an account, whose owner
   would be locked out by anybody.
2. An address from which an account has logged in lately is known for it: neither delays nor bans of
   that address or its /64 keep this account out. Failures of that account from there are counted
   by themselves, and ban nobody else. Of IPv6 the whole /64 is known: a client's own address in it
   changes each day (RFC 8981).
3. A ban is looked at again after the verdict: tries that were under way when it was placed learn
   nothing, not even that they were right.
4. Who is not judged for want of a name is judged by the address. Trusted networks and unix sockets
   are not judged at all, only noted.
5. What is told as trouble is not told here (`after_login`), so it is never counted.
6. A client that has failed by SCRAM, where nobody sees the password, tries the same one by its
   other mechanisms: in one session and for one name these count once, each mechanism once
   (`Attempts`). Whoever guesses gains a few tries by it, for each ban.
7. A failure that cannot be counted is trouble. A success that cannot be noted is one all the same:
   on a full disk people must get at their mail.

Reliability catalogue §2, "Guessing".
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from thurn.plugin import (
    Context,
    Forbid,
    Identity,
    LoginAttempt,
    LoginDecision,
    Proceed,
    StashKey,
    TemporaryFailure,
)
from thurn_kit.sources import exact

from thurn_login_limiter.history import TEXT_CHARACTERS, History, LoginEntry
from thurn_login_limiter.ledger import Ledger, Standing, pair_of, table_key
from thurn_login_limiter.settings import LimiterSettings
from thurn_login_limiter.subject import name_key, shortened, subjects_of

REFRESH_SECONDS: Final = 3_600.0
"""Within which a worker does not write again that an address is known."""
REMEMBERED: Final = 10_000
"""Addresses that a worker remembers for that."""
BANNED: Final = Forbid("login.banned", temporary=True)
DOUBLINGS: Final = 20
"""Of a delay at most; the longest delay comes long before."""


class Attempts:
    """Which mechanisms have failed for a name in a session, in the try that is under way."""

    def __init__(self) -> None:
        self._name = ""
        self._mechanisms: set[str] = set()
        self._blind = False

    def is_another(self, attempt: LoginAttempt) -> bool:
        """Whether this failure begins another try: another name, a mechanism that has failed in
        this one, or nothing but passwords that can be compared."""
        blind = self._blind or attempt.guess is None
        same = bool(self._mechanisms) and blind and attempt.name == self._name
        if same and attempt.mechanism not in self._mechanisms:
            self._mechanisms.add(attempt.mechanism)
            self._blind = True
            return False
        self._name, self._mechanisms = attempt.name, {attempt.mechanism}
        self._blind = attempt.guess is None
        return True


ATTEMPTS: Final = StashKey[Attempts]("login.limiter.attempts")


class Limiter:
    """See `thurn.contracts.login.LoginRecorder`."""

    def __init__(
        self, settings: LimiterSettings, context: Context, ledger: Ledger, history: History
    ) -> None:
        self.ledger = ledger
        self.history = history
        self._settings = settings
        self._clock = context.clock
        self._diagnostics = context.diagnostics
        self._fresh: OrderedDict[str, float] = OrderedDict()

    async def before_login(self, attempt: LoginAttempt) -> LoginDecision | None:
        """Forbid where a ban is in force, delay where there were failures."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        if not subjects:
            return None
        return self._decide(await self._own(self._pair(attempt, subjects), subjects))

    async def after_login(
        self, attempt: LoginAttempt, identity: Identity | None
    ) -> LoginDecision | None:
        """Count a failure; forbid where a ban is in force by now."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        if identity is None and subjects:
            return await self._failed(attempt, subjects)
        if identity is None:
            await self._note(attempt, None, "failure")
        elif subjects and (await self._own(self._pair(attempt, subjects), subjects)).banned:
            await self._note(attempt, identity, "banned")
            return BANNED
        return None

    async def record_login(self, attempt: LoginAttempt, identity: Identity) -> None:
        """Remember a success: from here the account is known."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        await self._note(attempt, identity, "success")
        if subjects:
            try:
                await self._know(self._pair(attempt, subjects))
            except TemporaryFailure as error:
                self._untold(error)

    async def _failed(
        self, attempt: LoginAttempt, subjects: tuple[str, ...]
    ) -> LoginDecision | None:
        pair = self._pair(attempt, subjects)
        known = await self.ledger.is_known(pair)
        await self._note(attempt, None, "failure", known=known)
        judged = (pair,) if known else subjects
        if (await self.ledger.standing(judged)).banned:
            return BANNED  # it was under way when the ban was placed, and counts no more
        attempts = attempt.session.stash.get(ATTEMPTS)
        if attempts is None:
            attempts = attempt.session.stash[ATTEMPTS] = Attempts()
        is_another = attempts.is_another(attempt)
        if await self.ledger.is_new(pair, attempt.guess) and is_another:
            await self._count(attempt, pair, () if known else subjects)
        # Of the address as well: else a banned guesser would be told which accounts are known here.
        return BANNED if (await self.ledger.standing((pair, *subjects))).banned else None

    async def _count(self, attempt: LoginAttempt, pair: str, subjects: tuple[str, ...]) -> None:
        for subject in subjects:
            await self.ledger.fail(subject)
        if not subjects:
            await self.ledger.fail_pair(pair, attempt.name)

    async def _own(self, pair: str, subjects: tuple[str, ...]) -> Standing:
        """How this attempt stands: by its address, or by itself where the address is known."""
        by_address = await self.ledger.standing(subjects)
        by_itself = await self.ledger.standing((pair,))
        if by_address.clean and by_itself.clean:
            return by_address
        return by_itself if await self.ledger.is_known(pair) else by_address

    def _decide(self, standing: Standing) -> LoginDecision | None:
        settings = self._settings
        if standing.banned:
            return BANNED
        first = max(settings.free, 1)
        if standing.failures < first:
            return None
        doubled = min(standing.failures - first, DOUBLINGS)
        return Proceed(min(settings.delay * 2**doubled, settings.delay_longest))

    def _pair(self, attempt: LoginAttempt, subjects: tuple[str, ...]) -> str:
        return pair_of(subjects[-1], name_key(attempt.name, self.ledger.key))

    async def _know(self, pair: str) -> None:
        """Remember a success, and clear what failed before it."""
        await self.ledger.clear(pair)
        now = self._clock.monotonic()
        last = self._fresh.get(pair)
        if last is not None and now - last < min(REFRESH_SECONDS, self._settings.known / 10):
            return
        await self.ledger.know(pair)
        self._fresh[pair] = now
        self._fresh.move_to_end(pair)
        if len(self._fresh) > REMEMBERED:
            self._fresh.popitem(last=False)

    async def _note(
        self,
        attempt: LoginAttempt,
        identity: Identity | None,
        outcome: str,
        *,
        known: bool = False,
    ) -> None:
        session = attempt.session
        whole = identity is not None or known
        name = attempt.name[:TEXT_CHARACTERS] if whole else shortened(attempt.name)
        noted = LoginEntry(
            time=round(self._clock.wall(), 6),
            outcome=outcome,
            name=name,
            account="" if identity is None else identity.account[:TEXT_CHARACTERS],
            address="local" if session.peer is None else str(exact(session.peer)),
            protocol=session.protocol[:TEXT_CHARACTERS],
            mechanism=attempt.mechanism[:TEXT_CHARACTERS],
        )
        try:
            await self.history.note(noted, attempt.name)
        except TemporaryFailure as error:
            self._untold(error)

    def _untold(self, error: TemporaryFailure) -> None:
        self._diagnostics.warning("login.not_noted", failure=str(error))


async def make_limiter(settings: LimiterSettings, context: Context) -> Limiter:
    """The product, with its tables."""
    key = await table_key(context)
    ledger, history = Ledger(settings, context, key), History(settings, context, key)
    return Limiter(settings, context, ledger, history)
