r"""LIST.

    C: 1 LIST "" %
    S: * LIST (\HasChildren) "/" work
    S: 1 OK LIST done

Words that extensions give every line, such as \HasChildren, are told whether they were asked for or
not; words of an option only when it was asked for.

RFC 9051 §6.3.9, RFC 5258.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from thurn_wire.imap import reply
from thurn_wire.imap.command import List

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import ListedName, ListReturn, ListSelection
from thurn_listener_imap.listing.names import ancestors, matching, read_names


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of one LIST.

    Attributes:
        selections: by their words.
        returns: with their values.
        criteria: words of those selections that choose names.
    """

    selections: dict[str, ListSelection]
    returns: list[tuple[ListReturn, object]]
    criteria: list[str]

    @classmethod
    def of(cls, conversation: Conversation, command: List) -> _Options:
        extensions = conversation.parts.extensions
        selections = {word: extensions.list_selections[word] for word in command.selection}
        returns = [(extensions.list_returns[w], value) for w, value in command.returns.items()]
        criteria = [word for word, option in selections.items() if option.matches is not None]
        return cls(selections, returns, criteria)

    @property
    def subscriptions(self) -> bool:
        """Whether names that are only subscribed are looked at."""
        return any(option.subscriptions for option in self.selections.values()) or any(
            option.subscriptions for option, _ in self.returns
        )

    @property
    def recursive(self) -> bool:
        """Whether names above those that match are listed."""
        return any(option.recursive for option in self.selections.values())

    def match(self, listed: ListedName) -> bool:
        """Whether a name meets all criteria."""
        return all(
            option.matches is None or option.matches(listed) for option in self.selections.values()
        )


async def list_(conversation: Conversation, command: List) -> Answer:
    """Write a line for each name that matches.

    Raises:
        StorageError: the names cannot be read.
    """
    if not command.extended and command.patterns == ("",):
        # RFC 9051 §6.3.9: "" asks for the separator.
        separator = conversation.account.separator
        root = reply.mailbox_list("", (b"\\Noselect",), separator, utf8=conversation.rev2)
        conversation.write(root)
        return done("LIST done")
    options = _Options.of(conversation, command)
    for listed, childinfo in await _wanted(conversation, command, options):
        _write_line(conversation, command, options, listed, childinfo=childinfo)
        await conversation.relieve()
    return done("LIST done")


async def _wanted(
    conversation: Conversation, command: List, options: _Options
) -> list[tuple[ListedName, bool]]:
    """The names to be told, each with whether a name below it is meant. RFC 5258 §3.5."""
    account = conversation.account
    known = await read_names(account, subscriptions=options.subscriptions)
    names = [listed.name for listed in known]
    matched = await matching(names, command.reference, command.patterns, account.separator)
    candidates = [listed for listed in known if listed.name in matched]
    if not options.criteria:
        return [(listed, False) for listed in candidates if _is_shown(listed)]
    meets = {listed.name for listed in known if options.match(listed)}
    if not options.recursive:
        return [(listed, False) for listed in candidates if listed.name in meets]
    return _with_parents(candidates, meets, matched, account.separator)


def _with_parents(
    candidates: list[ListedName], meets: set[str], matched: Collection[str], separator: str
) -> list[tuple[ListedName, bool]]:
    above = ancestors(meets, separator)
    # RFC 5258 §3: a name that does not meet the criteria stands for those below it that the pattern
    # does not match.
    hidden = ancestors(meets.difference(matched), separator)
    return [
        (listed, listed.name in above)
        for listed in candidates
        if listed.name in meets or listed.name in hidden
    ]


def _is_shown(listed: ListedName) -> bool:
    return listed.record is not None or listed.has_children


def _write_line(
    conversation: Conversation,
    command: List,
    options: _Options,
    listed: ListedName,
    *,
    childinfo: bool,
) -> None:
    attributes = list(_attributes(conversation, command, options, listed))
    extended: list[bytes] = []
    if childinfo:
        words = [f'"{word}"' for word in options.criteria]
        extended.append(f'"CHILDINFO" ({" ".join(words)})'.encode())
    for option, value in options.returns:
        if option.attributes is not None:
            attributes += option.attributes(conversation, listed, value)
        if option.extended is not None:
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
    for option, value in options.returns:
        if option.after is not None:
            for octets in option.after(conversation, listed, value):
                conversation.write(octets)


def _attributes(
    conversation: Conversation, command: List, options: _Options, listed: ListedName
) -> Iterator[bytes]:
    if listed.record is None:
        # RFC 5258 §3: NonExistent includes Noselect, for clients that know it.
        yield b"\\NonExistent" if command.extended or conversation.rev2 else b"\\Noselect"
    for attributes in conversation.parts.extensions.list_attributes:
        yield from attributes(conversation, listed)
    for option in options.selections.values():
        if option.attributes is not None:
            yield from option.attributes(listed)
