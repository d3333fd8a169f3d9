"""Reads who a header says it is from, strictly: every address that a reader might be shown.

Rules of this file:
1. From, Sender, Resent-From and Resent-Sender count, all of each; addresses go through the one
   parser that everything else uses (`thurn_message`).
2. What another reader might see otherwise is a doubt: no From or several, several addresses in it
   without a Sender, groups, encoded addresses, NUL, bare CR or LF, white space before a colon,
   lines that are not fields, names that look like one of these, comments inside addresses,
   whatever the strict list parser doubts.
3. A display name is shown instead of the address by many readers: addresses in its decoded text
   are listed, also those written apart (`boss @ bank.example`, `boss@ bank . example`), with
   look-alikes of @, or with invisible characters in between. One in a charset that cannot be read
   here, or in two ways, is a doubt.
4. Linear in the header's length; the parsers' limits hold, and what is beyond them is a doubt.

RFC 5322 §3.6.2, §3.6.6, §4.5; RFC 6854 is not followed for From.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from unicodedata import category, normalize

from thurn_message.address import Address, AddressError
from thurn_message.addresslist import Mailbox, parse_address_list
from thurn_message.fields import Field, header_doubts
from thurn_message.scanner import Scan

FROM: Final = b"from"
SENDER: Final = b"sender"
FIELDS: Final = (FROM, SENDER, b"resent-from", b"resent-sender")
SINGLE: Final = (SENDER, b"resent-sender")
"""Fields that hold exactly one address."""
NAME_DOUBT: Final = "display name holds an address"
"""The strict parser's word for what is judged here by whose address it is."""
DOUBTS_SHOWN: Final = 5
ADDRESSES: Final = 50
"""In all sender fields and display names together; more is a doubt. Each costs a look-up, and
people have one or two."""
_TWO_READINGS: Final = re.compile(rb"=\?(?:utf-?(?:16|32)|ucs|unicode|iso-10646)", re.IGNORECASE)
"""Charsets whose order of octets readers guess."""
_ALIKE: Final = re.compile(rb"(?:resent-)?(?:from|sender)(?![a-z0-9-]).+")
"""A field's name that somebody might read as one of `FIELDS`, such as `From(x)`."""
_EDGES: Final = ".,;:!?'\"()[]<>{}*"
"""Characters around an address in running text."""
_SEPARATORS: Final = " \t,;:<>()[]{}\"'|/\\"


_DOT_APART: Final = re.compile(r"(?<!\s)\s++\.\s*+|\.\s++(?=[a-z])")
"""A dot inside a domain that is written apart: `bank . example`, `bank. example`. A dot and a
capital letter end a sentence (`Bob @ work. Sales`)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that a field shows.

    Attributes:
        field: the field's name in lower case.
        address: in normal form; None where it does not parse.
        in_name: it stands in a display name.
    """

    field: str
    address: Address | None
    in_name: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """Who a header says it is from.

    Attributes:
        display_name: of the first From address, decoded.
        original: the value of the first From field, unfolded.
    """

    claims: tuple[Claim, ...]
    doubts: tuple[str, ...]
    display_name: str
    original: bytes
    has_sender: bool


def read_header(scan: Scan) -> Header:
    """Everything that the sender fields of a message say."""
    fields = [field for field in scan.fields if field.name in FIELDS]
    doubts = dict.fromkeys(header_doubts(scan.content, scan.fields, scan.header_end))
    claims: dict[Claim, None] = {}
    mailboxes: dict[bytes, list[Mailbox]] = {}
    for field in fields:
        value = scan.content[field.value : field.end]
        parsed = parse_address_list(value, strict=True)
        name = field.name.decode("ascii")
        doubts |= {f"{name}: {doubt}": None for doubt in parsed.doubts if doubt != NAME_DOUBT}
        mailboxes.setdefault(field.name, []).extend(parsed.mailboxes)
        if not parsed.mailboxes:
            doubts[f"{name}: no address"] = None
        if value.count(b"@") > sum(
            m.raw.count(b"@") + m.name.count(b"@") for m in parsed.mailboxes
        ):
            doubts[f"{name}: an @ outside addresses and names"] = None  # in a comment
        if field.name in SINGLE and len(parsed.mailboxes) > 1:
            doubts[f"{name}: several addresses"] = None
        for mailbox in parsed.mailboxes[:ADDRESSES]:
            claims[Claim(name, mailbox.address)] = None
            claims |= dict.fromkeys(_in_name(name, mailbox, doubts))
        if len(claims) > ADDRESSES or len(parsed.mailboxes) > ADDRESSES:
            doubts["too many addresses"] = None
            break
    doubts |= dict.fromkeys(_counts([field.name for field in scan.fields], fields, mailboxes))
    shown = mailboxes.get(FROM, [])
    return Header(
        tuple(claims)[:ADDRESSES],
        tuple(doubts),
        shown[0].display_name if shown else "",
        scan.get(FROM) or b"",
        SENDER in mailboxes,
    )


def _counts(
    all_names: list[bytes], fields: list[Field], mailboxes: dict[bytes, list[Mailbox]]
) -> list[str]:
    """RFC 5322 §3.6: From exactly once, Sender at most once, and with it if From has several."""
    names = [field.name for field in fields]
    found = []
    if any(_ALIKE.fullmatch(name) is not None for name in all_names):
        found.append("a field that looks like From or Sender")
    if FROM not in names:
        found.append("no From")
    if names.count(FROM) > 1:
        found.append("several From fields")
    if names.count(SENDER) > 1:
        found.append("several Sender fields")
    if len(mailboxes.get(FROM, ())) > 1 and SENDER not in names:
        found.append("several addresses in From and no Sender")
    return found


def _in_name(field: str, mailbox: Mailbox, doubts: dict[str, None]) -> list[Claim]:
    """The addresses that stand in a display name."""
    decoded = mailbox.display_name
    if "=?" in decoded or _TWO_READINGS.search(mailbox.name) is not None:
        doubts[f"{field}: display name that cannot be read"] = None
    text = visible(decoded)
    if "@" not in text:
        return []
    claims = []
    for before, after in pairwise(text.split("@", ADDRESSES + 1)):
        word, address = _joined(before, after)
        if not word:
            word, address = _joined(before, _DOT_APART.sub(".", after))
        if word:
            claims.append(Claim(field, address, in_name=True))
    return claims


def visible(text: str) -> str:
    """A text as people see it: look-alikes in one form, invisible characters gone."""
    if text.isascii():
        return text
    return "".join(c for c in normalize("NFKC", text) if category(c) not in {"Cf", "Cc", "Mn"})


def _joined(before: str, after: str) -> tuple[str, Address | None]:
    """What a person reads as one address around an @; "" if nobody would.

    "bob @ work" and "@bob" are none: an address has a domain with a dot, or no space around it.
    """
    local = _last_word(before.rstrip())
    behind = after.lstrip()
    literal, end, _ = behind.partition("]")
    domain = literal + end if end and behind.startswith("[") else _first_word(behind)
    adjacent = before == before.rstrip() and after == after.lstrip()
    if not local or not domain or not (adjacent or "." in domain):
        return "", None
    word = f"{local}@{domain}"
    try:
        return word, Address.parse(word)
    except AddressError:
        return word, None


def _last_word(text: str) -> str:
    start = max(text.rfind(character) for character in _SEPARATORS) + 1
    return text[start:].strip(_EDGES)


def _first_word(text: str) -> str:
    ends = [end for character in _SEPARATORS if (end := text.find(character)) >= 0]
    return text[: min(ends, default=len(text))].strip(_EDGES)
