r"""The host's own gate over accounts that a test names, with a count of the exchanges under way.

    async with open_gate({"alice": "secret"}) as gate:
        login, answer = await gate.begin(session, "PLAIN", b"\0alice\0secret")

Nothing of the gate is imitated: only the accounts are the test's. Its one mechanism is PLAIN, which
is offered with or without encryption.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from thurn.chain.runner import Chain
from thurn.contracts.account import (
    AccountRecord,
    Claim,
    Denied,
    KeyAnswer,
    Resolution,
    StoredKeyQuery,
    Unknown,
    UnknownAddress,
    Verdict,
    Verified,
)
from thurn.contracts.gate import Ask, Granted, Login, LoginAnswer, Refused
from thurn.directory.combined import CombinedAccounts
from thurn.gate.cache import CredentialCache
from thurn.gate.gate import GateParts, HostGate
from thurn.gate.policies import AFTER, BEFORE, RECORD
from thurn.plugin import sasl, sasl_mechanism
from thurn.types.address import Address
from thurn.types.identity import AccountId
from thurn.types.session import Session

from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, RecordingDiagnostics, RecordingEvents
from thurn_testing.fakes.supervision import make_supervision, supervised

NAME: Final = "alice"
PASSWORD: Final = "secret"  # noqa: S105 - of a test
"""The account that `open_gate` has if the test names no others, and its password."""


class PasswordAccounts:
    """Accounts by name, each with a password and an address nowhere.

    Args:
        passwords: by name.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    async def verify(self, claim: Claim) -> Verdict:
        """Whether the password is the one that the test gave."""
        await trio.lowlevel.checkpoint()
        if claim.name not in self._passwords:
            return Unknown()
        is_right = self._passwords[claim.name] == claim.secret.reveal()
        return Verified(AccountId(claim.name)) if is_right else Denied()

    async def stored_key(self, query: StoredKeyQuery) -> KeyAnswer:
        """No keys are stored."""
        return Unknown()

    async def resolve(self, address: Address) -> Resolution:
        """No address is known."""
        return UnknownAddress()

    async def account(self, account: AccountId) -> AccountRecord | None:
        """A record without limits."""
        return AccountRecord(account, None) if account in self._passwords else None

    async def owns(self, account: AccountId, address: Address) -> bool:
        """No account owns an address."""
        return False

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """Nobody acts as somebody else."""
        return None


class CountingGate:
    """The host's gate; see `open_gate`.

    Attributes:
        open_exchanges: exchanges that wait for the peer's response.
    """

    def __init__(self, host: HostGate) -> None:
        self._host = host
        self.open_exchanges = 0

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """PLAIN."""
        return self._host.mechanisms(session)

    def password_allowed(self, session: Session) -> bool:
        """Always."""
        return self._host.password_allowed(session)

    async def begin(
        self, session: Session, mechanism: str, initial: bytes | None
    ) -> tuple[Login, LoginAnswer]:
        """Start an exchange and count it."""
        login, answer = await self._host.begin(session, mechanism, initial)
        counted = _CountedLogin(login, self)
        counted.note(answer)
        return counted, answer

    async def password(self, session: Session, name: str, password: str) -> Granted | Refused:
        """Login by name and password."""
        return await self._host.password(session, name, password)


class _CountedLogin:
    """An exchange that is counted as long as it waits for the peer."""

    def __init__(self, login: Login, gate: CountingGate) -> None:
        self._login = login
        self._gate = gate
        self._waits = False

    def note(self, answer: LoginAnswer | None) -> None:
        waits = isinstance(answer, Ask)
        self._gate.open_exchanges += waits - self._waits
        self._waits = waits

    async def respond(self, response: bytes) -> LoginAnswer:
        answer = await self._login.respond(response)
        self.note(answer)
        return answer

    def cancel(self) -> None:
        self.note(None)
        self._login.cancel()


@sasl_mechanism("PLAIN", plaintext=True)
def _plain() -> sasl.SaslExchange:
    """`[authzid] NUL authcid NUL passwd`. RFC 4616 §2."""
    parts = (yield from sasl.receive()).split(b"\0", 3)
    if len(parts) != 3:
        raise sasl.Malformed("not authzid NUL authcid NUL passwd")
    authzid, authcid, password = parts
    acting_as = sasl.text(authzid) if authzid else ""
    return (yield from sasl.verify(sasl.text(authcid), password, acting_as))


@asynccontextmanager
async def open_gate(passwords: Mapping[str, str] | None = None) -> AsyncIterator[CountingGate]:
    """A gate that lets these accounts in.

    Args:
        passwords: by the account's name; those of `NAME` alone if None.
    """
    diagnostics, events, clock = RecordingDiagnostics(), RecordingEvents(), ManualClock()
    supervision = make_supervision(diagnostics, events)
    accounts = PasswordAccounts({NAME: PASSWORD} if passwords is None else passwords)
    async with _plain.open(_plain.settings(), FakeContext(Path())) as product:
        mechanisms = {one.mechanism: supervised(one, "sasl.plain") for one in product.mechanisms}
        yield CountingGate(
            HostGate(
                GateParts(
                    mechanisms,
                    CombinedAccounts([supervised(accounts, "account.test")], supervision),
                    Chain(BEFORE, [], supervision),
                    Chain(AFTER, [], supervision),
                    Chain(RECORD, [], supervision),
                    CredentialCache(clock),
                    clock,
                    events,
                    diagnostics,
                    supervision,
                    "account.test",
                    plaintext_without_tls=True,
                )
            )
        )
