"""Texts of header fields that are kept, so that a mailbox which is searched again is searched fast.

A text is made when as many headers were searched as the mailbox has messages: the second search
through a whole mailbox pays for the text, and those after it are fast. A UID (with its UIDVALIDITY)
names the same message for ever, so new messages are added to a text; matches in messages that are
gone are left out, and a text is made anew when most of its messages are gone.

Rules of this file: all texts of a worker together have a bound, and those that were not searched
for longest are dropped first. Only the store is waited for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Final, TypeAlias

import trio
from thurn.plugin import CACHED_HEADERS, View
from thurn_wire.imap.search import HeaderKey

from thurn_listener_imap.limits import BATCH_MESSAGES
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.search.fieldtext import FieldText, value_reader
from thurn_listener_imap.search.text import fold

TEXTS_OCTETS: Final = 33_554_432
"""Octets of all texts of a worker: eight fields of mailboxes of 100,000 messages."""
TEXT_MESSAGES: Final = 1_000
"""Messages of the smallest mailbox that gets a text; in it, searching the headers takes 2 ms."""
MAILBOXES: Final = 1_024
"""Mailboxes of which a listener knows how many headers were searched."""
AT_ONCE: Final = 20_000
"""Matches that are found before other sessions have their turn; they take 10 ms."""

MailboxKey: TypeAlias = tuple[str, str, int]
"""Account, mailbox, UIDVALIDITY."""
TextKey: TypeAlias = tuple["HeaderTexts", MailboxKey, bytes]
KnownMatches: TypeAlias = dict[HeaderKey, list[int]]
"""The positions in the view that match each key, ascending."""


class TextCache:
    """The texts of a worker, within their bound."""

    def __init__(self, limit_octets: int) -> None:
        self._limit_octets = limit_octets
        self._texts: OrderedDict[TextKey, tuple[FieldText, int]] = OrderedDict()
        self._octets = 0

    def get(self, key: TextKey) -> FieldText | None:
        """The text; None if it is not kept."""
        known = self._texts.get(key)
        return known[0] if known else None

    def put(self, key: TextKey, text: FieldText) -> None:
        """Keep a text that has grown to its present size."""
        self.drop(key)
        self._texts[key] = (text, text.size_octets)
        self._octets += text.size_octets
        while self._octets > self._limit_octets:
            self.drop(next(iter(self._texts)))

    def drop(self, key: TextKey) -> None:
        """Drop a text."""
        known = self._texts.pop(key, None)
        if known:
            self._octets -= known[1]

    def drop_all(self, owner: HeaderTexts) -> None:
        """Drop the texts of a listener."""
        for key in [key for key in self._texts if key[0] is owner]:
            self.drop(key)


_CACHE: Final = TextCache(TEXTS_OCTETS)


class HeaderTexts:
    """The header texts of a listener's sessions."""

    def __init__(self, cache: TextCache = _CACHE) -> None:
        self._cache = cache
        self._searched: OrderedDict[MailboxKey, int] = OrderedDict()

    def close(self) -> None:
        """Drop all of them."""
        self._cache.drop_all(self)

    def note_searched(self, account: str, view: View, count: int) -> None:
        """So many headers of a mailbox were searched one by one."""
        key = _key(account, view)
        self._searched[key] = self._searched.pop(key, 0) + count
        if len(self._searched) > MAILBOXES:
            self._searched.popitem(last=False)

    async def find(
        self, account: str, selected: Selected, keys: Iterable[HeaderKey]
    ) -> KnownMatches:
        """The messages that match these keys; no key is in it where there is no text to be made.

        Raises:
            StorageError: the store failed.

        Cancellation: what was read is lost.
        """
        view = selected.told
        key = _key(account, view)
        wanted = {one: name for one in keys if (name := _kept_name(one))}
        if not wanted or len(view) < TEXT_MESSAGES or self._searched.get(key, 0) < len(view):
            return {}
        texts = {name: self._text(key, name, view) for name in set(wanted.values())}
        await _read_on(selected, view, texts)
        for name, text in texts.items():
            self._cache.put((self, key, name), text)
        return {one: await _positions(texts[name], one, view) for one, name in wanted.items()}

    def _text(self, key: MailboxKey, name: bytes, view: View) -> FieldText:
        text = self._cache.get((self, key, name))
        if text is None or len(text.uids) > 2 * len(view):
            return FieldText()
        return text


def _key(account: str, view: View) -> MailboxKey:
    return (account, view.mailbox_id, view.uidvalidity)


def _kept_name(key: HeaderKey) -> bytes | None:
    """The name of the field, if a text of it can answer the key; else None."""
    name = key.field.lower().encode("utf-8", "replace")
    return name if name in CACHED_HEADERS and "\0" not in key.text else None


async def _read_on(selected: Selected, view: View, texts: dict[bytes, FieldText]) -> None:
    """Add to the texts what they lack of the view's messages."""
    starts: dict[int, list[bytes]] = {}
    for name, text in texts.items():
        start = bisect_right(view.uids, text.last_uid)
        if start < len(view):
            starts.setdefault(start, []).append(name)
    for start, names in starts.items():
        for name, piece in (await _read(selected, view, start, names)).items():
            texts[name].join(piece)  # another session may have added them meanwhile


async def _read(
    selected: Selected, view: View, start: int, names: Collection[bytes]
) -> dict[bytes, FieldText]:
    pieces = {name: (FieldText(), value_reader(name)) for name in names}
    for low in range(start, len(view), BATCH_MESSAGES):
        uids = view.uids[low : low + BATCH_MESSAGES]
        headers = await selected.mailbox.headers(uids)
        for piece, read in pieces.values():
            piece.add(uids, map(read, headers))
    return {name: piece for name, (piece, _) in pieces.items()}


async def _positions(text: FieldText, key: HeaderKey, view: View) -> list[int]:
    needle = fold(key.text).encode("utf-8", "surrogatepass")
    matches: list[int] = []
    more = text.find(needle, 0, AT_ONCE)
    while more:
        matches += more
        if len(more) < AT_ONCE:
            break
        await trio.lowlevel.checkpoint()
        more = text.find(needle, more[-1] + 1, AT_ONCE)
    return text.positions(matches, view.uids)
