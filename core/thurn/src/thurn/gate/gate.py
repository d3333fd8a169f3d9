"""Login with the mechanisms, accounts and policies of one listener (`thurn.contracts.gate.Gate`).

Rules of this file:
1. Nothing raises to the listener but cancellation: trouble is `Refused` with 454, is not counted
   as a wrong password and is never cached.
2. Plaintext mechanisms and passwords are not offered and not considered without encryption unless
   the listener says so. RFC 4954 §4.
3. Wrong name and wrong password cannot be told apart: equal text, and equal work and time
   (`judge`). A right password that is refused all the same takes as long the next time, too.
4. Login policies are awaited before a credential is looked at and again before the positive reply;
   what a login leaves behind (grants) is recorded when all of them have allowed it.
5. A name or secret that is empty, too long or holds controls never reaches an account instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import trio

from thurn.chain.runner import Chain
from thurn.contracts.account import Claim, StoredKey, Unknown, Verdict, Verified
from thurn.contracts.clock import Clock
from thurn.contracts.context import Diagnostics, Events
from thurn.contracts.gate import Ask, Granted, Login, Refused, Step
from thurn.contracts.login import LoginAttempt, LoginPolicy, LoginRecorder
from thurn.contracts.sasl import (
    Challenge,
    NeedStoredKey,
    NeedVerify,
    SaslAnswer,
    SaslConditions,
    SaslExchange,
    SaslFailure,
    SaslMechanism,
    SaslSuccess,
)
from thurn.contracts.settings import Secret
from thurn.directory.combined import CombinedAccounts
from thurn.gate.cache import CredentialCache, guess_of
from thurn.gate.policies import ask_after, ask_before, ask_record
from thurn.types.errors import PluginError
from thurn.types.events import LoggedIn, LoginFailed
from thurn.types.identity import (
    NAME_LIMIT,
    SECRET_LIMIT,
    AccountId,
    Identity,
    is_credential,
)
from thurn.types.session import Session
from thurn.types.status import BAD_CREDENTIALS, ENCRYPTION_REQUIRED, LOGIN_TROUBLE, Status

NAME_SHOWN: Final = 64
"""Of a name in logs: people type passwords there."""
VERIFY_SECONDS: Final = 30.0
"""For one look at the accounts; a directory that is slower counts as trouble."""

MALFORMED: Final = Status(501, "5.5.2", "The response cannot be understood")
NO_MECHANISM: Final = Status(504, "5.5.4", "This mechanism is not offered here")


@dataclass(frozen=True, slots=True)
class GateParts:
    """What a gate is made of.

    Attributes:
        judges: names the account instances, so that cached verdicts of others do not count.
    """

    mechanisms: Mapping[str, SaslMechanism]
    accounts: CombinedAccounts
    before: Chain[LoginPolicy]
    after: Chain[LoginPolicy]
    record: Chain[LoginRecorder]
    cache: CredentialCache
    clock: Clock
    events: Events
    diagnostics: Diagnostics
    judges: str
    plaintext_without_tls: bool


@dataclass(slots=True, eq=False)
class HostGate:
    """The gate of one listener in one worker."""

    _parts: GateParts
    _usual_seconds: float = 0.05  # a running mean of what judging a password takes

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """What may be offered now, in the configuration's order."""
        open_to_read = self.password_allowed(session)
        bindings = _bindings(session)
        return tuple(
            name
            for name, mechanism in self._parts.mechanisms.items()
            if (open_to_read or not mechanism.plaintext) and _can_bind(mechanism, bindings)
        )

    def password_allowed(self, session: Session) -> bool:
        """Whether a password in the clear would be considered."""
        return session.tls is not None or self._parts.plaintext_without_tls

    async def begin(
        self, session: Session, mechanism: str, initial: bytes | None
    ) -> tuple[Login, Step]:
        """Start an exchange."""
        known = self._parts.mechanisms.get(mechanism.upper())
        bindings = _bindings(session)
        if known is None or not _can_bind(known, bindings):
            return _NoLogin(), Refused(NO_MECHANISM, "mechanism.unknown")
        if known.plaintext and not self.password_allowed(session):
            return _NoLogin(), Refused(ENCRYPTION_REQUIRED, "encryption.required")
        try:
            exchange = known.begin(SaslConditions(session.tls is not None, bindings))
        except Exception as error:  # noqa: BLE001 - supervision point: one login
            return _NoLogin(), self.trouble(LoginAttempt(session, "", known.mechanism), error)
        login = HostLogin(self, session, known.mechanism, exchange)
        return login, await login.start(initial)

    async def password(self, session: Session, name: str, password: str) -> Granted | Refused:
        """Login by name and password."""
        if not self.password_allowed(session):
            return Refused(ENCRYPTION_REQUIRED, "encryption.required")
        login = HostLogin(self, session, "PASSWORD", _password_exchange(name, password))
        step = await login.start(None)
        return Refused(MALFORMED, "malformed") if isinstance(step, Ask) else step

    async def judge(self, attempt: LoginAttempt, claim: Claim) -> Verdict:
        """The verdict on a claim: from the cache, or from the accounts, in even time.

        Raises:
            Exception: whatever the accounts raise; temporary.
        """
        parts = self._parts
        claim = Claim(claim.name, claim.secret, claim.kind, attempt.session.protocol)
        judges = f"{parts.judges}\0{await parts.accounts.revision()}"
        remembered = parts.cache.get(judges, claim)
        if remembered is not None:
            return remembered
        started = parts.clock.monotonic()
        with trio.fail_after(VERIFY_SECONDS):
            verdict = await parts.accounts.verify(claim)
        elapsed = parts.clock.monotonic() - started
        if not isinstance(verdict, Unknown):
            self._usual_seconds += (min(elapsed, 1.0) - self._usual_seconds) / 8
        if isinstance(verdict, Verified):
            parts.cache.put(judges, claim, verdict)
        else:  # also for verifiers that do not spend the work on names that they do not know
            await trio.sleep(max(0.0, self._usual_seconds - elapsed))
        return verdict

    async def stored_key(self, need: NeedStoredKey) -> SaslAnswer:
        """What the accounts have stored for a name."""
        with trio.fail_after(VERIFY_SECONDS):
            found = await self._parts.accounts.stored_key(need.query)
        return found if isinstance(found, StoredKey) else None

    async def ask_before(self, attempt: LoginAttempt) -> Refused | None:
        """The login policies before anything is looked at."""
        return await ask_before(self._parts.before, attempt)

    async def ask_after(self, attempt: LoginAttempt, identity: Identity | None) -> Refused | None:
        """The login policies after the verdict, before the reply."""
        refused = await ask_after(self._parts.after, attempt, identity)
        if refused is None and identity is not None:
            refused = await ask_record(self._parts.record, attempt, identity)
        return refused

    async def admit(self, attempt: LoginAttempt, success: SaslSuccess) -> Granted | Refused:
        """Turn a proof into an identity, or refuse it by the account's record."""
        step = await self._admit(attempt, success)
        if isinstance(step, Refused) and isinstance(success.verdict, Verified):
            self._parts.cache.forget(success.verdict.account)
        return step

    async def _admit(self, attempt: LoginAttempt, success: SaslSuccess) -> Granted | Refused:
        parts, session = self._parts, attempt.session
        verdict = success.verdict
        if not isinstance(verdict, Verified | None):  # a mechanism that did not look at it
            return await self.deny(attempt, "credentials")
        proved = AccountId(success.authcid) if verdict is None else verdict.account
        account: AccountId | None = proved
        if success.authzid and success.authzid not in (success.authcid, proved):
            account = await parts.accounts.may_act_as(proved, success.authzid)
        if account is None:
            return await self.deny(attempt, "authzid.refused")
        records = [await parts.accounts.account(one) for one in dict.fromkeys((proved, account))]
        if any(one is not None and not one.may_use(session.protocol) for one in records):
            return await self.deny(attempt, "account.not_allowed")
        groups = records[-1].groups if records[-1] is not None else frozenset()
        secured = session.tls is not None
        identity = Identity(account, success.authcid, attempt.mechanism, secured, groups)
        refused = await self.ask_after(attempt, identity)
        if refused is not None:
            self._failed(attempt, refused.reason)
            return refused
        session.identity = identity
        parts.events.emit(LoggedIn(identity, session.protocol, session.peer))
        parts.diagnostics.info(
            "login.succeeded",
            account=account,
            mechanism=attempt.mechanism,
            session=session.id,
            peer=str(session.peer or "local"),
            protocol=session.protocol,
            secured=secured,
        )
        return Granted(identity, success.data)

    async def deny(self, attempt: LoginAttempt, reason: str) -> Refused:
        """Wrong credentials, whatever the reason: equal answer, and the policies are told."""
        refused = await self.ask_after(attempt, None)
        self._failed(attempt, reason)
        return refused or Refused(BAD_CREDENTIALS, reason)

    def trouble(self, attempt: LoginAttempt, error: Exception) -> Refused:
        """Something of ours failed: temporary, not counted."""
        self._parts.diagnostics.error(
            "login.trouble", name=attempt.name, session=attempt.session.id, failure=repr(error)
        )
        return Refused(LOGIN_TROUBLE, "trouble")

    def _failed(self, attempt: LoginAttempt, reason: str) -> None:
        session = attempt.session
        self._parts.events.emit(LoginFailed(attempt.name, session.protocol, session.peer, reason))
        self._parts.diagnostics.warning(
            "login.failed",
            name=attempt.name,
            reason=reason,
            mechanism=attempt.mechanism,
            session=session.id,
            peer=str(session.peer or "local"),
            protocol=session.protocol,
        )


