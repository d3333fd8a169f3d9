"""Searches of header fields in mailboxes that are searched again: one look into a kept text.

A text is made when as many headers were looked through as the mailbox has messages: the search
after the first through all of it pays for the text, those after that are fast. UIDs (with their
UIDVALIDITY) mean the same message for ever, so a text goes on with what is new; what has gone is
left out when it is found, and a text of which most has gone is made anew.

Rules of this file: all texts of a worker together have a bound; those that were not searched for
longest go first. What is waited for is only the store.
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
"""Kept texts of a worker: some eight fields of mailboxes of 100,000."""
TEXT_MESSAGES: Final = 1_000
"""In a smaller mailbox looking through the headers takes some 2 ms."""
MAILBOXES: Final = 1_024
"""Of so many mailboxes it is known how much of them was looked through."""
AT_ONCE: Final = 20_000
"""Messages that are found before the other sessions have their turn: some 10 ms."""

MailboxKey: TypeAlias = tuple[str, str, int]
"""Account, mailbox, UIDVALIDITY."""
TextKey: TypeAlias = tuple["HeaderTexts", MailboxKey, bytes]
Hits: TypeAlias = dict[HeaderKey, list[int]]
"""Ascending positions in the view for each key."""


class Shelf:
    """The texts of a worker within their bound."""

    def __init__(self, limit_octets: int) -> None:
        self._limit_octets = limit_octets
        self._texts: OrderedDict[TextKey, tuple[FieldText, int]] = OrderedDict()
        self._octets = 0

    def get(self, key: TextKey) -> FieldText | None:
        """The text, if it is kept."""
        known = self._texts.get(key)
        return known[0] if known else None

    def put(self, key: TextKey, text: FieldText) -> None:
        """Keep it, and know how large it is now."""
        self.drop(key)
        self._texts[key] = (text, text.size_octets)
        self._octets += text.size_octets
        while self._octets > self._limit_octets:
            self.drop(next(iter(self._texts)))

    def drop(self, key: TextKey) -> None:
        """Forget it."""
        known = self._texts.pop(key, None)
        if known:
            self._octets -= known[1]

    def drop_all(self, owner: HeaderTexts) -> None:
        """Forget those of a listener."""
        for key in [key for key in self._texts if key[0] is owner]:
            self.drop(key)


_SHELF: Final = Shelf(TEXTS_OCTETS)


class HeaderTexts:
    """The header texts of a listener's sessions."""

    def __init__(self, shelf: Shelf = _SHELF) -> None:
        self._shelf = shelf
        self._looked: OrderedDict[MailboxKey, int] = OrderedDict()

    def close(self) -> None:
        """Forget all."""
        self._shelf.drop_all(self)

    def looked(self, account: str, view: View, count: int) -> None:
        """So many headers of a mailbox were looked through."""
        key = _key(account, view)
        self._looked[key] = self._looked.pop(key, 0) + count
        if len(self._looked) > MAILBOXES:
            self._looked.popitem(last=False)

    async def find(self, account: str, selected: Selected, keys: Iterable[HeaderKey]) -> Hits:
        """What these keys mean; nothing where no text is to be made.

        Raises:
            StorageError: the store failed.

        Cancellation: what was read is lost.
        """
        view = selected.told
        key = _key(account, view)
        wanted = {one: name for one in keys if (name := _kept_name(one))}
        if not wanted or len(view) < TEXT_MESSAGES or self._looked.get(key, 0) < len(view):
            return {}
        texts = {name: self._text(key, name, view) for name in set(wanted.values())}
        await _read_on(selected, view, texts)
        for name, text in texts.items():
            self._shelf.put((self, key, name), text)
        return {one: await _positions(texts[name], one, view) for one, name in wanted.items()}

    def _text(self, key: MailboxKey, name: bytes, view: View) -> FieldText:
        text = self._shelf.get((self, key, name))
        if text is None or len(text.uids) > 2 * len(view):
            return FieldText()
        return text


def _key(account: str, view: View) -> MailboxKey:
    return (account, view.mailbox_id, view.uidvalidity)


def _kept_name(key: HeaderKey) -> bytes | None:
    """The field's name, if stores keep it, and a text can tell whether it has the key's."""
    name = key.field.lower().encode("utf-8", "replace")
    return name if name in CACHED_HEADERS and "\0" not in key.text else None


async def _read_on(selected: Selected, view: View, texts: dict[bytes, FieldText]) -> None:
    """The texts have all messages of the view."""
    starts: dict[int, list[bytes]] = {}
    for name, text in texts.items():
        start = bisect_right(view.uids, text.last_uid)
        if start < len(view):
            starts.setdefault(start, []).append(name)
    for start, names in starts.items():
        for name, piece in (await _read(selected, view, start, names)).items():
            texts[name].join(piece)  # another session may have done it meanwhile


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
    found: list[int] = []
    more = text.find(needle, 0, AT_ONCE)
    while more:
        found += more
        if len(more) < AT_ONCE:
            break
        await trio.lowlevel.checkpoint()
        more = text.find(needle, more[-1] + 1, AT_ONCE)
    return text.positions(found, view.uids)
