"""Whole commands as octets, one writer for each. RFC 9051 §6."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import command, fetch
from thurn_wire.imap.spelling.key import search_key
from thurn_wire.imap.spelling.word import (
    Piece,
    Words,
    atom,
    atoms,
    date_time,
    encoded,
    options,
    quotable,
    quoted,
    sequence,
    without_space,
)


def fetch_items(words: Words, items: tuple[fetch.FetchItem, ...]) -> None:
    """The list of FETCH."""
    words.raw(b"(")
    for index, item in enumerate(items):
        if index:
            words.joined(b" ")
        words.joined(_fetch_item(item))
    words.joined(b")")


def _fetch_item(item: fetch.FetchItem) -> bytes:
    match item:
        case fetch.Attribute(name):
            return atom(name)
        case fetch.Rfc822() | fetch.BinarySize():
            return item.label
        case fetch.BodySection(fields=fields, partial=partial, peek=peek):
            if not "".join(fields).isascii():
                raise LocalProtocolError("a header field that is not ASCII")
            label = item.label
        case fetch.BinarySection(partial=partial, peek=peek):
            label = item.label
        case _:
            raise LocalProtocolError(f"an item that cannot be written: {item!r}")
    if partial is not None:
        label = b"%b.%d>" % (label[:-1], partial.count)
    word, bracket, rest = label.partition(b"[")
    return word + (b".PEEK" if peek else b"") + bracket + rest


def _login(words: Words, login: command.Login) -> None:
    words.string(login.name).string(login.password)


def _authenticate(words: Words, authenticate: command.Authenticate) -> None:
    words.raw(atom(authenticate.mechanism))
    if authenticate.initial is not None:
        words.raw(binascii.b2a_base64(authenticate.initial, newline=False) or b"=")


def _identity(words: Words, identity: command.Id) -> None:
    if identity.fields is None:
        words.raw(b"NIL")
        return
    fields = []
    for name, value in identity.fields:
        octets = encoded(name), encoded(value or "")
        if not all(map(quotable, octets)):
            raise LocalProtocolError("a field of ID that cannot be quoted")
        fields += [quoted(octets[0]), b"NIL" if value is None else quoted(octets[1])]
    words.raw(b"(%b)" % b" ".join(fields))


def _enable(words: Words, enable: command.Enable) -> None:
    for name in enable.capabilities:
        words.raw(atom(name))


def _select(words: Words, select: command.Select) -> None:
    words.mailbox(select.mailbox)
    parameters = {**({"CONDSTORE": None} if select.condstore else {}), **select.parameters}
    if parameters:
        words.raw(options(parameters))


def _create(words: Words, create: command.Create) -> None:
    words.mailbox(create.mailbox)
    if create.parameters:
        words.raw(options(create.parameters))


def _named(words: Words, named: Any) -> None:  # noqa: ANN401 - any command with a mailbox
    words.mailbox(named.mailbox)


def _rename(words: Words, rename: command.Rename) -> None:
    words.mailbox(rename.mailbox).mailbox(rename.target)


def _list(words: Words, listing: command.List) -> None:
    if listing.selection:
        words.raw(options(listing.selection))
    words.mailbox(listing.reference)
    if len(listing.patterns) == 1:
        words.mailbox(listing.patterns[0])
    else:
        inner = Words("", utf8=words.utf8)
        for pattern in listing.patterns:
            inner.mailbox(pattern)
        words.raw(b"(")
        words.pieces += without_space(inner.pieces[1:])
        words.joined(b")")
    if listing.extended and (listing.returns or not listing.selection):
        words.raw(b"RETURN").raw(options(listing.returns))


def _lsub(words: Words, lsub: command.Lsub) -> None:
    words.mailbox(lsub.reference).mailbox(lsub.pattern)


def _status(words: Words, status: command.Status) -> None:
    words.mailbox(status.mailbox).raw(atoms(status.items))


def _expunge(words: Words, expunge: command.Expunge) -> None:
    if expunge.uids is not None:
        words.raw(sequence(expunge.uids))


def _search(words: Words, find: command.Search) -> None:
    if find.returns is not None:
        words.raw(b"RETURN").raw(options(find.returns))
    if find.charset is not None:
        words.raw(b"CHARSET").string(find.charset)
    search_key(words, find.key)


def _fetch(words: Words, get: command.Fetch) -> None:
    words.raw(sequence(get.sequence))
    fetch_items(words, get.items)
    _modifiers(words, "CHANGEDSINCE", get.changed_since, get.parameters)


def _store(words: Words, store: command.Store) -> None:
    words.raw(sequence(store.sequence))
    _modifiers(words, "UNCHANGEDSINCE", store.unchanged_since, store.parameters)
    silent = b".SILENT" if store.silent else b""
    words.raw(store.operation.value.encode() + silent).raw(atoms(store.flags))


def _modifiers(
    words: Words, name: str, modseq: int | None, parameters: Mapping[str, object]
) -> None:
    written = [] if modseq is None else [f"{name} {modseq}".encode()]
    if parameters:
        written.append(options(parameters)[1:-1])
    if written:
        words.raw(b"(%b)" % b" ".join(written))


def _copy(words: Words, copy: command.Copy | command.Move) -> None:
    words.raw(sequence(copy.sequence)).mailbox(copy.mailbox)


_WRITERS: Final[Mapping[type[command.Command], Callable[[Words, Any], None]]] = {
    command.Authenticate: _authenticate,
    command.Copy: _copy,
    command.Create: _create,
    command.Delete: _named,
    command.Enable: _enable,
    command.Expunge: _expunge,
    command.Fetch: _fetch,
    command.Id: _identity,
    command.List: _list,
    command.Login: _login,
    command.Lsub: _lsub,
    command.Move: _copy,
    command.Rename: _rename,
    command.Search: _search,
    command.Select: _select,
    command.Status: _status,
    command.Store: _store,
    command.Subscribe: _named,
    command.Unsubscribe: _named,
}
"""The other commands have no arguments; `append` writes APPEND."""


def spell(request: command.Command, *, utf8: bool = False) -> list[Piece]:
    """The pieces of a command, without its tag.

    Raises:
        LocalProtocolError: a value that cannot be written.
    """
    words = Words(_name(request), utf8=utf8)
    write = _WRITERS.get(type(request))
    if write is not None:
        write(words, request)
    elif isinstance(request, command.Append):
        raise LocalProtocolError("append writes APPEND")
    return words.pieces


def _name(request: command.Command) -> str:
    if isinstance(request, command.Select) and request.read_only:
        return "EXAMINE"
    uid = getattr(request, "uid", False) or getattr(request, "uids", None) is not None
    return f"UID {request.NAME}" if uid else request.NAME


def append(
    mailbox: str,
    messages: list[tuple[command.AppendItem, bytes]],
    *,
    utf8: bool = False,
) -> list[Piece]:
    """The pieces of APPEND with its messages; the `size_octets` of the items are ignored."""
    words = Words("APPEND", utf8=utf8).mailbox(mailbox)
    for item, octets in messages:
        if item.flags:
            words.raw(atoms(item.flags))
        if item.received is not None:
            words.raw(date_time(item.received))
        words.literal(octets, binary=item.binary)
    return words.pieces
