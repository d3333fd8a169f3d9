"""What a SEARCH key is compiled to; extensions compile theirs to the same.

Rules of this file: a check says what it has to see of a message; the program asks cheap checks
first, and dearer ones only about messages that passed them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from thurn.plugin import Content, MessageSummary, StorageTrouble, View
from thurn_message.scanner import Scan
from thurn_wire.imap.search import SearchKey

from thurn_listener_imap.limits import SCAN_APART_OCTETS
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.search.headertext import HeaderTexts, KnownMatches
from thurn_listener_imap.search.text import body_texts, plain_octets


class Cost(IntEnum):
    """What a check has to see of a message, cheapest first."""

    COLUMNS = 0
    HEADERS = 1
    SUMMARY = 2
    CONTENT = 3


class Candidate:
    """The message that is being judged.

    Attributes:
        at: its position in the view.
        headers: the header fields that the store keeps, for checks from `Cost.HEADERS` on.
        summary: the message's summary, for checks from `Cost.SUMMARY` on.
    """

    __slots__ = ("_content", "_looked", "_plain", "_scan", "_texts", "at", "headers", "summary")

    def __init__(
        self, at: int, headers: bytes | None = None, summary: MessageSummary | None = None
    ) -> None:
        self.at = at
        self.headers = headers
        self.summary = summary
        self._looked = False
        self._plain: bytes | None = None
        self._content: Content | None = None
        self._scan: Scan | None = None
        self._texts: dict[bool, list[str]] = {}

    def open(self, content: Content) -> None:
        """Let checks read the octets."""
        self._content = content

    def may_hold(self, words: Sequence[bytes]) -> bool:
        """Whether the raw octets allow that a text of BODY or TEXT has these `necessary_words`.

        Raises:
            StorageTrouble: the message cannot be read.
        """
        if not words:
            return True
        if not self._looked:
            self._looked = True
            content = self._content
            if content is not None and content.size_octets <= SCAN_APART_OCTETS:
                try:
                    self._plain = plain_octets(content.read())
                except OSError as error:
                    raise StorageTrouble(str(error)) from error
        plain = self._plain
        return plain is None or all(word in plain for word in words)

    @property
    def scan(self) -> Scan:
        """The scanned message, for checks of `Cost.CONTENT`; scanned at first use.

        Raises:
            StorageTrouble: the message cannot be read.
        """
        if self._scan is None:
            if self._content is None:
                raise StorageTrouble("the message was not opened")
            try:
                self._scan = self._content.scan
            except OSError as error:
                raise StorageTrouble(str(error)) from error
        return self._scan

    def texts(self, *, headers: bool) -> list[str]:
        """The texts that BODY (with `headers`, TEXT) searches, decoded once for all keys."""
        texts = self._texts.get(headers)
        if texts is None:
            texts = self._texts[headers] = list(body_texts(self.scan, headers=headers))
        return texts


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a message matches a key.

    Attributes:
        cost: what `test` has to see.
        test: the judgement.
        select: the same for many positions at once, where that is cheaper; `Cost.COLUMNS` only.
        plain: the text that is searched for, where `may_hold` can rule messages out;
            `Cost.HEADERS` only.
        summary: `test` looks at headers or summary; always so for `Cost.HEADERS` and
            `Cost.SUMMARY`.
    """

    cost: Cost
    test: Callable[[Candidate], bool]
    select: Callable[[Sequence[int]], Sequence[int]] | None = None
    plain: bytes | None = None
    summary: bool = True

    @property
    def needs_summary(self) -> bool:
        """Whether a `Candidate` must have headers and summary."""
        return self.summary and self.cost is not Cost.COLUMNS


@dataclass(frozen=True, slots=True)
class Scope:
    """What the checks of one SEARCH may look at.

    Attributes:
        selected: the mailbox.
        account: whose mailbox it is.
        texts: the worker's header texts; None: each header is searched.
        known: positions that match keys of header fields, where a text gave them.
    """

    selected: Selected
    account: str = ""
    texts: HeaderTexts | None = None
    known: KnownMatches = field(default_factory=dict)

    @property
    def view(self) -> View:
        """What the client has been told."""
        return self.selected.told


CompileKey: TypeAlias = Callable[[SearchKey, Scope], Check]
"""Compiles keys of one kind."""
