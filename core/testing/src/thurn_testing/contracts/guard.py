"""The conformance kit of guards (`thurn.contracts.guard.Guard`), such as a quota.

    async def test_contract():
        await check_guard(guard, handle, record, admitted=[1_000], refused=[10_000_000])

A guard judges what would enter a store: it returns, or raises a StorageError that says why not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import trio
from thurn.contracts.account import AccountRecord
from thurn.contracts.guard import Guard
from thurn.contracts.store import AccountHandle
from thurn.types.errors import StorageError
from thurn.types.mailbox import INBOX

from thurn_testing.contracts.delivery import DownAccount
from thurn_testing.contracts.expectation import expect, expect_equal, unblocked
from thurn_testing.fakes.account import ALICE

MAILBOXES: Final = (
    INBOX,
    "Archive/2025",
    "no such mailbox",
    "J\u00fcrgen/\u2603",
    "../..",
    "a" * 255,
)
"""Names of mailboxes: a guard is asked before it is known whether the mailbox is there."""
SIZES_OCTETS: Final = (0, 1, 1_000, 50 * 2**20, 2**40, 2**63)
"""Sizes of messages: empty, ordinary, and larger than anything that a listener takes."""
TOGETHER: Final = 20
"""Questions that are asked at the same time."""


async def check_guard(
    guard: Guard,
    account: AccountHandle,
    record: AccountRecord = ALICE,
    *,
    admitted: Sequence[int] = (),
    refused: Sequence[int] = (),
) -> None:
    """Everything that the contract promises holds for this guard as it is configured.

    Args:
        guard: opened.
        account: of the record, as the host sees it; nothing is stored in it.
        record: of the account.
        admitted: sizes in octets of messages that may enter INBOX.
        refused: sizes in octets of messages that may not.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    before = await account.mailboxes()
    for size_octets in admitted:
        error = await _judge(guard, record, account, INBOX, size_octets)
        expect(error is None, f"{size_octets} octets may enter: {error!r}")
    for size_octets in refused:
        error = await _judge(guard, record, account, INBOX, size_octets)
        expect(error is not None, f"{size_octets} octets may not enter")
    for mailbox in MAILBOXES:
        for size_octets in SIZES_OCTETS:
            await _judge(guard, record, account, mailbox, size_octets)
    await _ask_together(guard, record, account)
    expect_equal(await account.mailboxes(), before, "a guard judges; it changes no mailbox")
    # A store that cannot answer is no reason to refuse for good, and none to fail otherwise.
    down = cast("AccountHandle", DownAccount(account))
    error = await _judge(guard, record, down, INBOX, 1)
    kept = error is None or not error.status.is_permanent
    expect(kept, f"trouble of the store is temporary: {error!r}")


async def _judge(
    guard: Guard, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
) -> StorageError | None:
    """The same answer twice: the error, or None where the message may enter."""
    errors = [await _ask(guard, record, account, mailbox, size_octets) for _ in range(2)]
    promise = f"the same question has the same answer ({mailbox!r:.40}, {size_octets} octets)"
    expect_equal(type(errors[1]), type(errors[0]), promise)
    return errors[0]


async def _ask(
    guard: Guard, record: AccountRecord, account: AccountHandle, mailbox: str, size_octets: int
) -> StorageError | None:
    answer: object = None
    with unblocked("a guard answers in time"):
        try:
            answer = await guard.check_append(  # type: ignore[func-returns-value]
                record, account, mailbox, size_octets
            )
        except StorageError as error:
            return error
        except Exception as error:
            raise AssertionError(f"a guard raises a StorageError: {error!r}") from error
    expect(answer is None, f"a guard returns nothing, or raises: {answer!r}")
    return None


async def _ask_together(guard: Guard, record: AccountRecord, account: AccountHandle) -> None:
    """Questions at the same time have the answers that they have alone."""
    alone = await _ask(guard, record, account, INBOX, 1)
    answers: list[StorageError | None] = []

    async def one() -> None:
        answers.append(await _ask(guard, record, account, INBOX, 1))

    async with trio.open_nursery() as nursery:
        for _ in range(TOGETHER):
            nursery.start_soon(one)
    alike = all(type(answer) is type(alone) for answer in answers)
    expect(alike, "questions at the same time have the same answer")
