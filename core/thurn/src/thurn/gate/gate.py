"""Login with the mechanisms, accounts and policies of one listener (`thurn.contracts.gate.Gate`).

Rules of this file:
1. Only cancellation is raised to the listener. A failure is `Refused` with 454; it does not count
   as a wrong password and is never cached.
2. Mechanisms in which the password can be read, and passwords in the clear, are neither offered nor
   accepted without encryption, unless the listener's settings allow it. RFC 4954 §4.
3. A peer cannot distinguish a wrong name from a wrong password: text, work and time are equal
   (`judge`). A right password that is refused takes as long the next time, too.
4. Login policies are asked before a credential is looked at, and again before the positive reply.
   When all of them have allowed a login, it is recorded (grants).
5. A name or secret that is empty, too long or has control characters never reaches an account
   instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import trio

from thurn.chain.calls import Callee
from thurn.chain.runner import Chain
from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.account import Claim, StoredKey, Unknown, Verdict, Verified
from thurn.contracts.clock import Clock
from thurn.contracts.context import Diagnostics, Events
from thurn.contracts.gate import Ask, Granted, Login, LoginAnswer, Refused
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
from thurn.telemetry.lines import who
from thurn.types.events import LoggedIn, LoginFailed
from thurn.types.identity import (
    LOGIN_NAME_CHARACTERS,
    SECRET_CHARACTERS,
    AccountId,
    Identity,
    is_credential,
)
from thurn.types.session import Session
from thurn.types.status import BAD_CREDENTIALS, ENCRYPTION_REQUIRED, LOGIN_TROUBLE, Status

NAME_SHOWN: Final = 64
"""Most characters of a login name that logs show: people sometimes type a password there."""
REQUESTS: Final = 64
"""Most requests of one exchange, challenges included; real mechanisms have under ten."""
CHALLENGE_OCTETS: Final = 64 << 10
"""Most octets of all challenges of one exchange; Kerberos tickets, the largest, have some KiB."""

MALFORMED: Final = Status(501, "5.5.2", "The response cannot be understood")
NO_MECHANISM: Final = Status(504, "5.5.4", "This mechanism is not offered here")


@dataclass(frozen=True, slots=True)
class GateParts:
    """What a gate is made of.

    Attributes:
        judges: names the account instances, so that cached verdicts of others do not count.
        logged: which logins have a line in the operator's log.
    """

    mechanisms: Mapping[str, Supervised[SaslMechanism]]
    accounts: CombinedAccounts
    before: Chain[LoginPolicy]
    after: Chain[LoginPolicy]
    record: Chain[LoginRecorder]
    cache: CredentialCache
    clock: Clock
    events: Events
    diagnostics: Diagnostics
    supervision: Supervision
    judges: str
    plaintext_without_tls: bool
    logged: frozenset[str] = frozenset({"succeeded", "refused"})


@dataclass(slots=True, eq=False)
class HostGate:
    """The gate of one listener in one worker."""

    _parts: GateParts
    _usual_seconds: float = 0.05  # a running mean of what judging a password takes

    @property
    def supervision(self) -> Supervision:
        """How mechanisms that break their contract are reported."""
        return self._parts.supervision

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """What may be offered now, in the configuration's order."""
        open_to_read = self.password_allowed(session)
        bindings = _bindings(session)
        return tuple(
            name
            for name, one in self._parts.mechanisms.items()
            if (open_to_read or not one.product.plaintext) and _can_bind(one.product, bindings)
        )

    def password_allowed(self, session: Session) -> bool:
        """Whether a password in the clear would be considered."""
        return session.tls is not None or self._parts.plaintext_without_tls

    async def begin(
        self, session: Session, mechanism: str, initial: bytes | None
    ) -> tuple[Login, LoginAnswer]:
        """Start an exchange."""
        known = self._parts.mechanisms.get(mechanism.upper())
        bindings = _bindings(session)
        if known is None or not _can_bind(known.product, bindings):
            unknown = LoginAttempt(session, "", mechanism[:NAME_SHOWN])
            return _NoLogin(), self.log(unknown, Refused(NO_MECHANISM, "mechanism.unknown"))
        word = known.product.mechanism
        if known.product.plaintext and not self.password_allowed(session):
            return _NoLogin(), self._unencrypted(LoginAttempt(session, "", word))
        try:
            exchange = known.product.begin(SaslConditions(session.tls is not None, bindings))
        except Exception as error:  # noqa: BLE001 - supervision point: one login
            failure = self._parts.supervision.raised(known.callee, error)
            return _NoLogin(), self.trouble(LoginAttempt(session, "", word), failure)
        login = HostLogin(self, session, word, exchange, known.callee)
        return login, await login.start(initial)

    async def password(self, session: Session, name: str, password: str) -> Granted | Refused:
        """Login by name and password."""
        if not self.password_allowed(session):
            return self._unencrypted(LoginAttempt(session, name[:NAME_SHOWN], "PASSWORD"))
        login = HostLogin(self, session, "PASSWORD", _password_exchange(name, password), _OWN)
        answer = await login.start(None)
        return Refused(MALFORMED, "malformed") if isinstance(answer, Ask) else answer

    async def judge(self, attempt: LoginAttempt, claim: Claim) -> Verdict:
        """The verdict on a claim, from the cache or from the accounts. A refusal takes as long as a
        verdict usually does, whatever its reason.

        Raises:
            Exception: whatever the accounts raise; it counts as a temporary failure.
        """
        parts = self._parts
        claim = Claim(claim.name, claim.secret, claim.kind, attempt.session.protocol)
        judges = f"{parts.judges}\0{await parts.accounts.revision()}"
        remembered = parts.cache.get(judges, claim)
        if remembered is not None:
            return remembered
        started = parts.clock.monotonic()
        verdict = await parts.accounts.verify(claim)
        elapsed = parts.clock.monotonic() - started
        if not isinstance(verdict, Unknown):
            self._usual_seconds += (min(elapsed, 1.0) - self._usual_seconds) / 8
        if isinstance(verdict, Verified):
            parts.cache.put(judges, claim, verdict)
        else:  # because some verifiers do less work for a name that they do not know
            await trio.sleep(max(0.0, self._usual_seconds - elapsed))
        return verdict

    async def stored_key(self, need: NeedStoredKey) -> StoredKey | None:
        """The key that the accounts have stored for a name."""
        key = await self._parts.accounts.stored_key(need.query)
        return key if isinstance(key, StoredKey) else None

    async def ask_before(self, attempt: LoginAttempt) -> Refused | None:
        """Ask the login policies before a credential is looked at."""
        return await ask_before(self._parts.before, attempt)

    async def ask_after(self, attempt: LoginAttempt, identity: Identity | None) -> Refused | None:
        """Ask the login policies after the verdict and before the reply, and record a login that
        they allow."""
        refused = await ask_after(self._parts.after, attempt, identity)
        if refused is None and identity is not None:
            refused = await ask_record(self._parts.record, attempt, identity)
        return refused

    async def admit(self, attempt: LoginAttempt, success: SaslSuccess) -> Granted | Refused:
        """Turn a proof into an identity, or refuse it because of the account's record."""
        answer = await self._admit(attempt, success)
        if isinstance(answer, Refused) and isinstance(success.verdict, Verified):
            self._parts.cache.forget(success.verdict.account)
        return answer

    async def _admit(self, attempt: LoginAttempt, success: SaslSuccess) -> Granted | Refused:
        parts, session = self._parts, attempt.session
        verdict = success.verdict
        if not isinstance(verdict, Verified | None):  # the mechanism has ignored the verdict
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
            return self._failed(attempt, refused)
        session.identity = identity
        parts.events.emit(LoggedIn(identity, session.protocol, session.peer))
        if "succeeded" in parts.logged:
            parts.diagnostics.info(
                "login.succeeded",
                **who(session),
                protocol=session.protocol,
                mechanism=attempt.mechanism,
                secured=secured,
            )
        return Granted(identity, success.data)

    async def deny(self, attempt: LoginAttempt, reason: str) -> Refused:
        """Refuse wrong credentials: the answer is the same for every reason, and the policies hear
        of it."""
        refused = await self.ask_after(attempt, None)
        status = BAD_CREDENTIALS if refused is None else refused.status
        self._failed(attempt, Refused(status, reason))
        return refused or Refused(status, reason)

    def trouble(self, attempt: LoginAttempt, error: Exception) -> Refused:
        """Refuse a login for now, because something here has failed. It is not counted."""
        self._parts.diagnostics.error(
            "login.deferred",
            **who(attempt.session),
            failure=repr(error),
            claimed_name=attempt.name,
        )
        return Refused(LOGIN_TROUBLE, "trouble")

    def log(self, attempt: LoginAttempt, refused: Refused) -> Refused:
        """Write the line of a refusal; the refusal."""
        # The host's own reasons begin with "plugin.": a policy could not answer.
        deferred = refused.reason.startswith("plugin.")
        if deferred or "refused" in self._parts.logged:
            self._parts.diagnostics.warning(
                "login.deferred" if deferred else "login.refused",
                **who(attempt.session),
                protocol=attempt.session.protocol,
                code=refused.status.code,
                reason=refused.reason,
                mechanism=attempt.mechanism,
                claimed_name=attempt.name,
            )
        return refused

    def _unencrypted(self, attempt: LoginAttempt) -> Refused:
        return self.log(attempt, Refused(ENCRYPTION_REQUIRED, "encryption.required"))

    def _failed(self, attempt: LoginAttempt, refused: Refused) -> Refused:
        session = attempt.session
        self._parts.events.emit(
            LoginFailed(attempt.name, session.protocol, session.peer, refused.reason)
        )
        return self.log(attempt, refused)


