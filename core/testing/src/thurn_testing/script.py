"""Runs a Sieve script over one message with an extension under test, in the plugin delivery.sieve.

Rules of this file:
1. The script is an account's own, as at a delivery; only the account and the host are fakes.
2. What an extension raises comes out as it was raised, with its traceback; a script that fails in
   another way (a wrong text, a run-time error, a refused action) is `ScriptFailed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final, cast

from thurn.contracts.clock import Clock
from thurn.contracts.factory import Factory
from thurn.contracts.store import AccountHandle
from thurn.delivery.record import RecordedDelivery
from thurn.hooks.registry import Registry
from thurn_sieve.errors import RunError, Stop
from thurn_sieve.registry import Command, Extension

from thurn_testing.contracts.delivery import make_delivery
from thurn_testing.fakes.account import ALICE, FakeAccount, FakeDirectory
from thurn_testing.fakes.context import FakeContext, Given

INSTANCE: Final = "tested"


class ScriptFailed(AssertionError):
    """The script did not compile or ended in an error; the text says which and where.

    Attributes:
        delivery: what is done all the same: the message is kept.
    """

    def __init__(self, reason: object, delivery: RecordedDelivery) -> None:
        super().__init__(reason)
        self.delivery = delivery


class _Raised(Exception):
    """What an extension raised, past the engine."""

    propagate = True

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class _State:
    """State without tables: a test's script never runs long enough to be counted."""

    def table(self, name: str) -> None:
        """None."""


async def run_script(
    product: Extension | Iterable[Extension],
    account: FakeAccount,
    message: bytes,
    sender: str | None,
    clock: Clock,
) -> RecordedDelivery:
    """What the account's script wants done with the message.

    Args:
        product: of a plugin of the role `sieve`.
        account: with the script.
        message: without trace fields.
        sender: of the envelope.
        clock: of the delivery.

    Raises:
        ScriptFailed: it failed.
    """
    extensions = [product] if isinstance(product, Extension) else product
    heads = Registry()
    problems = list(heads.load(["delivery.sieve"]))
    head = heads.get("delivery", "sieve")
    if problems or head is None:
        raise AssertionError("; ".join(problems) or "pip install thurn-delivery-sieve")
    given = Given(
        state=cast("Any", _State()),
        directory=FakeDirectory(),
        instances={("sieve", INSTANCE): [_transparent(one) for one in extensions]},
    )
    own = FakeContext(Path(), name="delivery.sieve", clock=clock, given=given)
    delivery = make_delivery(message, sender, cast("AccountHandle", account), ALICE)
    await _deliver(head, own, delivery)
    for line in own.diagnostics.lines:
        if line.event == "sieve.failed":
            raise ScriptFailed(line.facts["detail"], delivery)
    return delivery


async def _deliver(head: Factory, context: FakeContext, delivery: RecordedDelivery) -> None:
    settings = head.settings.model_validate(
        {"extensions": [INSTANCE], "zone": "UTC", "notify_errors": False}
    )
    async with head.open(settings, context) as product:
        try:
            await product.deliver(delivery)
        except _Raised as raised:
            raise raised.cause from None


def _transparent(extension: Extension) -> Extension:
    """The extension, so that exceptions of its commands come out as they were raised."""
    return replace(extension, commands=[_transparent_command(one) for one in extension.commands])


def _transparent_command(command: Command) -> Command:
    return command if command.run is None else replace(command, run=_passing(command.run))


def _passing(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; what it raises passes the engine."""
    if iscoroutinefunction(run):

        async def later(*arguments: object) -> Any:  # noqa: ANN401 - a test's answer, or None
            try:
                return await run(*arguments)
            except (RunError, Stop):
                raise
            except Exception as error:
                raise _Raised(error) from error

        return later

    def now(*arguments: object) -> Any:  # noqa: ANN401 - likewise
        try:
            return run(*arguments)
        except (RunError, Stop):
            raise
        except Exception as error:
            raise _Raised(error) from error

    return now
