"""Reads the senders that a header names, strictly: every address that a reader might show.

Rules of this file:
1. All From, Sender, Resent-From and Resent-Sender fields count. Addresses are parsed by the one
   parser that everything else uses (`thurn_message`).
2. A header that another reader might understand differently is doubtful: no From or several,
   several addresses in it without a Sender, groups, encoded addresses, NUL, bare CR or LF, white
   space before a colon, lines that are not fields, field names that look like one of these,
   comments inside addresses, and everything that the strict list parser doubts.
3. Many readers show a display name instead of the address, so the addresses in its decoded text are
   listed, even if they are written apart (`boss @ bank.example`, `boss@ bank . example`), with
   characters that look like @, or with invisible characters in between. A name in a charset that
   cannot be read here, or that can be read in two ways, is doubtful.
4. The work is linear in the header's length. A header beyond the parsers' limits is doubtful.

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
"""The names of the sender fields, in lower case."""
SINGLE: Final = (SENDER, b"resent-sender")
"""The fields that hold exactly one address."""
NAME_DOUBT: Final = "display name holds an address"
"""A doubt of the strict parser that is left out here, since such addresses are checked
themselves."""
DOUBTS_SHOWN: Final = 5
"""Doubts and addresses that one line of the journal names."""
ADDRESSES: Final = 50
"""Addresses in all sender fields and display names together; a header with more is doubtful. Each
costs a look-up, and honest headers have one or two."""
_TWO_READINGS: Final = re.compile(rb"=\?(?:utf-?(?:16|32)|ucs|unicode|iso-10646)", re.IGNORECASE)
"""Charsets whose order of octets readers have to guess."""
_ALIKE: Final = re.compile(rb"(?:resent-)?(?:from|sender)(?![a-z0-9-]).+")
"""The name of a field that a reader might take for one of `FIELDS`, such as `From(x)`."""
_EDGES: Final = ".,;:!?'\"()[]<>{}*"
"""Characters that may surround an address in running text."""
_SEPARATORS: Final = " \t,;:<>()[]{}\"'|/\\"
"""Characters that end an address in running text."""


_DOT_APART: Final = re.compile(r"(?<!\s)\s++\.\s*+|\.\s++(?=[a-z])")
"""A dot inside a domain that is written apart: `bank . example`, `bank. example`. A dot and a
capital letter end a sentence (`Bob @ work. Sales`)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that a field shows.

    Attributes:
        field: the field's name in lower case.
        address: the address in normal form; None if it does not parse.
        in_name: whether it is in a display name.
    """

    field: str
    address: Address | None
    in_name: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """The senders that a header names.

    Attributes:
        claims: the addresses that it shows.
        doubts: the reasons why readers may understand it differently.
        display_name: the display name of the first From address, decoded.
        original: the value of the first From field, unfolded.
        has_sender: whether there is a Sender field.
    """

    claims: tuple[Claim, ...]
    doubts: tuple[str, ...]
    display_name: str
    original: bytes
    has_sender: bool


def read_header(scan: Scan) -> Header:
    """Read the sender fields of a message."""
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
    """The doubts about numbers of fields and addresses.

    There must be one From, at most one Sender, and a Sender if From has several addresses. RFC 5322
    §3.6.
    """
    names = [field.name for field in fields]
    doubts = []
    if any(_ALIKE.fullmatch(name) is not None for name in all_names):
        doubts.append("a field that looks like From or Sender")
    if FROM not in names:
        doubts.append("no From")
    if names.count(FROM) > 1:
        doubts.append("several From fields")
    if names.count(SENDER) > 1:
        doubts.append("several Sender fields")
    if len(mailboxes.get(FROM, ())) > 1 and SENDER not in names:
        doubts.append("several addresses in From and no Sender")
    return doubts


def _in_name(field: str, mailbox: Mailbox, doubts: dict[str, None]) -> list[Claim]:
    """The addresses in a display name."""
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
    """A text as people see it: characters that look alike are the same, invisible ones are left
    out."""
    if text.isascii():
        return text
    return "".join(c for c in normalize("NFKC", text) if category(c) not in {"Cf", "Cc", "Mn"})


def _joined(before: str, after: str) -> tuple[str, Address | None]:
    """The text around an @ that a person reads as one address, and the address; "" if none does.

    "bob @ work" and "@bob" do not count: an address has a dot in its domain, or no space at the @.
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
