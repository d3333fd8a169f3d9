"""SEARCH and UID SEARCH. RFC 9051 §6.4.4, RFC 4731, RFC 7162 §3.1.5."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from thurn.plugin import StorageError
from thurn_wire.imap import code, response
from thurn_wire.imap.command import Parameters, Search
from thurn_wire.imap.search import ModseqKey, SearchKey

from thurn_listener_imap.answer import NO_SUCH_MESSAGE, Answer, CommandRefused, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Found
from thurn_listener_imap.search.check import Scope
from thurn_listener_imap.search.program import leaves, run_search


async def search(conversation: Conversation, command: Search) -> Answer:
    """Find; EXPUNGE of others only with UID SEARCH.

    Raises:
        StorageError: the store failed; nothing is saved.
    """
    selected = conversation.mailbox
    with_modseq = _asks_modseq(command.key)
    if with_modseq:
        conversation.enable_condstore()
    more = conversation.site.extensions.search_keys
    try:
        scope = Scope(selected, conversation.account.account, conversation.site.texts)
        positions = await run_search(command.key, scope, more)
    except ValueError as error:
        raise CommandRefused(NO_SUCH_MESSAGE) from error
    except StorageError:
        if command.returns is not None and "SAVE" in command.returns:
            # RFC 5182 §2.1: NO leaves an empty result, BAD the one that was there.
            selected.saved = array("I")
        raise
    numbers: Sequence[int] = [at + 1 for at in positions]
    if command.uid:
        numbers = [selected.told.uids[at] for at in positions]
    found = Found(positions, numbers, selected.told, with_modseq)
    _write(conversation, command, found)
    if selected.has_ghosts:
        # RFC 5530 §3: the client may want to hear of those.
        return done("SEARCH done", code.EXPUNGEISSUED)
    return done("SEARCH done")


def _write(conversation: Conversation, command: Search, found: Found) -> None:
    returns = command.returns
    if returns is None and not conversation.rev2:
        modseq = None
        if found.with_modseq and found.positions:
            modseq = _modseq(found, {"ALL": None})
        conversation.write(response.search(found.numbers, modseq))
        return
    # RFC 9051 §6.4.4: in IMAP4rev2 a SEARCH without RETURN is one with RETURN (ALL).
    table = conversation.site.extensions.search_returns
    pairs: list[tuple[bytes, bytes]] = []
    words = returns or {"ALL": None}
    for word, value in words.items():
        if word in table:
            pairs += table[word](conversation, found, words if word == "SAVE" else value)
    if found.with_modseq and found.positions:
        pairs.append((b"MODSEQ", b"%d" % _modseq(found, words)))
    if words.keys() != {"SAVE"}:
        # RFC 5182 §2.2: SAVE alone has no ESEARCH response.
        conversation.write(response.esearch(conversation.tag, pairs, uid=command.uid))


def _modseq(found: Found, words: Parameters) -> int:
    """The highest MODSEQ of the messages that are told. RFC 4731 §3.2."""
    positions = found.positions
    if not words.keys() - {"MIN", "MAX", "SAVE"}:
        ends = [positions[0]] if "MIN" in words else []
        ends += [positions[-1]] if "MAX" in words else []
        positions = ends or positions
    return max(found.view.modseqs[at] for at in positions)


def _asks_modseq(key: SearchKey) -> bool:
    return any(isinstance(leaf, ModseqKey) for leaf in leaves(key))
