"""NAMESPACE: one personal namespace, which has no prefix.

    C: 1 NAMESPACE
    S: * NAMESPACE (("" "/")) NIL NIL
    S: 1 OK NAMESPACE done

RFC 2342, RFC 9051 §6.3.10.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import reply
from thurn_wire.imap.command import Namespace
from thurn_wire.imap.grammar.registry import Grammar, Rule
from thurn_wire.imap.grammar.session import without_arguments
from thurn_wire.imap.state import LOGGED_IN

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import CommandKind, ImapExtension, after_login


def _words(grammar: Grammar) -> None:
    rule = Rule(without_arguments(Namespace()), LOGGED_IN, literals=False)
    grammar.add_command("NAMESPACE", rule)


async def _namespace(conversation: ImapConversation, _command: Namespace) -> Answer:
    personal = (("", conversation.account.separator),)
    conversation.write(reply.namespace(personal, utf8=conversation.rev2))
    return done("NAMESPACE done")


NAMESPACE: Final = ImapExtension(
    name="namespace",
    capabilities=after_login("NAMESPACE"),
    grammar=_words,
    commands={Namespace: CommandKind(_namespace)},
)
