"""The state of a file of tests: its results and services, and what a test may set and restores."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from thurn_sieve.context import Context
from thurn_sieve.result import Result
from thurn_sieve.script import Script
from thurn_sieve.testsuite.memory import (
    MemoryDuplicates,
    MemoryExecutor,
    MemoryMailboxes,
    MemoryRepository,
)

CAPABILITY: Final = "vnd.thurn.testsuite"


@dataclass(slots=True)
class Suite:
    """The state of one file of tests.

    Attributes:
        executor: the executor of `test_result_execute`.
        mailboxes: the mailboxes that tests create and look at.
        repository: the scripts that `include` finds.
        failures: name of each failed test → the reason.
        ran: the names of the tests that ran, in order.
        current: the name of the test that runs, or that ran last.
        problems: messages and codes of the errors of the last compilation or run.
        warnings: messages and codes of the warnings of the last compilation or run.
        script: the script that this test compiled last; None if there is none or it has errors.
        result: the result of the script that this test ran last; None if it ran none.
    """

    executor: MemoryExecutor
    mailboxes: MemoryMailboxes
    repository: MemoryRepository
    failures: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    current: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    script: Script | None = None
    result: Result | None = None


def prepare(context: Context) -> Suite:
    """Give the context the services in memory, and return the new state."""
    mailboxes, repository = MemoryMailboxes(), MemoryRepository()
    duplicates = MemoryDuplicates(context)
    context.mailboxes, context.repository = mailboxes, repository
    context.duplicates = duplicates
    suite = Suite(MemoryExecutor(mailboxes, duplicates), mailboxes, repository)
    context.locals[CAPABILITY] = suite
    return suite


def save(context: Context) -> Callable[[], None]:
    """A function that restores everything that a test may set."""
    suite: Suite = context.locals[CAPABILITY]
    mailboxes, executor = suite.mailboxes, suite.executor
    attributes = {name: getattr(context, name) for name in _SET_BY_TESTS}
    envelope, account = copy(context.envelope), copy(context.account)
    stored = {name: list(messages) for name, messages in mailboxes.stored.items()}
    uses = {flag: list(names) for flag, names in mailboxes.uses.items()}
    read_only, ids = set(mailboxes.read_only), dict(mailboxes.ids)
    sources, ends = dict(suite.repository.sources), dict(executor.duplicates.ends)

    def restore() -> None:
        for name, value in attributes.items():
            setattr(context, name, value)
        context.envelope, context.account = envelope, account
        mailboxes.stored, mailboxes.uses = stored, uses
        mailboxes.read_only, mailboxes.ids = read_only, ids
        suite.repository.sources, executor.duplicates.ends = sources, ends
        executor.sent, executor.refused, executor.notices = [], [], []
        executor.in_protocol, executor.fails = True, ""

    return restore


_SET_BY_TESTS: Final = ("message", "original", "message_flags", "now", "environment", "settings")


def _set_message(context: Context, value: str) -> None:
    context.message = context.original = value.encode()


def _set_from(context: Context, value: str) -> None:
    context.envelope.sender = value or None


def _set_to(context: Context, value: str) -> None:
    context.envelope.recipient = value


def _set_original_to(context: Context, value: str) -> None:
    context.envelope.original_recipient = value or None


def _set_auth(context: Context, value: str) -> None:
    context.envelope.auth = value or None


def _set_now(context: Context, value: str) -> None:
    context.now = datetime.fromisoformat(value)


def _set_account(context: Context, value: str) -> None:
    context.account.name = value


def _set_addresses(context: Context, value: str) -> None:
    context.account.addresses = value.split()


def _set_flags(context: Context, value: str) -> None:
    context.message_flags = value.split()


def _set_reject(context: Context, value: str) -> None:
    context.locals[CAPABILITY].executor.in_protocol = value == "protocol"


def _set_fails(context: Context, value: str) -> None:
    context.locals[CAPABILITY].executor.fails = value


SETTERS: Final[dict[str, Callable[[Context, str], None]]] = {
    "message": _set_message,
    "envelope.from": _set_from,
    "envelope.to": _set_to,
    "envelope.orig_to": _set_original_to,
    "envelope.auth": _set_auth,
    "now": _set_now,
    "account": _set_account,
    "addresses": _set_addresses,
    "flags": _set_flags,
    "reject": _set_reject,
    "fails": _set_fails,
}
