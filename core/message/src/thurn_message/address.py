"""The one address type: one parser, one normal form; doubtful addresses are refused.

Rules of this file:
1. The last @ outside quotes decides where the domain begins. `%`, `!` and `+` in a local part have
   no meaning here; comments, white space outside quotes, groups and display names are refused
   (those are header syntax, see `addresslist`). A source route (`@a,@b:c@d`) is refused, too;
   `parse_path` alone drops it, so that nothing behind SMTP's MAIL and RCPT ever sees one.
2. The normal form of a domain is lower case, in A-labels, without a final dot. An address literal
   is `[192.0.2.1]` or `[IPv6:2001:db8::1]` in the shortest spelling; an IPv4-mapped one becomes the
   IPv4 literal. A name that ends in a number is refused (RFC 1123 §2.1).
3. The normal form of a local part has no quotes and no quoting backslashes and keeps its case;
   `str()` quotes again only where it must. `key` is the form for look-ups.
4. The parser also refuses controls, NUL, broken UTF-8, 8-bit octets in a transaction without
   SMTPUTF8, invisible characters, empty labels, and everything over the limits.
5. `<>` and `<postmaster>` are not addresses; code that reads paths asks `is_postmaster` first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from unicodedata import category, normalize

import idna

MAX_LOCAL_OCTETS: Final = 64
"""Length of a local part in octets, as received, quotes included. RFC 5321 §4.5.3.1.1."""
MAX_DOMAIN_OCTETS: Final = 255
"""Length of a domain in octets, both as received and in A-labels. RFC 5321 §4.5.3.1.2."""
MAX_PATH_OCTETS: Final = 256
"""Length of a source route in octets: that of a whole path. RFC 5321 §4.5.3.1.3."""
MAX_LABEL_OCTETS: Final = 63
"""Length of one label of a domain in octets. RFC 1035 §2.3.4."""

REMEMBERED_ADDRESSES: Final = 4096
"""Addresses that are remembered in parsed form; the same few thousand appear again and again.
They take about half a megabyte."""
REMEMBERED_CHARACTERS: Final = 80
"""Characters of an address that is remembered; longer ones are rare."""

NEEDS_SMTPUTF8: Final = "non-ASCII address without SMTPUTF8"
"""The reason that a listener answers with its own status (553 5.6.7, RFC 6531 §3.5)."""

_ATEXT: Final = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
# The ordinary case in one flat pattern. A domain of at most 63 octets cannot hold a label over 63,
# and since its last octet is a letter, it cannot end in a number.
_ORDINARY: Final = re.compile(
    rf"([{_ATEXT}][{_ATEXT}.]{{0,63}})@([A-Za-z0-9][A-Za-z0-9.-]{{0,61}}[A-Za-z])"
)
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~])*+)"@')
_PAIR: Final = re.compile(r"\\(.)")
_ATOMS: Final = re.compile(rf"[{_ATEXT}.\x80-\U0010ffff]*+")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SPECIAL: Final = re.compile(r'["\\]')
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


class AddressError(ValueError):
    """The text is not an address, or it is an address that readers may understand differently.

    Attributes:
        reason: what is wrong, one short phrase for the log; it never quotes the input.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address in normal form; made by `parse` or `parse_path`, never by hand from input.

    Two addresses are equal if they are the same octets in normal form. The domain's owner decides
    whether `Bob` and `bob` are one account (RFC 5321 §2.4), so look-ups use `key`.

    Attributes:
        local: the local part without quotes, its case unchanged.
        domain: the domain in normal form.
    """

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str | bytes) -> Address:
        """The address that the whole text is; it may be internationalised (RFC 6532).

        Raises:
            AddressError: the text is not an address, or a doubtful one.

        RFC 5321 §4.1.2 (Mailbox), RFC 6531 §3.3.
        """
        if isinstance(text, bytes):
            try:
                text = text.decode()
            except UnicodeDecodeError:
                raise AddressError("broken UTF-8") from None
        return _parse_remembered(text) if len(text) <= REMEMBERED_CHARACTERS else _parse(text)

    @classmethod
    def parse_path(cls, path: bytes, *, smtputf8: bool) -> Address:
        """The address of a path of MAIL or RCPT, given as the octets between `<` and `>`.

            Path  = [ A-d-l ":" ] Mailbox
            A-d-l = "@" Domain *( "," "@" Domain )

        The A-d-l (the source route) must be accepted and is ignored: the address is the Mailbox.

        Args:
            path: neither empty (the null path) nor `postmaster` alone; the caller treats both.
            smtputf8: whether the transaction has the SMTPUTF8 parameter.

        Raises:
            AddressError: the path is not an address, or a doubtful one. The reason is
                `NEEDS_SMTPUTF8` if it is not ASCII and the transaction lacks the parameter.

        RFC 5321 §3.3, §4.1.2, RFC 6531 §3.3.
        """
        # RFC 6531 §3.4: without the parameter an address is ASCII.
        if not smtputf8 and not path.isascii():
            raise AddressError(NEEDS_SMTPUTF8)
        return cls.parse(_without_route(path) if path.startswith(b"@") else path)

    @property
    def key(self) -> str:
        """The form for look-ups: local part in lower case (and NFC), then the domain."""
        local = self.local
        if not local.isascii():
            local = normalize("NFC", local)
        return f"{local.lower()}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether it can be sent without SMTPUTF8."""
        return self.local.isascii()

    @property
    def is_literal(self) -> bool:
        """Whether the domain is an address literal."""
        return self.domain.startswith("[")

    def __str__(self) -> str:
        """The wire form, its local part quoted if needed; `parse` gives the same address back."""
        return f"{quote_local(self.local)}@{self.domain}"

    def __bytes__(self) -> bytes:
        """The wire form in octets (UTF-8)."""
        return str(self).encode()


