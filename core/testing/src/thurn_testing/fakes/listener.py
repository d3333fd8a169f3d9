"""What the host gives to a listener, without a host: gate, mail flow and mailboxes of the test.

async with open_gate() as gate:
    context = FakeListenerContext(tmp_path, gate, FakeMailflow())
    async with smtp.open(SmtpSettings(bind=("127.0.0.1:25",)), context) as listener:
        ...
"""

from __future__ import annotations

from pathlib import Path

from thurn.contracts.clock import Clock
from thurn.contracts.state import State
from thurn.contracts.store import AccountHandle, MailStore
from thurn.types.errors import ConfigError
from thurn.types.identity import AccountId, Identity

from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.gate import CountingGate
from thurn_testing.fakes.mailflow import FakeMailflow


class FakeListenerContext(FakeContext):
    """A `thurn.contracts.context.ListenerContext`.

    Args:
        data: the instance's own directory.
        gate: lets people in.
        mailflow: takes mail; None where the listener must not ask for one.
        clock: a `ManualClock` of its own if None.
        given: what else the test gives.

    """

    def __init__(
        self,
        data: Path,
        gate: CountingGate,
        mailflow: FakeMailflow | None = None,
        *,
        clock: Clock | None = None,
        given: Given | None = None,
    ) -> None:
        super().__init__(data, name="listener.test", clock=clock, given=given)
        self.gate = gate
        self._mailflow = mailflow
        self._store: MailStore | None = None
        self._shared: State | None = None

    def give(self, *, store: MailStore | None = None, state: State | None = None) -> None:
        """From now on there are these mailboxes and this shared state.

        Args:
            store: has the mailboxes that `open_account` opens.
            state: what the listener shares with others.
        """
        self._store, self._shared = store, state

    @property
    def state(self) -> State:
        """The state that the test gave. Raises ConfigError where there is none."""
        return super().state if self._shared is None else self._shared

    @property
    def mailflow(self) -> FakeMailflow:
        """The mail flow that the test gave. Raises ConfigError where there is none."""
        if self._mailflow is None:
            raise ConfigError(["listener.test receives no mail"])
        return self._mailflow

    async def open_account(self, account: AccountId, identity: Identity) -> AccountHandle:
        """The account in the test's store. Raises ConfigError where there is none."""
        if self._store is None:
            raise ConfigError(["the test has given no store"])
        return await self._store.open(account, identity)
