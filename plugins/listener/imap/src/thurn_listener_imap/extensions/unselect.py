"""UNSELECT: close without expunging.

    C: 1 UNSELECT
    S: 1 OK UNSELECT done

RFC 3691, RFC 9051 §6.4.2.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.command import Unselect
from thurn_wire.imap.grammar.registry import Grammar, Rule
from thurn_wire.imap.grammar.session import without_arguments
from thurn_wire.imap.state import SELECTED, Step

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, after_login


def _words(grammar: Grammar) -> None:
    rule = Rule(without_arguments(Unselect()), SELECTED, Step.DESELECT, literals=False)
    grammar.add_command("UNSELECT", rule)


async def _unselect(conversation: ImapConversation, _command: Unselect) -> Answer:
    conversation.deselect()
    return done("UNSELECT done")


UNSELECT: Final = ImapExtension(
    name="unselect",
    capabilities=after_login("UNSELECT"),
    grammar=_words,
    commands={Unselect: CommandKind(_unselect)},
)