def _parse(text: str) -> Address:
    match = _ORDINARY.fullmatch(text)
    if match is not None and ".." not in text and ".@" not in text and "-." not in text:
        local, domain = match.groups()
        domain = domain.lower()
        if ".-" not in domain and "xn--" not in domain:
            return Address(local, domain)
    return _parse_carefully(text)


_parse_remembered = lru_cache(REMEMBERED_ADDRESSES)(_parse)


def _without_route(path: bytes) -> bytes:
    """The mailbox behind the source route with which the path begins.

    Raises:
        AddressError: the route is not one, or is longer than a path may be.
    """
    route, colon, mailbox = path.partition(b":")  # no domain name holds a colon
    if not colon:
        raise AddressError("empty local part")
    if len(route) > MAX_PATH_OCTETS:
        raise AddressError("source route too long")
    for hop in route.split(b","):
        if not hop.startswith(b"@"):
            raise AddressError("malformed source route")
        try:
            parse_domain(hop[1:].decode())
        except UnicodeDecodeError:
            raise AddressError("broken UTF-8") from None
    return mailbox


def is_postmaster(path: str | bytes) -> bool:
    """Whether the path is `postmaster` without a domain, in upper or lower case.

    Such a recipient must be accepted. RFC 5321 §4.1.1.3, §4.5.1.
    """
    return path.lower() in ("postmaster", b"postmaster")


@lru_cache(REMEMBERED_ADDRESSES)
def quote_local(local: str) -> str:
    """The local part as a Dot-string if it is one, else as a Quoted-string. RFC 5321 §4.1.2."""
    if _is_dot_string(local):
        return local
    return '"' + _SPECIAL.sub(r"\\\g<0>", local) + '"'


def parse_domain(text: str) -> str:
    """A domain name in normal form: lower case, in A-labels, without a final dot.

    Raises:
        AddressError: the text is not a domain name (an address literal is not one either), or a
            doubtful one.

    RFC 5321 §2.3.5, RFC 1123 §2.1, RFC 5890 §2.3.
    """
    if _octets(text) > MAX_DOMAIN_OCTETS:
        raise AddressError("domain too long")
    labels = [_normal_label(label) for label in text.removesuffix(".").split(".")]
    domain = ".".join(labels)
    if len(domain) > MAX_DOMAIN_OCTETS:
        raise AddressError("domain too long")
    # RFC 1123 §2.1: the highest label of a name is not a number; 192.0.2.1 without brackets is.
    if labels[-1].isdigit():
        raise AddressError("domain ends in a number")
    return domain


def parse_literal(text: str) -> str:
    """An address literal, brackets included, in its shortest spelling.

    Raises:
        AddressError: the text is not an address literal. IPv6 is the only tag that is known
            (RFC 5321 §4.1.3).
    """
    if len(text) > MAX_DOMAIN_OCTETS or not text.isascii() or not text.endswith("]"):
        raise AddressError("malformed address literal")
    inner = text[1:-1]
    try:
        if inner[:5].lower() != "ipv6:":
            return f"[{IPv4Address(inner)}]"
        address = IPv6Address(inner[5:])
    except AddressValueError:
        raise AddressError("malformed address literal") from None
    if address.scope_id is not None:
        raise AddressError("malformed address literal")
    if address.ipv4_mapped is not None:
        return f"[{address.ipv4_mapped}]"
    return f"[IPv6:{address}]"


def _parse_carefully(text: str) -> Address:
    """The address of a text that the ordinary pattern does not cover."""
    if len(text) > MAX_LOCAL_OCTETS + 1 + MAX_DOMAIN_OCTETS:
        raise AddressError("address too long")
    if text.startswith("@"):
        raise AddressError("source route or empty local part")
    if text.startswith('"'):
        match = _QUOTED.match(text)
        if match is None:
            raise AddressError("malformed quoted local part")
        quoted, domain = text[: match.end() - 1], text[match.end() :]
        size, local = _octets(quoted), _PAIR.sub(r"\1", match[1])
    else:
        local, at, domain = text.rpartition("@")
        if not at:
            raise AddressError("no domain")
        size = _octets(local)
        if not _is_dot_string(local):
            raise AddressError("malformed local part")
    if size > MAX_LOCAL_OCTETS:
        raise AddressError("local part too long")
    if not local:
        raise AddressError("empty local part")
    if not local.isascii() and any(c > " " and category(c) in _INVISIBLE for c in local):
        raise AddressError("invisible character in local part")
    normal = parse_literal(domain) if domain.startswith("[") else parse_domain(domain)
    return Address(local, normal)


def _is_dot_string(local: str) -> bool:
    if not local or local[0] == "." or local[-1] == "." or ".." in local:
        return False
    return _ATOMS.fullmatch(local) is not None


def _normal_label(label: str) -> str:
    if not label:
        raise AddressError("empty label")
    lower = label.lower()
    if label.isascii():
        if len(label) > MAX_LABEL_OCTETS:
            raise AddressError("label too long")
        if _LABEL.fullmatch(lower) is None:
            raise AddressError("malformed domain")
        if not lower.startswith("xn--"):
            return lower
    try:
        normal = idna.alabel(normalize("NFC", lower)).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise AddressError("malformed international domain") from None
    # A letter like KELVIN SIGN becomes ASCII in lower case; an ASCII name has only one spelling.
    if not normal.startswith("xn--"):
        raise AddressError("malformed international domain")
    return normal


def _octets(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise AddressError("broken Unicode") from None
