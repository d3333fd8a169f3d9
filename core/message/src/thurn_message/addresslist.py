"""Address lists of header fields: mailboxes and groups, read leniently, with the doubts noted.

Rules of this file:
1. Nothing raises and nothing is thrown away silently: what does not fit the grammar is read the way
   most agents read it and named in `AddressList.doubts`.
2. Entries keep the octets of the field (quoting removed, encoded words kept), since ENVELOPE shows
   those; `Mailbox.display_name` is for people and `Mailbox.address` is for decisions.
3. Only the module `address` judges whether an address is valid. Code that decides by a header (the
   sender check) refuses a list that has doubts.
4. One pass over the tokens, no recursion; comments nest to any depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from thurn_message.address import Address, AddressError
from thurn_message.encodedword import decode_words
from thurn_message.fields import unfold
from thurn_message.limits import MAX_ADDRESSES

_ATOM: Final = rb'[^\s"(),:;<>@\[\]\\]++'
_TOKEN: Final = re.compile(
    rb"(?P<space>\s++)|(?P<quoted>"
    rb'"(?:[^"\\]|\\.)*+"?)|(?P<literal>\[[^\[\]\\\s]*+\])|(?P<atom>'
    + _ATOM
    + rb")|(?P<special>.)",
    re.DOTALL,
)
_PAREN: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")
_ENCODED: Final = b"=?"
_DOT: Final = re.compile(rb" ?\. ?")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a list, as the field has it.

    Attributes:
        name: the display name without quotes, encoded words not decoded; empty if absent.
        route: the obsolete source route, usually empty.
        local: the local part without quotes.
        domain: the octets after the last @; empty without an @.
        raw: the address as written, quotes included.
    """

    name: bytes
    route: bytes
    local: bytes
    domain: bytes
    raw: bytes

    @property
    def display_name(self) -> str:
        """The name for people, decoded."""
        return decode_words(self.name)

    @property
    def address(self) -> Address | None:
        """The address in normal form, or None if it is invalid or doubtful."""
        try:
            return Address.parse(self.raw)
        except AddressError:
            return None


@dataclass(frozen=True, slots=True)
class Group:
    """A named group of mailboxes, often empty (`undisclosed-recipients:;`)."""

    name: bytes
    members: tuple[Mailbox, ...]


ListedAddress: TypeAlias = Mailbox | Group


@dataclass(frozen=True, slots=True)
class AddressList:
    """The entries of a field, and the reasons to doubt them.

    Attributes:
        entries: mailboxes and groups in order.
        doubts: what a strict reader would refuse, each a short phrase, each once.
    """

    entries: tuple[ListedAddress, ...]
    doubts: tuple[str, ...]

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """All mailboxes, those in groups included."""
        mailboxes: list[Mailbox] = []
        for entry in self.entries:
            mailboxes.extend(entry.members if isinstance(entry, Group) else (entry,))
        return tuple(mailboxes)


def parse_address_list(value: bytes, *, strict: bool = False) -> AddressList:
    """The addresses of a field's value (From, Sender, Reply-To, To, Cc, Bcc, Resent-*).

    Args:
        value: the value, folded or not.
        strict: also note entries that can mislead people or programs: groups, quoted local parts
            with an @ in them, display names that hold an address, addresses that do not parse,
            and control characters.

    RFC 5322 §3.4, §4.4; RFC 6854.
    """
    reader = _Reader(value)
    reader.read()
    doubts = reader.doubts
    entries = tuple(reader.entries)
    if strict:
        if _CONTROL.search(value) is not None:
            doubts["control character"] = None
        for entry in entries:
            doubts.update(dict.fromkeys(_misleading(entry)))
    return AddressList(entries, tuple(doubts))


def _misleading(entry: ListedAddress) -> list[str]:
    if isinstance(entry, Group):
        reasons = ["group"]
        members = entry.members
    else:
        reasons, members = [], (entry,)
    for mailbox in members:
        if mailbox.address is None:
            reasons.append("address does not parse")
        if b"@" in mailbox.local:
            reasons.append("quoted local part with an @")
        if _ENCODED in mailbox.local or _ENCODED in mailbox.domain:
            reasons.append("encoded word in an address")
        if "@" in mailbox.display_name:
            reasons.append("display name holds an address")
    return reasons