@dataclass(slots=True, eq=False)
class HostLogin:
    """One exchange: drives the mechanism's generator."""

    _gate: HostGate
    _session: Session
    _mechanism: str
    _exchange: SaslExchange
    _name: str = ""
    _guess: bytes | None = None
    _asked: bool = False

    async def start(self, initial: bytes | None) -> Step:
        """The first step; an initial response answers the mechanism's first challenge if that is
        empty (client-first mechanisms) or, for LOGIN, its first prompt."""
        step = await self.step(None, first=True)
        return await self.step(initial) if initial is not None and isinstance(step, Ask) else step

    def cancel(self) -> None:
        """The peer gave up."""
        self._exchange.close()

    @property
    def _attempt(self) -> LoginAttempt:
        return LoginAttempt(self._session, self._name[:NAME_SHOWN], self._mechanism, self._guess)

    async def step(self, response: SaslAnswer, *, first: bool = False) -> Step:
        """Go on with a response."""
        try:
            return await self._run(response, first)
        except Exception as error:  # noqa: BLE001 - supervision point: one login
            self._exchange.close()
            return self._gate.trouble(self._attempt, error)

    async def _run(self, answer: SaslAnswer, first: bool) -> Step:
        while True:
            try:
                request = next(self._exchange) if first else self._exchange.send(answer)
            except StopIteration as stop:
                return await self._ended(stop.value)
            first = False
            match request:
                case Challenge(data):
                    return Ask(data)
                case NeedVerify(claim):
                    self._guess = guess_of(claim)
                    refused = await self._before(claim.name)
                    if refused is not None:
                        return refused
                    answer = await self._gate.judge(self._attempt, claim)
                case NeedStoredKey(query):
                    refused = await self._before(query.name)
                    if refused is not None:
                        return refused
                    answer = await self._gate.stored_key(request)
                case _:  # it would be asked the same for ever
                    raise PluginError(f"{self._mechanism} asks for nonsense: {request!r:.200}")

    async def _before(self, name: str) -> Refused | None:
        self._name = name
        if self._asked:
            return None
        self._asked = True
        return await self._gate.ask_before(self._attempt)

    async def _ended(self, result: SaslSuccess | SaslFailure) -> Step:
        if isinstance(result, SaslFailure):
            if result.malformed:
                return Refused(MALFORMED, "malformed")
            return await self._gate.deny(self._attempt, result.reason)
        refused = await self._before(result.authcid)
        return refused or await self._gate.admit(self._attempt, result)


class _NoLogin:
    """Stands for an exchange that was refused at its start."""

    async def step(self, response: bytes) -> Step:
        return Refused(NO_MECHANISM, "mechanism.unknown")

    def cancel(self) -> None:
        """Nothing is under way."""


def _password_exchange(name: str, password: str) -> SaslExchange:
    """The exchange of USER/PASS and LOGIN."""
    for value, limit in ((name, NAME_LIMIT), (password, SECRET_LIMIT)):
        if not is_credential(value, limit):
            return SaslFailure("credentials.form", malformed=False)
    verdict = yield NeedVerify(Claim(name, Secret(password)))
    if isinstance(verdict, Verified):
        return SaslSuccess(name, verdict=verdict)
    return SaslFailure("credentials")


def _bindings(session: Session) -> Mapping[str, bytes]:
    """What a mechanism may bind its proof to. RFC 5929 §4."""
    tls = session.tls
    return {"tls-server-end-point": tls.end_point} if tls is not None and tls.end_point else {}


def _can_bind(mechanism: SaslMechanism, bindings: Mapping[str, bytes]) -> bool:
    return not mechanism.channel_binding or mechanism.channel_binding in bindings
