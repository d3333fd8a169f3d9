"""A SEARCH, compiled and run: columns first, then summaries, bodies last.

Rules of this file:
1. The keys that must all match are sorted by cost; each stage sees the messages that passed the
   stage before. Header fields of which a text is kept cost no more than columns.
2. Keys below OR and NOT are judged message by message, at the cost of the dearest of them. The
   grammar bounds their depth (`thurn_wire.imap.limits.NESTING`).
3. Each stage lets other sessions have their turn; at a time, `CONTENT_OCTETS` of messages are in
   memory, or one message.
4. Messages that are gone in the newest view do not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Final

import trio
from thurn.plugin import Mailbox, MessageExpunged, MessageSummary, StorageTrouble
from thurn_wire.imap.search import (
    All,
    And,
    DateKey,
    FlagKey,
    HeaderKey,
    ModseqKey,
    Not,
    Or,
    SearchKey,
    SequenceKey,
    SizeKey,
    TextKey,
)

from thurn_listener_imap.limits import BATCH_MESSAGES, SCAN_APART_OCTETS
from thurn_listener_imap.search import keys
from thurn_listener_imap.search.check import Candidate, Check, CompileKey, Cost, Scope
from thurn_listener_imap.search.text import those_that_may_hold

COLUMN_MESSAGES: Final = 20_000
"""Messages whose columns are judged by one key before other sessions have their turn, which takes
3 ms; with n keys, an n-th of them."""

FEWEST_MESSAGES: Final = 50
"""Messages whose columns are judged at once, however many keys there are; with a thousand keys
that takes 5 ms."""

JUDGED: Final = 500
"""Headers, summaries or contents, each counted once for each key, that are judged before other
sessions have their turn; that takes 5 ms."""

CONTENT_MESSAGES: Final = 100
"""Messages that are read at once before other sessions have their turn."""
CONTENT_OCTETS: Final = 1_048_576
"""Octets of the messages that are read at once; to read and judge them takes 3 ms."""


def conjunction(key: SearchKey) -> list[SearchKey]:
    """The keys that must all match."""
    keys: list[SearchKey] = []
    pending = [key]
    while pending:
        one = pending.pop()
        if isinstance(one, And):
            pending += reversed(one.keys)
        else:
            keys.append(one)
    return keys


def compile_key(
    key: SearchKey, scope: Scope, compilers: Mapping[type[SearchKey], CompileKey]
) -> Check:
    """The check of a key.

    Args:
        key: at most `NESTING` deep.
        scope: what the checks look at.
        compilers: those of extensions, by type.

    Raises:
        ValueError: a key that nobody answers.
    """
    compiler = compilers.get(type(key))
    if compiler is not None:
        return compiler(key, scope)
    match key:
        case And(parts):
            return _all([compile_key(part, scope, compilers) for part in parts])
        case Or(left, right):
            return _either(
                compile_key(left, scope, compilers), compile_key(right, scope, compilers)
            )
        case Not(inner):
            return _not(compile_key(inner, scope, compilers))
    return _leaf(key, scope)


def _all(checks: list[Check]) -> Check:
    checks.sort(key=lambda check: check.cost)
    tests = [check.test for check in checks]
    return Check(
        checks[-1].cost,
        lambda one: all(test(one) for test in tests),
        lambda positions: reduce(lambda some, check: _chosen(check, some), checks, positions),
        summary=any(check.needs_summary for check in checks),
    )


def _either(left: Check, right: Check) -> Check:
    first, second = sorted((left, right), key=lambda check: check.cost)
    return Check(
        second.cost,
        lambda one: first.test(one) or second.test(one),
        lambda positions: sorted({*_chosen(first, positions), *_chosen(second, positions)}),
        summary=first.needs_summary or second.needs_summary,
    )


def _not(check: Check) -> Check:
    def select(positions: Sequence[int]) -> list[int]:
        matches = set(_chosen(check, positions))
        return [at for at in positions if at not in matches]

    return Check(check.cost, lambda one: not check.test(one), select, summary=check.needs_summary)


def _leaf(key: SearchKey, scope: Scope) -> Check:
    match key:
        case All():
            return keys.everything()
        case FlagKey():
            return keys.flag_check(key, scope)
        case SizeKey():
            return keys.size_check(key, scope)
        case ModseqKey():
            return keys.modseq_check(key, scope)
        case SequenceKey():
            return keys.sequence_check(key, scope)
        case DateKey():
            return keys.date_check(key, scope)
        case HeaderKey():
            return keys.header_check(key, scope)
        case TextKey():
            return keys.text_check(key)
    raise ValueError(f"{type(key).__name__} cannot be searched for")


async def run_search(
    key: SearchKey, scope: Scope, compilers: Mapping[type[SearchKey], CompileKey]
) -> list[int]:
    """The positions of the messages that match the key, ascending.

    Raises:
        ValueError: as `compile_key`.
        StorageError: the store failed.

    Cancellation: nothing has changed.
    """
    fields = [one for one in leaves(key) if isinstance(one, HeaderKey)]
    if fields and scope.texts is not None:
        known = await scope.texts.find(scope.account, scope.selected, fields)
        scope = replace(scope, known=known)
    parts = sorted(conjunction(key), key=lambda part: part not in scope.known)  # few come first
    checks = [compile_key(part, scope, compilers) for part in parts]
    stages = [[check for check in checks if check.cost is cost] for cost in Cost]
    turns = Turns(sum(1 for _ in leaves(key)))
    passed = await _by_columns(stages[Cost.COLUMNS], scope, turns.count)
    if passed and stages[Cost.HEADERS]:
        passed = await _by_headers(stages[Cost.HEADERS], passed, scope, turns)
    if passed and stages[Cost.SUMMARY]:
        passed = await _by_summaries(stages[Cost.SUMMARY], passed, scope, turns)
    if passed and stages[Cost.CONTENT]:
        apart_octets = SCAN_APART_OCTETS // _texts_in(key)
        passed = await _by_contents(stages[Cost.CONTENT], passed, scope, turns, apart_octets)
    return passed


class Turns:
    """Decides when a SEARCH lets other sessions have their turn.

    Attributes:
        count: how many keys the SEARCH has.
    """

    __slots__ = ("_judged", "count")

    def __init__(self, count: int) -> None:
        self.count = count
        self._judged = 0

    async def judged(self) -> None:
        """A message was judged, by all keys at most."""
        self._judged += self.count
        if self._judged >= JUDGED:
            self._judged = 0
            await trio.lowlevel.checkpoint()


async def _by_columns(checks: list[Check], scope: Scope, keys_count: int) -> list[int]:
    passed: list[int] = []
    selected = scope.selected
    count = len(scope.view)
    step = max(COLUMN_MESSAGES // keys_count, FEWEST_MESSAGES)
    for start in range(0, count, step):
        positions: Sequence[int] = range(start, min(start + step, count))
        for check in checks:
            positions = _chosen(check, positions)
        if selected.has_ghosts:
            positions = [at for at in positions if not selected.is_gone(scope.view.uids[at])]
        passed += positions
        await trio.lowlevel.checkpoint()
    return passed


def _chosen(check: Check, positions: Sequence[int]) -> Sequence[int]:
    if check.select is not None:
        return check.select(positions)
    one, test, chosen = Candidate(0), check.test, []
    for at in positions:
        one.at = at
        if test(one):
            chosen.append(at)
    return chosen


async def _by_headers(
    checks: list[Check], positions: list[int], scope: Scope, turns: Turns
) -> list[int]:
    passed: list[int] = []
    uids = scope.view.uids
    tests = [check.test for check in checks]
    needles = [check.plain for check in checks if check.plain is not None]
    if scope.texts is not None:
        scope.texts.note_searched(scope.account, scope.view, len(positions))
    for start in range(0, len(positions), BATCH_MESSAGES):
        batch = positions[start : start + BATCH_MESSAGES]
        headers = await scope.selected.mailbox.headers([uids[at] for at in batch])
        pairs = [(at, one) for at, one in zip(batch, headers, strict=True) if one is not None]
        for needle in needles:
            pairs = [pairs[n] for n in those_that_may_hold(needle, [one for _, one in pairs])]
        for at, octets in pairs:
            one = Candidate(at, octets)
            if all(test(one) for test in tests):
                passed.append(at)
            await turns.judged()
    return passed


async def _by_summaries(
    checks: list[Check], positions: list[int], scope: Scope, turns: Turns
) -> list[int]:
    passed: list[int] = []
    uids = scope.view.uids
    tests = [check.test for check in checks]
    for start in range(0, len(positions), BATCH_MESSAGES):
        batch = positions[start : start + BATCH_MESSAGES]
        summaries = await scope.selected.mailbox.summaries([uids[at] for at in batch])
        for at, summary in zip(batch, summaries, strict=True):
            if summary is not None:
                one = Candidate(at, summary.headers, summary)
                if all(test(one) for test in tests):
                    passed.append(at)
                await turns.judged()
    return passed


async def _by_contents(
    checks: list[Check], positions: list[int], scope: Scope, turns: Turns, apart_octets: int
) -> list[int]:
    passed: list[int] = []
    uids, mailbox = scope.view.uids, scope.selected.mailbox
    with_summaries = any(check.needs_summary for check in checks)
    for batch in _batches(positions, scope.view.sizes):
        asked = [uids[at] for at in batch]
        summaries: Sequence[MessageSummary | None] = [None] * len(batch)
        if with_summaries:
            summaries = await mailbox.summaries(asked)
        contents = await mailbox.bodies(asked)
        for at, summary, content in zip(batch, summaries, contents, strict=True):
            if summary is None and with_summaries:
                continue
            if content is None:
                try:
                    content = await mailbox.body(uids[at])  # noqa: PLW2901 - or raises why not
                except MessageExpunged:
                    continue
            one = Candidate(at, summary.headers if summary else None, summary)
            one.open(content)
            try:
                if await _holds(checks, one, apart=content.size_octets >= apart_octets):
                    passed.append(at)
            except StorageTrouble:
                # The file of an expunged message goes some seconds later: is that the reason?
                if not await _is_gone(mailbox, uids[at]):
                    raise
            await turns.judged()
    return passed


async def _is_gone(mailbox: Mailbox, uid: int) -> bool:
    """Whether a message could not be read because it is gone.

    Raises:
        StorageError: it exists, or may exist.
    """
    try:
        await mailbox.body(uid)
    except MessageExpunged:
        return True
    return False


def _batches(positions: list[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Messages that are read at once: `CONTENT_MESSAGES` or `CONTENT_OCTETS`, at least one."""
    batch: list[int] = []
    octets = 0
    for at in positions:
        if batch and (octets + sizes[at] > CONTENT_OCTETS or len(batch) == CONTENT_MESSAGES):
            yield batch
            batch, octets = [], 0
        batch.append(at)
        octets += sizes[at]
    if batch:
        yield batch


async def _holds(checks: list[Check], one: Candidate, *, apart: bool) -> bool:
    """Judge one message; with `apart`, in a thread, so that other sessions go on."""

    def judge() -> bool:
        return all(check.test(one) for check in checks)

    return await trio.to_thread.run_sync(judge) if apart else judge()


def leaves(key: SearchKey) -> Iterator[SearchKey]:
    """The keys that are not made of other keys."""
    pending = [key]
    while pending:
        match pending.pop():
            case And(parts):
                pending += parts
            case Or(left, right):
                pending += (left, right)
            case Not(inner):
                pending.append(inner)
            case leaf:
                yield leaf


def _texts_in(key: SearchKey) -> int:
    """How often a body is searched at most; at least 1."""
    return max(sum(isinstance(leaf, TextKey) for leaf in leaves(key)), 1)