class _Reader:
    """The state of one pass: the words of the entry at hand, its angle address, its group."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.entries: list[ListedAddress] = []
        self.doubts: dict[str, None] = {}
        self.count = 0
        self.group: bytes | None = None
        self.members: list[Mailbox] = []
        self.clear()

    def clear(self) -> None:
        """Begin a new entry."""
        self.words: list[tuple[str, bytes]] = []  # phrase, or address without < >
        self.angle: list[tuple[str, bytes]] | None = None
        self.in_angle = False
        self.in_route = False  # between "<@" and its colon: commas are part of the route
        self.has_at = False
        self.spaced = False  # white space before the next word
        self.comment = b""

    def doubt(self, reason: str) -> None:
        """Note what a strict reader would refuse."""
        self.doubts[reason] = None

    def read(self) -> None:
        """Go through the tokens once."""
        value = self.value
        position, end = 0, len(value)
        while self.count < MAX_ADDRESSES and (match := _TOKEN.match(value, position)) is not None:
            kind, token = match.lastgroup or "special", match[0]
            position = match.end()
            if kind == "space":
                self.spaced = True
            elif token == b"(":
                position = self.skip_comment(position)
            elif kind == "special":
                self.special(token)
            else:
                if kind == "quoted" and (len(token) < 2 or not token.endswith(b'"')):
                    self.doubt("quoted string without end")
                self.word(kind, token)
        if position < end:
            self.doubt("too many addresses")
        if self.in_angle:
            self.doubt("angle bracket without end")
        self.finish()
        self.end_group(closed=False)

    def skip_comment(self, position: int) -> int:
        """Keep the comment whose text begins here, and return the offset after its end.

        The last comment of an entry is the mailbox's name if there is no phrase.
        """
        start, depth = position, 1
        while depth:
            match = _PAREN.search(self.value, position)
            if match is None:
                self.doubt("comment without end")
                position = len(self.value)
                break
            position = match.end()
            depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if self.in_angle or (self.words and self.words[-1][1] == b"@"):
            self.doubt("comment inside an address")
        self.comment = self.value[start : max(start, position - 1)]
        self.spaced = True
        return position

    def word(self, kind: str, token: bytes) -> None:
        """Add an atom, a quoted string or a domain literal to the entry."""
        target = self.angle if self.in_angle and self.angle is not None else self.words
        if self.angle is not None and not self.in_angle:
            self.doubt("text after an address")
        if self.spaced and target:
            target.append(("space", b" "))
        self.spaced = False
        target.append((kind, token))

    def special(self, token: bytes) -> None:
        """Act on one of the characters that give a list its shape."""
        if token == b"<":
            if self.angle is not None:
                self.doubt("angle bracket out of place")
            self.angle, self.in_angle, self.spaced = [], True, False
        elif token == b">":
            if not self.in_angle:
                self.doubt("angle bracket out of place")
            self.in_angle = False
        elif token == b"," and not self.in_route:
            if not self.words and self.angle is None:
                self.doubt("empty element")
            if self.in_angle:
                self.doubt("angle bracket without end")
            self.finish()
        elif token == b";" and not self.in_angle:
            self.finish()
            self.end_group(closed=True)
        elif token == b":" and not self.in_angle and self.begins_group():
            self.group = _phrase(self.words)
            self.clear()
        else:
            self.other(token)

    def other(self, token: bytes) -> None:
        """Add a special character inside an address or a phrase to the entry."""
        if token == b"@":
            self.has_at = True
            # obs-route = "@" domain *("," "@" domain) ":" (RFC 5322 §4.4)
            self.in_route = self.in_route or (self.in_angle and not self.angle)
        elif token == b":":
            self.in_route = False
        elif token != b",":
            self.doubt("stray character")
        self.word("special", token)

    def begins_group(self) -> bool:
        """Whether a colon here ends a group's name."""
        return self.group is None and self.angle is None and not self.has_at

    def end_group(self, *, closed: bool) -> None:
        """Close the open group, if there is one."""
        if self.group is None:
            if closed:
                self.doubt("semicolon outside a group")
            return
        if not closed:
            self.doubt("group without end")
        self.entries.append(Group(self.group, tuple(self.members)))
        self.count += 1
        self.group, self.members = None, []

    def finish(self) -> None:
        """Make a mailbox from the entry at hand, and begin a new entry."""
        if self.words or self.angle is not None:
            mailbox = self.mailbox()
            if self.group is None:
                self.entries.append(mailbox)
            else:
                self.members.append(mailbox)
            self.count += 1
        self.clear()

    def mailbox(self) -> Mailbox:
        """The mailbox that the words and the angle address gathered so far make."""
        if self.angle is None:
            name, spec = self.comment.strip(), self.words
        else:
            name, spec = _phrase(self.words), self.angle
            if not name:
                name = self.comment.strip()
        route = b""
        if spec and spec[0][1] == b"@" and ("special", b":") in spec:
            cut = spec.index(("special", b":"))
            route = b"".join(token for _, token in spec[:cut])
            spec = spec[cut + 1 :]
            self.doubt("source route")
        return self.addr_spec(unfold(name), route, spec)

    def addr_spec(self, name: bytes, route: bytes, spec: list[tuple[str, bytes]]) -> Mailbox:
        """The mailbox, its address split at the last @ outside quotes. RFC 5322 §3.4.1."""
        ats = [index for index, item in enumerate(spec) if item == ("special", b"@")]
        if len(ats) > 1:
            self.doubt("several @ in an address")
        if not ats:
            self.doubt("address without a domain")
        inner = spec[1:-1]
        if any(kind == "space" for kind, _ in inner):
            self.doubt("white space inside an address")
        cut = ats[-1] if ats else len(spec)
        local = b"".join(_unquoted(kind, token) for kind, token in spec[:cut]).strip()
        domain = b"".join(token for _, token in spec[cut + 1 :]).strip()
        # obs-domain, obs-local-part: white space around a dot means nothing. RFC 5322 §4.4.
        if b" " in domain:
            domain = _DOT.sub(b".", domain)
        if b" " in local and all(kind != "quoted" for kind, _ in spec[:cut]):
            local = _DOT.sub(b".", local)
        raw = b"".join(token for _, token in spec).strip()
        return Mailbox(name, route, local, domain, raw)


def _unquoted(kind: str, token: bytes) -> bytes:
    if kind != "quoted":
        return token
    inner = token[1:-1] if len(token) > 1 and token.endswith(b'"') else token[1:]
    return unfold(_PAIR.sub(rb"\1", inner)) if b"\\" in inner or b"\n" in inner else inner


def _phrase(words: list[tuple[str, bytes]]) -> bytes:
    return b"".join(_unquoted(kind, token) for kind, token in words).strip()
