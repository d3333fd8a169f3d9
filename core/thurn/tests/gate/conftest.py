"""A gate over accounts and policies that a test writes down."""

from __future__ import annotations

import pytest
import trio
from thurn.chain.rule import Rule
from thurn.chain.runner import Chain
from thurn.contracts.account import Denied, Unknown, Verified
from thurn.directory.combined import CombinedAccounts
from thurn.gate.cache import CredentialCache
from thurn.gate.gate import GateParts, HostGate
from thurn.gate.policies import AFTER, BEFORE, RECORD
from thurn.plugin import sasl, sasl_mechanism
from thurn.types.identity import AccountId
from thurn.types.session import TlsState
from thurn_testing.fakes.context import RecordingDiagnostics, RecordingEvents
from thurn_testing.fakes.session import make_session
from thurn_testing.fakes.supervision import make_supervision, supervised

TLS = TlsState("TLSv1.3", "TLS_AES_128_GCM_SHA256")


class LoopClock:
    """The time of the loop, which a test lets jump."""

    boot_id = "boot"

    @staticmethod
    def monotonic():
        return trio.current_time()

    wall = monotonic


class Accounts:
    """Passwords and records; `seconds` is what judging a known name costs."""

    def __init__(self):
        self.passwords = {"alice": "right", "bob": "right"}
        self.records = {}
        self.others = {}
        self.seconds = 0.2
        self.error = None
        self.claims = []

    async def verify(self, claim):
        self.claims.append(claim)
        if self.error is not None:
            raise self.error
        if claim.name not in self.passwords:
            return Unknown()
        await trio.sleep(self.seconds)
        right = self.passwords[claim.name] == claim.secret.reveal()
        return Verified(AccountId(claim.name)) if right else Denied()

    async def stored_key(self, query):
        if self.error is not None:
            raise self.error
        return Denied() if query.name in self.passwords else Unknown()

    async def resolve(self, address):
        raise NotImplementedError

    async def account(self, account):
        return self.records.get(account)

    async def owns(self, account, address):
        return False

    async def may_act_as(self, authcid, authzid):
        return self.others.get((authcid, authzid))


class Policy:
    """Gives the answers that the test sets, and keeps the questions."""

    def __init__(self, before=None, after=None, record=None):
        self.answers = {"before": before, "after": after, "record": record}
        self.recorded = []
        self.asked = []
        self.guesses = []

    async def before_login(self, attempt):
        self.asked.append(("before", attempt.name))
        return self._answer("before")

    async def after_login(self, attempt, identity):
        self.guesses.append(attempt.guess)
        self.asked.append(("after", attempt.name, identity and identity.account))
        return self._answer("after")

    async def record_login(self, attempt, identity):
        self.recorded.append(identity.account)
        return self._answer("record")

    def _answer(self, when):
        answer = self.answers[when]
        if isinstance(answer, Exception):
            raise answer
        return answer


@sasl_mechanism("PLAINISH", plaintext=True)
def plainish():
    """name NUL password, perhaps NUL authzid."""
    words = (yield from sasl.receive()).split(b"\0")
    if len(words) < 2:
        raise sasl.Malformed("too few words")
    authzid = sasl.text(words[2]) if len(words) > 2 else ""
    return (yield from sasl.verify(sasl.text(words[0]), words[1], authzid))


@sasl_mechanism("STORED", plaintext=False)
def stored():
    """Proves whoever has a key."""
    name = sasl.text((yield from sasl.receive()))
    key = yield from sasl.stored_key(name, "x")
    return sasl.SaslFailure("credentials") if key is None else sasl.SaslSuccess(name)


class World:
    """The gate and what it is made of."""

    def __init__(self, policies, *, clear=False):
        self.accounts, self.events = Accounts(), RecordingEvents()
        self.diagnostics = RecordingDiagnostics()
        supervision = make_supervision(self.diagnostics, self.events)

        def chain(stage):
            rules = [Rule(f"login.{n}", one) for n, one in enumerate(policies)]
            return Chain(stage, rules, supervision)

        self.cache = CredentialCache(LoopClock())
        self.gate = HostGate(
            GateParts(
                MECHANISMS,
                CombinedAccounts([supervised(self.accounts, "account.main")], supervision),
                chain(BEFORE),
                chain(AFTER),
                chain(RECORD),
                self.cache,
                LoopClock(),
                self.events,
                self.diagnostics,
                supervision,
                "main",
                clear,
            )
        )

    @property
    def told(self):
        return [type(event).__name__ for event in self.events.told]

    @property
    def login_lines(self):
        """What the operator's log says of logins."""
        return [line for line in self.diagnostics.lines if line.event.startswith("login.")]

    def session(self, *, tls=True, protocol="pop3"):
        return make_session(protocol=protocol, tls=TLS if tls else None)

    async def log_in(self, name="alice", password="right", **how):
        return await self.gate.password(self.session(**how), name, password)


MECHANISMS = {}


@pytest.fixture
async def mechanisms():
    """Opened as the host opens them."""
    MECHANISMS.clear()
    for factory in (plainish, stored):
        async with factory.open(factory.settings(), None) as product:
            MECHANISMS.update({m.mechanism: supervised(m, "sasl.x") for m in product.mechanisms})


@pytest.fixture
async def world(mechanisms):
    def one(*policies, clear=False):
        return World(policies, clear=clear)

    one.Policy = Policy
    return one
