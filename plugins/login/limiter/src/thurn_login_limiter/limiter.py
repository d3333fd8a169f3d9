"""The login policy: it decides on delays and bans, and lets known accounts through.

Rules of this file:
1. Bans are for addresses and IPv6 /64s, over all protocols. An account is never banned everywhere,
   since anybody could then lock its owner out.
2. An address from which an account has logged in lately is known for it: delays and bans of that
   address and its /64 do not apply to this account there. Failures of that account from there are
   counted separately, and ban nobody else. For IPv6 the whole /64 is known, since a client's
   own address in it changes each day (RFC 8981).
3. Bans are checked again after the credentials were judged: logins that were under way when a ban
   was placed learn nothing, not even that they were right.
4. Trusted networks and unix sockets are neither delayed nor banned; their logins are only noted.
5. The gate calls `after_login` for right and wrong credentials only, so an internal failure is
   never counted.
6. A client that has failed by SCRAM, which does not show the password, tries the same password by
   its other mechanisms. In one session and for one name these failures count once, as long as no
   mechanism repeats (`Attempts`). A guesser gains a few tries per ban by this.
7. A failure that cannot be counted is a temporary refusal. A success that cannot be noted is still
   a success: on a full disk people must be able to read their mail.
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
"""How long a worker does not write the row of a known address again, in seconds."""
REMEMBERED: Final = 10_000
"""Known addresses that a worker remembers in order to write their rows seldom."""
BANNED: Final = Forbid("login.banned", temporary=True)
"""The answer to every login under a ban: a temporary refusal, whatever the password."""
DOUBLINGS: Final = 20
"""Most doublings of a delay; `delay_longest` is reached earlier."""


class Attempts:
    """The mechanisms that have failed in a session with what may be one password for one name."""

    def __init__(self) -> None:
        self._name = ""
        self._mechanisms: set[str] = set()
        self._blind = False

    def is_another(self, attempt: LoginAttempt) -> bool:
        """Whether this failure has to be counted by itself.

        It belongs to the failures before it if the name is the same, the mechanism has not failed
        yet, and one of the mechanisms does not show the password (`guess` is None). Passwords that
        can be compared are compared by `Ledger.is_new`.
        """
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
    """The login policy of one instance; see `thurn.contracts.login.LoginRecorder`."""

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
        """Forbid the login if a ban is in force, delay it if there were failures."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        if not subjects:
            return None
        return self._decide(await self._standing(self._pair(attempt, subjects), subjects))

    async def after_login(
        self, attempt: LoginAttempt, identity: Identity | None
    ) -> LoginDecision | None:
        """Count a failure; forbid the login if a ban is in force by now."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        if identity is None and subjects:
            return await self._failed(attempt, subjects)
        if identity is None:
            await self._note(attempt, None, "failure")
        elif subjects and (await self._standing(self._pair(attempt, subjects), subjects)).banned:
            await self._note(attempt, identity, "banned")
            return BANNED
        return None

    async def record_login(self, attempt: LoginAttempt, identity: Identity) -> None:
        """Note a success, and remember that the address is known for the account."""
        subjects = subjects_of(attempt.session.peer, self._settings.trusted)
        await self._note(attempt, identity, "success")
        if subjects:
            try:
                await self._make_known(self._pair(attempt, subjects))
            except TemporaryFailure as error:
                self._warn_not_noted(error)

    async def _failed(
        self, attempt: LoginAttempt, subjects: tuple[str, ...]
    ) -> LoginDecision | None:
        pair = self._pair(attempt, subjects)
        known = await self.ledger.is_known(pair)
        await self._note(attempt, None, "failure", known=known)
        judged = (pair,) if known else subjects
        if (await self.ledger.standing(judged)).banned:
            return BANNED  # it was under way when the ban was placed, and does not count
        attempts = attempt.session.stash.get(ATTEMPTS)
        if attempts is None:
            attempts = attempt.session.stash[ATTEMPTS] = Attempts()
        is_another = attempts.is_another(attempt)
        if await self.ledger.is_new(pair, attempt.guess) and is_another:
            await self._count(attempt, pair, () if known else subjects)
        # The address is checked as well: otherwise the answer would show a banned guesser which
        # accounts are known here.
        return BANNED if (await self.ledger.standing((pair, *subjects))).banned else None

    async def _count(self, attempt: LoginAttempt, pair: str, subjects: tuple[str, ...]) -> None:
        for subject in subjects:
            await self.ledger.count_failure(subject)
        if not subjects:
            await self.ledger.count_pair_failure(pair, attempt.name)

    async def _standing(self, pair: str, subjects: tuple[str, ...]) -> Standing:
        """The standing that applies to a login: the pair's own if known, else the address's."""
        of_address = await self.ledger.standing(subjects)
        of_pair = await self.ledger.standing((pair,))
        if of_address.clean and of_pair.clean:
            return of_address
        return of_pair if await self.ledger.is_known(pair) else of_address

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

    async def _make_known(self, pair: str) -> None:
        """Delete the pair's failures, and write that it is known unless that was done lately."""
        await self.ledger.clear(pair)
        now = self._clock.monotonic()
        last = self._fresh.get(pair)
        if last is not None and now - last < min(REFRESH_SECONDS, self._settings.known / 10):
            return
        await self.ledger.make_known(pair)
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
        shows_name = identity is not None or known
        name = attempt.name[:TEXT_CHARACTERS] if shows_name else shortened(attempt.name)
        entry = LoginEntry(
            time=round(self._clock.wall(), 6),
            outcome=outcome,
            name=name,
            account="" if identity is None else identity.account[:TEXT_CHARACTERS],
            address="local" if session.peer is None else str(exact(session.peer)),
            protocol=session.protocol[:TEXT_CHARACTERS],
            mechanism=attempt.mechanism[:TEXT_CHARACTERS],
        )
        try:
            await self.history.note(entry, attempt.name)
        except TemporaryFailure as error:
            self._warn_not_noted(error)

    def _warn_not_noted(self, error: TemporaryFailure) -> None:
        self._diagnostics.warning("login.not_noted", failure=str(error))


async def make_limiter(settings: LimiterSettings, context: Context) -> Limiter:
    """The limiter of an instance, with its tables."""
    key = await table_key(context)
    ledger, history = Ledger(settings, context, key), History(settings, context, key)
    return Limiter(settings, context, ledger, history)
