"""MOVE and UID MOVE.

    C: 1 MOVE 1 Archive
    S: * OK [COPYUID 1 1 9] Moved
    S: * 1 EXPUNGE
    S: 1 OK MOVE done

RFC 9051 §6.4.8, RFC 6851.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from thurn.plugin import MailboxNotFound
from thurn_wire.imap import reply
from thurn_wire.imap.command import Move
from thurn_wire.imap.grammar import message
from thurn_wire.imap.grammar.registry import Grammar, Rule
from thurn_wire.imap.state import SELECTED

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.copying import copy_code, target, wanted_uids
from thurn_listener_imap.extension import CommandKind, ImapExtension, after_login
from thurn_listener_imap.permission import DELETE_MESSAGE, EXPUNGE


def _words(grammar: Grammar) -> None:
    grammar.add_command("MOVE", Rule(message.move, SELECTED))
    grammar.add_command("UID MOVE", Rule(partial(message.move, uid=True), SELECTED))


async def _move(conversation: ImapConversation, command: Move) -> Answer:
    """Move all messages of the set, or none; their EXPUNGE responses come before the answer.

    Raises:
        StorageError: nothing was moved.
    """
    conversation.need_writable()
    # RFC 6851 §4.6: what COPY, STORE +FLAGS Deleted and EXPUNGE need.
    conversation.need_right(DELETE_MESSAGE)
    conversation.need_right(EXPUNGE)
    uids = await wanted_uids(conversation, command)
    name, _ = await target(conversation, command.mailbox)
    if not uids:
        return done("There was nothing to move")
    # No guard is asked: source and target are of one account, which gets nothing that is new.
    try:
        result = await conversation.mailbox.mailbox.move(uids, name)
    except MailboxNotFound:
        await target(conversation, name)  # raises if it is the target that was deleted
        raise
    copied = copy_code(result)
    if copied:
        # RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses.
        conversation.write(reply.ok("Moved", copied).encode())
    await conversation.tell_updates(may_expunge=True, uid=command.uid)
    return done("MOVE done")


MOVE: Final = ImapExtension(
    name="move",
    capabilities=after_login("MOVE"),
    grammar=_words,
    commands={Move: CommandKind(_move)},
)
