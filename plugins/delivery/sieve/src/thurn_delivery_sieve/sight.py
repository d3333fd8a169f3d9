"""What a script sees of a delivery: the message, the envelope, the account's mailboxes and keys.

Rules of this file:
1. Nothing here has an effect. A question to the store may raise, which the caller turns into a
   temporary failure.
2. Scripts and store share one scan of the message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final

from thurn.plugin import (
    AccountHandle,
    Content,
    Delivery,
    MailboxNameRefused,
    MailboxNotFound,
    mailbox_name,
)
from thurn_message.scanner import Scan
from thurn_sieve.context import Account, Context, Envelope, MessageView
from thurn_sieve.script import Script

from thurn_delivery_sieve.scripts import Scripts


class ScannedView(MessageView):
    """A view of a message that is scanned already."""

    __slots__ = ()

    def __init__(self, scan: Scan) -> None:
        super().__init__(scan.content)
        self._scan = scan


class StoreMailboxes:
    """`thurn_sieve.context.Mailboxes` on an account's handle."""

    __slots__ = ("_account",)

    def __init__(self, account: AccountHandle) -> None:
        self._account = account

    async def exists(self, name: str) -> bool:
        """Whether the mailbox exists and the account may see it."""
        return await self._rights(name) is not None

    async def may_write(self, name: str) -> bool:
        """Whether the account may put messages into it, by the right "i". RFC 4314 §4."""
        rights = await self._rights(name)
        return rights is not None and "i" in rights

    async def _rights(self, name: str) -> str | None:
        try:
            proper = mailbox_name(name, self._account.separator)
            return (await self._account.mailbox(proper)).record.rights
        except (MailboxNotFound, MailboxNameRefused):
            return None

    async def special_use(self, flag: str) -> Sequence[str]:
        """The names of the mailboxes with that special use. RFC 8579."""
        wanted = flag.lower()
        return [
            record.name
            for record in await self._account.mailboxes()
            if any(use.lower() == wanted for use in record.special_use)
        ]

    async def by_id(self, mailbox_id: str) -> str | None:
        """The name of the mailbox with that id, or None. RFC 9042."""
        for record in await self._account.mailboxes():
            if record.id == mailbox_id:
                return record.name
        return None

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """An annotation of a mailbox, or of the account if `name` is None. RFC 5490 §3.3."""
        if name is None:
            annotations = await self._account.annotations()
        else:
            try:
                proper = mailbox_name(name, self._account.separator)
                annotations = await (await self._account.mailbox(proper)).annotations()
            except (MailboxNotFound, MailboxNameRefused):
                return None
        # RFC 5464 §3: names of entries are equal in any case.
        wanted = annotation.lower()
        for entry, value in annotations.items():
            if entry.lower() == wanted:
                return value.decode(errors="replace")
        return None


class StoreKeys:
    """`thurn_sieve.context.Duplicates` on an account's handle."""

    __slots__ = ("_account",)

    def __init__(self, account: AccountHandle) -> None:
        self._account = account

    async def seen(self, key: str) -> bool:
        """Whether the key is remembered."""
        return await self._account.seen(key)


class StoreScripts:
    """`thurn_sieve.context.Repository`: the account's own scripts and the site's global ones."""

    __slots__ = ("_account", "_scripts")

    def __init__(self, account: AccountHandle, scripts: Scripts) -> None:
        self._account = account
        self._scripts = scripts

    async def source(self, name: str, *, location: str) -> Script | bytes | None:
        """The script of that name; a name is never a path. RFC 6609 §3.2."""
        if location == "global":
            return self._scripts.included_global(name)
        return await self._scripts.included(self._account, name)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What scripts see that is the same for all deliveries of an instance.

    Attributes:
        environment: the items of RFC 5183 that do not change.
        settings: the settings that extensions read at run time.
        scripts: finds the scripts for `include`.
        zone: the time zone of the site.
        find_zone: `(name) -> zone` for the attribute of an account; None if there is no such zone.
    """

    environment: Mapping[str, str]
    settings: Mapping[str, object]
    scripts: Scripts
    zone: tzinfo
    find_zone: Callable[[str], tzinfo | None]


class DeliveryContext(Context):
    """`thurn_sieve.context.Context` of one delivery; attributes are made when they are first read.

    Attributes:
        content: the message as it came in.
    """

    def __init__(self, delivery: Delivery, around: Surroundings, wall: float) -> None:
        content: Content = delivery.content
        scan = content.scan
        super().__init__(scan.content)
        self.content = content
        self._view = ScannedView(scan)
        self._delivery = delivery
        self._around = around
        self._wall = wall
        self.unique = self._unique
        self.settings = around.settings
        # `__getattr__` makes them when they are first read.
        del self.envelope, self.account, self.now, self.environment
        del self.mailboxes, self.duplicates, self.repository

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as many types as there are makers
        """Make an attribute that is read for the first time."""
        maker = _MAKERS.get(name)
        if maker is None:
            raise AttributeError(name)
        value = maker(self._delivery, self._around, self._wall)
        setattr(self, name, value)
        return value

    def _unique(self) -> str:
        """A unique string; it differs for the accounts that one transaction is delivered to."""
        self._count += 1
        account = hashlib.sha256(str(self._delivery.record.account).encode()).hexdigest()[:8]
        return f"{self._delivery.transaction.id}.{account}.{self._count}"


def _envelope(delivery: Delivery, *_: object) -> Envelope:
    recipient = delivery.recipient
    parameters = {**delivery.envelope.parameters, **recipient.parameters}
    identity = delivery.transaction.session.identity
    return Envelope(
        sender=None if delivery.envelope.sender is None else str(delivery.envelope.sender),
        recipient=str(recipient.address),
        original_recipient=None if recipient.original is None else str(recipient.original),
        auth=None if identity is None else identity.authcid,
        parameters={key: value or "" for key, value in parameters.items()},
    )


def _account(delivery: Delivery, *_: object) -> Account:
    record = delivery.record
    addresses = [] if record.address is None else [str(record.address)]
    addresses += [str(one) for one in record.addresses if one != record.address]
    return Account(str(record.account), addresses, record.display_name)


def _now(delivery: Delivery, around: Surroundings, wall: float) -> datetime:
    wanted = delivery.record.attributes.get("zone")
    zone = around.find_zone(wanted) if wanted else None
    return datetime.fromtimestamp(wall, UTC).astimezone(zone or around.zone)


def _environment(
    delivery: Delivery, around: Surroundings, _: float
) -> dict[str, str | Callable[[], str | None] | None]:
    """The items of RFC 5183 §4, without remote-host: no name of the peer is verified here."""
    peer = delivery.transaction.session.peer
    remote = {} if peer is None else {"remote-ip": str(peer)}
    return {**around.environment, **remote}


_MAKERS: Final[Mapping[str, Callable[[Delivery, Surroundings, float], Any]]] = MappingProxyType(
    {
        "envelope": _envelope,
        "account": _account,
        "now": _now,
        "environment": _environment,
        "mailboxes": lambda delivery, _, __: StoreMailboxes(delivery.account),
        "duplicates": lambda delivery, _, __: StoreKeys(delivery.account),
        "repository": lambda delivery, around, _: StoreScripts(delivery.account, around.scripts),
    }
)
