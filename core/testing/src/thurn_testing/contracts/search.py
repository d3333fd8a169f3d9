"""The conformance kit of body search (`thurn.contracts.search.SearchIndex`).

    async def test_contract():
        await check_search(index, handle, catch_up)

The kit files messages into an account and compares what the index finds with a look at each of
them: an index may be behind, but it says how far it has come, and up to there it misses nothing and
invents nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias

from thurn.contracts.search import SearchIndex, TextQuery
from thurn.contracts.store import AccountHandle, Append, Mailbox
from thurn.types.content import Content
from thurn.types.errors import StorageError

from thurn_testing.contracts.expectation import expect, run_in_turn

CatchUp: TypeAlias = Callable[[], Awaitable[object]]
"""Returns when the index has read the change log to its end."""

MAILBOX: Final = "kit of search"
WHEN: Final = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
MESSAGES: Final = (
    b"Subject: apples\r\nFrom: ann@example.net\r\n\r\nPears and plums.\r\n",
    b"Subject: pears\r\nFrom: bob@example.net\r\n\r\nNothing of that kind.\r\nAPPLES? No.\r\n",
    b"Subject: empty\r\n\r\n",
    b'Subject: one line\r\n\r\npineapples 50% (all) "quoted" a*b [c] \\d\r\n',
    b"X-Word: plums\r\n\r\n" + b"long " * 5_000 + b"needle\r\n",
)
"""What the kit files; the bodies are plain ASCII, so that nothing is to be decoded."""
TEXTS: Final = (
    "apples",
    "Pears",
    "PLUMS",
    "needle",
    "50% (all)",
    '"quoted"',
    "a*b",
    "[c]",
    "\\d",
    "app",
    "no such words",
    "ann@example.net",
)
"""What is looked for: words, parts of words, and what has a meaning in other languages."""


async def check_search(index: SearchIndex, account: AccountHandle, catch_up: CatchUp) -> None:
    """Everything that the contract promises holds for this index as it is configured.

    Args:
        index: opened, for the store of the account.
        account: as the host sees it; the kit makes a mailbox in it.
        catch_up: see `CatchUp`.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    await account.create(MAILBOX)
    mailbox = await account.mailbox(MAILBOX)
    checks = (_finds, _keeps_up, _forgets, _is_calm)
    await run_in_turn(
        "search", *(partial(one, index, account, mailbox, catch_up) for one in checks)
    )


async def _finds(
    index: SearchIndex, account: AccountHandle, mailbox: Mailbox, catch_up: CatchUp
) -> None:
    """Texts are found wherever they stand, in any case, and nowhere else."""
    await _file(account, MESSAGES)
    await catch_up()
    await _compare(index, account, mailbox, caught_up=True)


async def _keeps_up(
    index: SearchIndex, account: AccountHandle, mailbox: Mailbox, catch_up: CatchUp
) -> None:
    """What is filed later is found, or the index says that it has not come so far."""
    await _file(account, MESSAGES[:2])
    await _compare(index, account, mailbox, caught_up=False)
    await catch_up()
    await _compare(index, account, mailbox, caught_up=True)


async def _forgets(
    index: SearchIndex, account: AccountHandle, mailbox: Mailbox, catch_up: CatchUp
) -> None:
    """What is expunged is no longer found."""
    view = await mailbox.view()
    await mailbox.expunge([*view.uids][:2])
    await catch_up()
    await _compare(index, account, mailbox, caught_up=True)


async def _is_calm(
    index: SearchIndex, account: AccountHandle, mailbox: Mailbox, catch_up: CatchUp
) -> None:
    """Odd texts and a mailbox that is not there end in an answer or a StorageError."""
    identifier = mailbox.record.id
    for text in ("", " ", "%", "'; --", "\0", "\u00fc", "\u2603", "x" * 10_000):
        await _ask(index, account, identifier, TextQuery(text, whole_message=False))
    try:
        uids, _ = await _ask(index, account, "no such", TextQuery("apples", whole_message=True))
    except StorageError:
        return
    expect(not uids, "a mailbox that is not there has no messages")


async def _file(account: AccountHandle, messages: Sequence[bytes]) -> None:
    appends = [Append(MAILBOX, Content.of(octets), WHEN) for octets in messages]
    await account.append_all(appends)


async def _compare(
    index: SearchIndex, account: AccountHandle, mailbox: Mailbox, *, caught_up: bool
) -> None:
    view = await mailbox.view()
    octets_of = {uid: (await mailbox.body(uid)).read() for uid in view.uids}
    modseq_of = dict(zip(view.uids, view.modseqs, strict=True))
    for text in TEXTS:
        for whole_message in (False, True):
            query = TextQuery(text, whole_message)
            uids, indexed = await _ask(index, account, mailbox.record.id, query)
            right = {uid for uid, octets in octets_of.items() if _matches(octets, query)}
            reached = {uid for uid in right if modseq_of[uid] <= indexed}
            shown = f"{text!r} in {'messages' if whole_message else 'bodies'}"
            wrong = set(uids) & set(octets_of) - right
            expect(not wrong, f"{shown}: what does not have the text is not found: {wrong}")
            missed = reached - set(uids)
            expect(not missed, f"{shown}: up to {indexed} nothing is missed: {missed}")
            if caught_up:
                behind = right - reached
                expect(not behind, f"{shown}: an index that has caught up says so: {indexed}")
                gone = set(uids) - set(octets_of)
                expect(not gone, f"{shown}: what is expunged is not found: {gone}")


def _matches(octets: bytes, query: TextQuery) -> bool:
    """RFC 9051 §6.4.4, for ASCII."""
    body = octets if query.whole_message else octets.partition(b"\r\n\r\n")[2]
    return query.text.lower().encode() in body.lower()


async def _ask(
    index: SearchIndex, account: AccountHandle, mailbox_id: str, query: TextQuery
) -> tuple[Sequence[int], int]:
    try:
        uids, indexed = await index.find(account, mailbox_id, query)
    except StorageError:
        raise
    except Exception as error:
        raise AssertionError(f"an index raises a StorageError: {error!r}") from error
    expect(all(uid > 0 for uid in uids), f"an index finds UIDs: {uids!r:.80}")
    expect(len(set(uids)) == len(uids), f"each message is found once: {uids!r:.80}")
    expect(indexed >= 0, f"the MODSEQ is a number: {indexed!r}")
    return uids, indexed
