"""The ENVELOPE of a header as ready IMAP bytes.

Rules of this file:
1. Values are those of the field, unfolded; encoded words are not decoded.
2. Several fields named To, Cc or Bcc are joined (RFC 5322 §4.5.3); of all other names the first
   field counts.
3. One pattern reads the ordinary list of mailboxes, one mailbox after the other. If it does not
   match somewhere, `addresslist` reads the whole list. Both give the same octets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from thurn_message.addresslist import Group, ListedAddress, Mailbox, parse_address_list
from thurn_message.fields import Field, unfold
from thurn_message.imapstring import NIL, nstring, string
from thurn_message.limits import MAX_ADDRESSES

_ATEXT: Final = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++"
_MAILBOX: Final = re.compile(
    rb'\s*+(?:(?:"([^"\\\r\n]*+)"[ \t]*+|([^"(),:;<>@\[\]\\\r\n]*+))'
    rb"<(" + _ATEXT + rb")@(" + _ATEXT + rb")>|(" + _ATEXT + rb")@(" + _ATEXT + rb"))\s*+(?:,|\Z)"
)
_NO_NAME: Final = b'(NIL NIL "%b" "%b")'
_GROUP_END: Final = b"(NIL NIL NIL NIL)"

REMEMBERED_FIELD_OCTETS: Final = 100
"""Octets of an address field that is remembered: the same senders and recipients appear in many
messages, and short fields take little memory."""
REMEMBERED_FIELDS: Final = 2048
"""Address fields that are remembered; they take about half a megabyte."""

_SINGLE: Final = frozenset(
    (b"date", b"subject", b"from", b"sender", b"reply-to", b"in-reply-to", b"message-id")
)
_JOINED: Final = frozenset((b"to", b"cc", b"bcc"))


def envelope(content: bytes, fields: list[Field]) -> bytes:
    """The envelope structure of a header, from the opening to the closing parenthesis.

    RFC 3501 §7.4.2, RFC 9051 §7.5.2.
    """
    values_by_name: dict[bytes, bytes] = {}
    joined: dict[bytes, list[bytes]] = {}
    for name, _, value, end in fields:
        if name in _SINGLE:
            if name not in values_by_name:
                values_by_name[name] = content[value:end]
        elif name in _JOINED:
            joined.setdefault(name, []).append(content[value:end])
    for name, values in joined.items():
        values_by_name[name] = values[0] if len(values) == 1 else b", ".join(values)
    get = values_by_name.get
    author = _addresses(get(b"from"))
    sender, reply_to = _addresses(get(b"sender")), _addresses(get(b"reply-to"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(get(b"date")),
        _text(get(b"subject")),
        author,
        # RFC 3501 §7.4.2: absent or empty Sender and Reply-To are set from From.
        author if sender is NIL else sender,
        author if reply_to is NIL else reply_to,
        _addresses(get(b"to")),
        _addresses(get(b"cc")),
        _addresses(get(b"bcc")),
        _text(get(b"in-reply-to")),
        _text(get(b"message-id")),
    )


def _text(raw: bytes | None) -> bytes:
    return NIL if raw is None else string(unfold(raw))


def _addresses(raw: bytes | None) -> bytes:
    if raw is None:
        return NIL
    raw = raw.strip()
    if not raw:
        return NIL
    if len(raw) <= REMEMBERED_FIELD_OCTETS:
        return _remembered_addresses(raw)
    return _ordinary_addresses(raw) or _all_addresses(raw)


@lru_cache(REMEMBERED_FIELDS)
def _remembered_addresses(raw: bytes) -> bytes:
    return _ordinary_addresses(raw) or _all_addresses(raw)


def _ordinary_addresses(raw: bytes) -> bytes | None:
    """The structure of a list of plain mailboxes, or None if it holds anything else."""
    out: list[bytes] = []
    position, end = 0, len(raw)
    while position < end:
        match = _MAILBOX.match(raw, position)
        if match is None or len(out) == MAX_ADDRESSES:
            return None
        quoted, phrase, local, domain, bare_local, bare_domain = match.groups()
        if bare_local is not None:
            out.append(_NO_NAME % (bare_local, bare_domain))
        else:
            name = (phrase if quoted is None else quoted).strip()
            if quoted is None and (b"  " in name or b"\t" in name):
                return None
            if name:
                out.append(b'(%b NIL "%b" "%b")' % (string(name), local, domain))
            else:
                out.append(_NO_NAME % (local, domain))
        position = match.end()
    if raw.endswith(b","):
        return None
    return b"(%b)" % b"".join(out)


def _all_addresses(raw: bytes) -> bytes:
    out = [_entry(entry) for entry in parse_address_list(raw).entries]
    return b"(%b)" % b"".join(out) if out else NIL


def _entry(entry: ListedAddress) -> bytes:
    if isinstance(entry, Mailbox):
        return _mailbox(entry)
    return _group(entry)


def _group(group: Group) -> bytes:
    members = b"".join(_mailbox(member) for member in group.members)
    return b"(NIL NIL %b NIL)%b%b" % (string(group.name), members, _GROUP_END)


def _mailbox(mailbox: Mailbox) -> bytes:
    # A host of NIL would mean a group, so an address without a domain gets an empty host.
    return b"(%b %b %b %b)" % (
        nstring(mailbox.name or None),
        nstring(mailbox.route or None),
        string(mailbox.local),
        string(mailbox.domain),
    )
