r"""LIST. RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154 §5.

Rules of this file: \HasChildren and special uses are told whether asked for or not (RFC 3348,
RFC 6154 §5 allow it); \Subscribed only when it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from thurn_wire.imap import reply
from thurn_wire.imap.command import List
from thurn_wire.imap.reply import Reply, ok

from thurn_listener_imap.commands.status import status_line
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Listed
from thurn_listener_imap.listing.names import ancestors, matching, read_names
from thurn_listener_imap.permission import READ

RECURSIVE = "RECURSIVEMATCH"


async def list_(conversation: Conversation, command: List) -> Reply:
    """Tell the mailboxes that match.

    Raises:
        StorageError: they cannot be read.
    """
    if not command.extended and command.patterns == ("",):
        # RFC 9051 §6.3.9: "" asks for the separator.
        separator = conversation.account.separator
        root = reply.mailbox_list("", (b"\\Noselect",), separator, utf8=conversation.rev2)
        conversation.write(root)
        return ok("LIST done")
    for listed, childinfo in await _wanted(conversation, command):
        _write_line(conversation, command, listed, childinfo=childinfo)
        if command.status and listed.record is not None and READ in listed.record.rights:
            # RFC 5819 §2: after its LIST response; none for what cannot be selected.
            conversation.write(status_line(conversation, listed.record, command.status))
        await _write_after(conversation, command, listed)
        await conversation.relieve()
    return ok("LIST done")


async def _wanted(conversation: Conversation, command: List) -> list[tuple[Listed, bool]]:
    """What is told, each with whether something below it is meant. RFC 5258 §3.5."""
    account = conversation.account
    asks = "SUBSCRIBED" in command.selection or "SUBSCRIBED" in command.returns
    known = await read_names(account, subscriptions=asks)
    names = [listed.name for listed in known]
    matched = await matching(names, command.reference, command.patterns, account.separator)
    found = [listed for listed in known if listed.name in matched]
    table = conversation.site.extensions.list_selections
    criteria = [table[word] for word in _criteria(conversation, command)]
    if not criteria:
        return [(listed, False) for listed in found if _is_shown(listed)]
    meets = {listed.name for listed in known if all(test(listed) for test in criteria)}
    if RECURSIVE not in command.selection:
        return [(listed, False) for listed in found if listed.name in meets]
    above = ancestors(meets, account.separator)
    # RFC 5258 §3: one that does not meet them, only for what the pattern does not match.
    hidden = ancestors(meets - matched, account.separator)
    return [
        (listed, listed.name in above)
        for listed in found
        if listed.name in meets or listed.name in hidden
    ]


def _criteria(conversation: Conversation, command: List) -> list[str]:
    """The selection options that choose; REMOTE and RECURSIVEMATCH do not."""
    table = conversation.site.extensions.list_selections
    return [word for word in command.selection if word in table]


def _is_shown(listed: Listed) -> bool:
    return listed.record is not None or listed.has_children


def _write_line(
    conversation: Conversation, command: List, listed: Listed, *, childinfo: bool
) -> None:
    attributes = list(_attributes(conversation, command, listed))
    extended: list[bytes] = []
    if childinfo:
        words = [f'"{word}"' for word in _criteria(conversation, command)]
        extended.append(f'"CHILDINFO" ({" ".join(words)})'.encode())
    table = conversation.site.extensions.list_returns
    for word, value in command.returns.items():
        option = table.get(word)
        if option is not None and option.attributes is not None:
            attributes += option.attributes(conversation, listed, value)
        if option is not None and option.extended is not None:
            item = option.extended(conversation, listed, value)
            extended += [item] if item else []
    conversation.write(
        reply.mailbox_list(
            listed.name,
            list(dict.fromkeys(attributes)),
            conversation.account.separator,
            utf8=conversation.rev2,
            extended=b" ".join(extended),
        )
    )


def _attributes(conversation: Conversation, command: List, listed: Listed) -> Iterator[bytes]:
    record = listed.record
    if record is None:
        # RFC 5258 §3: NonExistent says Noselect too, to those who know it.
        yield b"\\NonExistent" if command.extended or conversation.rev2 else b"\\Noselect"
    yield b"\\HasChildren" if listed.has_children else b"\\HasNoChildren"
    if record is not None:
        for use in sorted(record.special_use):
            yield use.encode()
    if listed.subscribed and "SUBSCRIBED" in command.selection:
        # RFC 5258 §3.1: the selection option implies the return option.
        yield b"\\Subscribed"


async def _write_after(conversation: Conversation, command: List, listed: Listed) -> None:
    table = conversation.site.extensions.list_returns
    for word, value in command.returns.items():
        option = table.get(word)
        if option is not None and option.after is not None:
            for octets in await option.after(conversation, listed, value):
                conversation.write(octets)
