r"""Each SEARCH key of RFC 9051 §6.4.4 and RFC 7162 as a check.

Rules of this file: no message has the flag \Recent (docs/adr/0006), so RECENT and NEW match nothing
and OLD matches every message. INTERNALDATE is compared in UTC, as FETCH tells it; Date is compared
in the zone that it names.
"""

from __future__ import annotations

import datetime
from bisect import bisect_left, bisect_right
from calendar import timegm
from collections.abc import Callable, Sequence

from thurn.plugin import CACHED_HEADERS
from thurn_message.date import parse_date
from thurn_message.fields import read_fields, unfold
from thurn_wire.imap.search import (
    DateKey,
    FlagKey,
    HeaderKey,
    ModseqKey,
    Place,
    Relation,
    SequenceKey,
    SizeKey,
    TextKey,
)

from thurn_listener_imap.mailbox.numbers import Span
from thurn_listener_imap.search.check import Candidate, Check, Cost, Scope
from thurn_listener_imap.search.fieldtext import value_reader
from thurn_listener_imap.search.text import (
    field_reader,
    field_text,
    fold,
    may_hold,
    necessary_words,
    plain_word,
)

DAY_SECONDS = 86_400


def flag_check(key: FlagKey, scope: Scope) -> Check:
    """SEEN, UNSEEN, KEYWORD …."""
    flags = scope.view.flags
    bit = scope.selected.flags.bit(key.flag)
    wanted = bit if key.present else 0
    if not bit:  # no message has the flag
        return nothing() if key.present else everything()

    def select(positions: Sequence[int]) -> list[int]:
        return [at for at in positions if flags[at] & bit == wanted]

    return Check(Cost.COLUMNS, lambda one: flags[one.at] & bit == wanted, select)


def everything() -> Check:
    """ALL."""
    return Check(Cost.COLUMNS, lambda _: True, lambda positions: positions)


def nothing() -> Check:
    """A key that no message matches."""
    return Check(Cost.COLUMNS, lambda _: False, lambda _: ())


def size_check(key: SizeKey, scope: Scope) -> Check:
    """LARGER and SMALLER."""
    sizes, bound = scope.view.sizes, key.size_octets
    if key.larger:
        return Check(Cost.COLUMNS, lambda one: sizes[one.at] > bound)
    return Check(Cost.COLUMNS, lambda one: sizes[one.at] < bound)


def modseq_check(key: ModseqKey, scope: Scope) -> Check:
    """MODSEQ; a message has one number for all its flags. RFC 7162 §3.1.5."""
    modseqs, bound = scope.view.modseqs, key.modseq
    return Check(Cost.COLUMNS, lambda one: modseqs[one.at] >= bound)


def sequence_check(key: SequenceKey, scope: Scope) -> Check:
    """A set of numbers or UIDs; a number that does not exist matches no message.

    RFC 9051 §9 (seq-number) has BAD for it. Clients search an empty or shorter mailbox for `1:*` or
    for numbers that another session has expunged, and take BAD for a broken server; a search asks
    which messages exist.
    """
    return spans_check(scope.selected.spans(key.sequence, uid=key.uid, existing_only=True))


def spans_check(spans: Sequence[Span]) -> Check:
    """Positions within spans."""
    starts = [low for low, _ in spans]

    def test(one: Candidate) -> bool:
        n = bisect_right(starts, one.at) - 1
        return n >= 0 and one.at < spans[n][1]

    return Check(Cost.COLUMNS, test)


def date_check(key: DateKey, scope: Scope) -> Check:
    """BEFORE, ON, SINCE, and those of the Date field."""
    if key.sent:
        compare = _compare(key.relation, key.date)
        return Check(Cost.HEADERS, lambda one: _sent_matches(one, compare))
    received = scope.view.received
    start = timegm(key.date.timetuple())
    match key.relation:
        case Relation.BEFORE:
            return Check(Cost.COLUMNS, lambda one: received[one.at] < start)
        case Relation.SINCE:
            return Check(Cost.COLUMNS, lambda one: received[one.at] >= start)
        case Relation.ON:
            end = start + DAY_SECONDS
            return Check(Cost.COLUMNS, lambda one: start <= received[one.at] < end)


def _compare(relation: Relation, date: datetime.date) -> Callable[[datetime.date], bool]:
    match relation:
        case Relation.BEFORE:
            return lambda sent: sent < date
        case Relation.SINCE:
            return lambda sent: sent >= date
        case Relation.ON:
            return lambda sent: sent == date


def _sent_matches(one: Candidate, compare: Callable[[datetime.date], bool]) -> bool:
    headers = one.headers
    if headers is None:
        return False
    for field in read_fields(headers, 0, len(headers)):
        if field.name == b"date":
            sent = parse_date(unfold(headers[field.value : field.end]))
            # RFC 9051 §6.4.4: the date as it is written, whatever its time and zone.
            return sent is not None and compare(sent.date())
    return False


def known_check(matches: list[int]) -> Check:
    """A key whose matches are known, as ascending positions."""

    def test(one: Candidate) -> bool:
        n = bisect_left(matches, one.at)
        return n < len(matches) and matches[n] == one.at

    def select(positions: Sequence[int]) -> Sequence[int]:
        if isinstance(positions, range):  # of step 1
            low = bisect_left(matches, positions.start)
            return matches[low : bisect_left(matches, positions.stop)]
        among = set(matches)
        return [at for at in positions if at in among]

    return Check(Cost.COLUMNS, test, select)


def header_check(key: HeaderKey, scope: Scope) -> Check:
    """HEADER, SUBJECT, FROM …: the message is read only for fields that stores do not keep."""
    if key in scope.known:
        return known_check(scope.known[key])
    name = key.field.lower().encode("utf-8", "replace")
    needle = fold(key.text)
    if name in CACHED_HEADERS:
        plain = plain_word(name, needle)
        return Check(Cost.HEADERS, _cached_header_test(name, needle, plain), plain=plain)

    text_of = field_reader(name)

    def test(one: Candidate) -> bool:
        scan = one.scan
        return any(
            field.name == name and needle in text_of(scan.content[field.value : field.end])
            for field in scan.fields
        )

    return Check(Cost.CONTENT, test, summary=False)


def _cached_header_test(
    name: bytes, needle: str, plain: bytes | None
) -> Callable[[Candidate], bool]:
    if "\0" in needle:
        return lambda one: _is_in_a_value(needle, name, one.headers)
    read, wanted = value_reader(name), needle.encode("utf-8", "surrogatepass") or b"\0"

    def test(one: Candidate) -> bool:
        headers = one.headers
        # Most messages end here, since the text is in none of their fields.
        if headers is None or (plain is not None and not may_hold(plain, headers)):
            return False
        return wanted in read(headers)

    return test


def _is_in_a_value(needle: str, name: bytes, headers: bytes | None) -> bool:
    fields = read_fields(headers, 0, len(headers)) if headers else ()
    return any(
        field.name == name and needle in field_text(headers or b"", field) for field in fields
    )


def text_check(key: TextKey) -> Check:
    """BODY and TEXT."""
    needle = fold(key.text)
    words = necessary_words(needle)
    with_headers = key.place is Place.TEXT

    def test(one: Candidate) -> bool:
        # Most messages end here, without being scanned.
        if not one.may_hold(words):
            return False
        return any(needle in text for text in one.texts(headers=with_headers))

    return Check(Cost.CONTENT, test, summary=False)
