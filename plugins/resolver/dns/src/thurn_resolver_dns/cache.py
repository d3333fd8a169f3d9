"""Answers that are kept: bounded in memory and in time, the ones that were not used for longest go.

Rules of this file: time is the host's clock, never trio's; an answer counts for what it holds, so
that large ones push out many small ones, and one that is larger than a share of the cache is not
kept. Names that strangers make up fill the cache with small entries, and push out what nobody uses.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from thurn.plugin import Clock, DnsAnswer, LookupFailed, MailExchanger, RecordSet, Tlsa

from thurn_resolver_dns.message import Question

ENTRY_OCTETS: Final = 1_024
"""Memory of an entry without its records: key, answer, names, places in the tables."""
RECORD_OCTETS: Final = 256
"""Memory of a record without its text."""
SHARE: Final = 16
"""An answer over this part of the cache is not kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A look-up that has failed: it is raised anew for each who asks."""

    kind: type[LookupFailed]
    detail: str


Outcome: TypeAlias = DnsAnswer[Any] | Failure


@dataclass(frozen=True, slots=True)
class _Entry:
    outcome: Outcome
    expires_at: float
    size_octets: int


class Cache:
    """Outcomes by question.

    Args:
        size_octets: of all of them, as estimated here.
    """

    def __init__(self, clock: Clock, size_octets: int) -> None:
        self._clock = clock
        self._room = size_octets
        self._entries: OrderedDict[Question, _Entry] = OrderedDict()
        self._size_octets = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_octets(self) -> int:
        """Of what is kept."""
        return self._size_octets

    def get(self, question: Question) -> tuple[Outcome, float] | None:
        """The outcome and how many seconds it has left, or None."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        remaining_seconds = entry.expires_at - self._clock.monotonic()
        if remaining_seconds <= 0:
            self._forget(question)
            return None
        self._entries.move_to_end(question)
        return entry.outcome, remaining_seconds

    def put(self, question: Question, outcome: Outcome, lifetime_seconds: float) -> None:
        """Keep it for so long, unless it is too large."""
        self._forget(question)
        size_octets = _size_octets(outcome)
        if lifetime_seconds <= 0 or size_octets > self._room // SHARE:
            return
        expires_at = self._clock.monotonic() + lifetime_seconds
        self._entries[question] = _Entry(outcome, expires_at, size_octets)
        self._size_octets += size_octets
        while self._size_octets > self._room:
            self._forget(next(iter(self._entries)))

    def _forget(self, question: Question) -> None:
        entry = self._entries.pop(question, None)
        if entry is not None:
            self._size_octets -= entry.size_octets


def _size_octets(outcome: Outcome) -> int:
    """An estimate from above of the memory that an outcome takes."""
    records = outcome.records if isinstance(outcome, RecordSet) else ()
    return ENTRY_OCTETS + sum(RECORD_OCTETS + _text_octets(record) for record in records)


def _text_octets(record: object) -> int:
    match record:
        case str() | bytes():
            return len(record)
        case MailExchanger():
            return len(record.host)
        case Tlsa():
            return len(record.association)
    return 0
