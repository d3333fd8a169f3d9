"""SEARCH and UID SEARCH.

    C: 1 SEARCH RETURN (MIN COUNT) UNSEEN
    S: * ESEARCH (TAG "1") MIN 2 COUNT 3
    S: 1 OK SEARCH done

RFC 9051 §6.4.4, RFC 4731, RFC 7162 §3.1.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thurn.plugin import StorageError
from thurn_wire.imap import code, reply
from thurn_wire.imap.command import Search
from thurn_wire.imap.search import ModseqKey, SearchKey

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import SearchResult, SearchReturn
from thurn_listener_imap.search.check import Scope
from thurn_listener_imap.search.program import leaves, run_search

Options = Sequence[tuple[str, SearchReturn, object]]
"""The words of RETURN, with what they do and their values."""


async def search(conversation: Conversation, command: Search) -> Answer:
    """Find the messages; only UID SEARCH also tells EXPUNGE.

    Raises:
        StorageError: the store failed.
    """
    selected = conversation.mailbox
    with_modseq = _asks_modseq(command.key)
    if with_modseq:
        conversation.enable_condstore()
    extensions, texts = conversation.parts.extensions, conversation.parts.texts
    options = _options(conversation, command)
    try:
        scope = Scope(selected, conversation.account.account, texts)
        positions = await run_search(command.key, scope, extensions.search_keys)
    except StorageError:
        for _, option, _ in options:
            if option.failed is not None:
                option.failed(conversation)
        raise
    numbers: Sequence[int] = [at + 1 for at in positions]
    if command.uid:
        numbers = [selected.told.uids[at] for at in positions]
    told = _told((option for _, option, _ in options), positions)
    result = SearchResult(positions, numbers, told, selected.told)
    _write(conversation, command, options, result, with_modseq=with_modseq)
    if selected.has_ghosts:
        # RFC 5530 §3: the client may want to hear which messages are gone.
        return done("SEARCH done", code.EXPUNGEISSUED)
    return done("SEARCH done")


def _options(conversation: Conversation, command: Search) -> Options:
    """The options of RETURN; in IMAP4rev2 a SEARCH without RETURN has ALL. RFC 9051 §6.4.4."""
    returns = command.returns
    if returns is None:
        returns = {"ALL": None} if conversation.rev2 else {}
    table = conversation.parts.extensions.search_returns
    return [(word, table[word], value) for word, value in returns.items() if word in table]


def _told(options: Iterable[SearchReturn], positions: Sequence[int]) -> Sequence[int]:
    """The positions that the client is told with these options."""
    speaking = [option for option in options if option.pairs is not None]
    told: set[int] = set()
    for option in speaking:
        if option.told is None:
            return positions
        told.update(option.told(positions))
    return sorted(told) if speaking else positions


def _write(
    conversation: Conversation,
    command: Search,
    options: Options,
    result: SearchResult,
    *,
    with_modseq: bool,
) -> None:
    # RFC 7162 §3.1.5, RFC 4731 §3.2: the highest MODSEQ of the messages that are told.
    modseq = None
    if with_modseq and result.told:
        modseq = max(result.view.modseqs[at] for at in result.told)
    if command.returns is None and not conversation.rev2:
        conversation.write(reply.search(result.numbers, modseq))
        return
    pairs: list[tuple[bytes, bytes]] = []
    for _, option, value in options:
        if option.keep is not None:
            option.keep(conversation, result)
        if option.pairs is not None:
            pairs += option.pairs(conversation, result, value)
    if modseq is not None:
        pairs.append((b"MODSEQ", b"%d" % modseq))
    if not options or any(option.pairs is not None for _, option, _ in options):
        conversation.write(reply.esearch(conversation.tag, pairs, uid=command.uid))


def _asks_modseq(key: SearchKey) -> bool:
    return any(isinstance(leaf, ModseqKey) for leaf in leaves(key))
