"""UIDPLUS: UID EXPUNGE, and the UIDs of what APPEND, COPY and MOVE have stored.

    C: 1 UID EXPUNGE 4:7
    C: 2 COPY 1 Archive
    S: 2 OK [COPYUID 1 1 9] COPY done

One of the three extensions that the base knows (README, Extensions): APPENDUID and COPYUID are the
response codes of commands of the base, and an answer has one code.

RFC 4315, RFC 9051 §6.4.9.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.message import uid_expunge
from thurn_wire.imap.grammar.registry import Grammar, Rule
from thurn_wire.imap.state import SELECTED

from thurn_listener_imap.extension import ImapExtension, after_login


def _words(grammar: Grammar) -> None:
    grammar.add_command("UID EXPUNGE", Rule(uid_expunge, SELECTED, literals=False))


UIDPLUS: Final = ImapExtension(name="uidplus", capabilities=after_login("UIDPLUS"), grammar=_words)
