"""The commands of RFC 9208, and how they are read.

    getquota     = "GETQUOTA" SP quota-root-name
    getquotaroot = "GETQUOTAROOT" SP mailbox
    setquota     = "SETQUOTA" SP quota-root-name SP setquota-list
    setquota-list     = "(" [setquota-resource *(SP setquota-resource)] ")"
    setquota-resource = resource-name SP resource-limit

RFC 9208 §6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from thurn_wire.imap.command import Command
from thurn_wire.imap.grammar.registry import Cursor, Grammar, Rule
from thurn_wire.imap.state import LOGGED_IN

RESOURCES_PER_COMMAND: Final = 16
"""Most resources of one SETQUOTA; RFC 9208 defines four."""


@dataclass(frozen=True, slots=True)
class GetQuota(Command):
    """GETQUOTA. RFC 9208 §4.1.1."""

    NAME: ClassVar[str] = "GETQUOTA"
    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot(Command):
    """GETQUOTAROOT. RFC 9208 §4.1.2."""

    NAME: ClassVar[str] = "GETQUOTAROOT"
    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota(Command):
    """SETQUOTA. RFC 9208 §4.1.3.

    Attributes:
        limits: resources in capitals, in the order of the command.
    """

    NAME: ClassVar[str] = "SETQUOTA"
    root: str
    limits: tuple[tuple[str, int], ...]


def add_words(grammar: Grammar) -> None:
    """Add the commands to a listener's grammar."""
    grammar.add_command("GETQUOTA", Rule(_get_quota, LOGGED_IN))
    grammar.add_command("GETQUOTAROOT", Rule(_get_quota_root, LOGGED_IN))
    grammar.add_command("SETQUOTA", Rule(_set_quota, LOGGED_IN))


def _root(cursor: Cursor) -> str:
    cursor.space()
    return cursor.text(cursor.astring("a quota root"))


def _get_quota(cursor: Cursor) -> GetQuota:
    return GetQuota(_root(cursor))


def _get_quota_root(cursor: Cursor) -> GetQuotaRoot:
    cursor.space()
    return GetQuotaRoot(cursor.mailbox())


def _set_quota(cursor: Cursor) -> SetQuota:
    root = _root(cursor)
    cursor.space()
    if cursor.skip(b"()"):
        return SetQuota(root, ())
    return SetQuota(root, tuple(cursor.items(_limit, RESOURCES_PER_COMMAND, "resources")))


def _limit(cursor: Cursor) -> tuple[str, int]:
    resource = cursor.atom("a resource").upper()
    cursor.space()
    return resource, cursor.number64()