@dataclass(slots=True, eq=False)
class HostLogin:
    """One exchange: drives the mechanism's generator, and believes it nothing that the accounts
    have not said."""

    _gate: HostGate
    _session: Session
    _mechanism: str
    _exchange: SaslExchange
    _callee: Callee
    _name: str = ""
    _guess: bytes | None = None
    _asked: bool = False
    _requests: int = 0
    _challenge_octets: int = 0
    _verdict: Verdict | None = None
    _key: StoredKey | None = None
    _wanted_key: bool = False

    async def start(self, initial: bytes | None) -> LoginAnswer:
        """Begin. An initial response answers the mechanism's first challenge, which is empty for
        mechanisms in which the client speaks first, and a prompt for LOGIN."""
        answer = await self.respond(None, first=True)
        if initial is not None and isinstance(answer, Ask):
            return await self.respond(initial)
        return answer

    def cancel(self) -> None:
        """The peer gave up."""
        try:
            self._exchange.close()
        except Exception as error:  # noqa: BLE001 - supervision point: one login
            self._gate.supervision.raised(self._callee, error)

    @property
    def _attempt(self) -> LoginAttempt:
        return LoginAttempt(self._session, self._name[:NAME_SHOWN], self._mechanism, self._guess)

    async def respond(self, response: SaslAnswer, *, first: bool = False) -> LoginAnswer:
        """Go on with a response."""
        try:
            return await self._run(response, first)
        except Exception as error:  # noqa: BLE001 - supervision point: one login
            self.cancel()
            return self._gate.trouble(self._attempt, error)

    async def _run(self, answer: SaslAnswer, first: bool) -> LoginAnswer:
        while True:
            self._requests += 1
            if self._requests > REQUESTS:
                raise self._nonsense(self._exchange, f"asks more than {REQUESTS} times")
            try:
                request = next(self._exchange) if first else self._exchange.send(answer)
            except StopIteration as stop:
                return await self._ended(stop.value)
            except Exception as error:
                raise self._gate.supervision.raised(self._callee, error) from error
            first = False
            match request:
                case Challenge(data):
                    return self._ask(data)
                case NeedVerify(claim):
                    self._guess = guess_of(claim)
                    refused = await self._before(claim.name)
                    if refused is not None:
                        return refused
                    answer = self._verdict = await self._gate.judge(self._attempt, claim)
                case NeedStoredKey(query):
                    refused = await self._before(query.name)
                    if refused is not None:
                        return refused
                    self._wanted_key = True
                    answer = self._key = await self._gate.stored_key(request)
                case _:  # it would be asked the same for ever
                    raise self._nonsense(request)

    def _ask(self, challenge: object) -> Ask:
        if not isinstance(challenge, bytes):
            raise self._nonsense(challenge, "a challenge is bytes")
        self._challenge_octets += len(challenge)
        if self._challenge_octets > CHALLENGE_OCTETS:
            raise self._nonsense(self._exchange, f"challenges with over {CHALLENGE_OCTETS} octets")
        return Ask(challenge)

    async def _before(self, name: str) -> Refused | None:
        self._name = name
        if self._asked:
            return None
        self._asked = True
        refused = await self._gate.ask_before(self._attempt)
        return None if refused is None else self._gate.log(self._attempt, refused)

    async def _ended(self, result: object) -> LoginAnswer:
        match result:
            case SaslFailure(malformed=True):
                return self._gate.log(self._attempt, Refused(MALFORMED, "malformed"))
            case SaslFailure():
                return await self._gate.deny(self._attempt, result.reason)
            case SaslSuccess():
                refused = await self._before(result.authcid)
                return refused or await self._succeed(result)
            case _:
                raise self._nonsense(result)

    async def _succeed(self, success: SaslSuccess) -> LoginAnswer:
        """Let in whom the accounts have proved: a mechanism that has asked them cannot say other
        than they have."""
        if self._verdict is not None and not isinstance(self._verdict, Verified):
            self._nonsense(success, "the accounts have denied it")
            return await self._gate.deny(self._attempt, "credentials")
        if self._verdict is not None and success.verdict != self._verdict:
            raise self._nonsense(success, "it is not the verdict that was asked for")
        if self._verdict is None and self._wanted_key:
            if self._key is None:
                raise self._nonsense(success, "no key is stored")
            proved = Verified(self._key.account)
            if success.verdict is not None and success.verdict != proved:
                raise self._nonsense(success, "the key is another account's")
            success = replace(success, verdict=proved)
        return await self._gate.admit(self._attempt, success)

    def _nonsense(self, answer: object, problem: str = "") -> Exception:
        return self._gate.supervision.nonsense(self._callee, answer, problem)


class _NoLogin:
    """Stands for an exchange that was refused at its start."""

    async def respond(self, response: bytes) -> LoginAnswer:
        return Refused(NO_MECHANISM, "mechanism.unknown")

    def cancel(self) -> None:
        """Nothing is under way."""


_OWN: Final = Callee("login", "host.password")


def _password_exchange(name: str, password: str) -> SaslExchange:
    """The exchange of USER/PASS and LOGIN."""
    for value, limit in ((name, LOGIN_NAME_CHARACTERS), (password, SECRET_CHARACTERS)):
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
