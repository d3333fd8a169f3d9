"""An account for delivery rules: one active script, mailboxes that are there, keys that are known.

It keeps no messages: what a rule wants filed is in the recorded delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from thurn.contracts.account import (
    AccountRecord,
    Directory,
    Local,
    Resolution,
    UnknownAddress,
)
from thurn.contracts.commitlog import Change
from thurn.contracts.store import Document, MailboxRecord
from thurn.types.address import Address
from thurn.types.errors import MailboxNotFound
from thurn.types.identity import AccountId
from thurn.types.mailbox import INBOX

ALICE: Final = AccountRecord(
    AccountId("alice"),
    Address.parse("alice@example.org"),
    (Address.parse("alice@example.org"),),
    "Alice",
)
"""An ordinary account."""


@dataclass(frozen=True, slots=True)
class FakeMailbox:
    """A mailbox of which only the record and the annotations are known."""

    record: MailboxRecord

    async def annotations(self) -> Mapping[str, bytes]:
        """There are no annotations."""
        return {}


class FakeKey:
    """A deposit that remembers a key when it is committed."""

    changes: Sequence[Change] = ()

    def __init__(self, known: set[str], key: str) -> None:
        self._known = known
        self._key = key

    async def place(self) -> None:
        """Nothing has to be placed: the deposit has no octets."""

    async def commit(self) -> None:
        """Remember the key."""
        self._known.add(self._key)

    async def abort(self) -> None:
        """Nothing was remembered."""


class FakeAccount:
    """What delivery rules ask of a `thurn.contracts.store.AccountHandle`.

    Args:
        mailboxes: names of those that are there besides INBOX.

    Attributes:
        script: the active document of the kind "sieve"; empty where the account has none.
        known: keys that `seen` knows.
    """

    separator = "/"

    def __init__(self, mailboxes: Collection[str] = ()) -> None:
        self.account = ALICE.account
        self.known: set[str] = set()
        self.script = ""
        self._records = [
            MailboxRecord(str(number), name, 1, 1, 1, 0, 0, 0)
            for number, name in enumerate(dict.fromkeys([INBOX, *mailboxes]), 1)
        ]

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All mailboxes."""
        return self._records

    async def mailbox(self, name: str) -> FakeMailbox:
        """The mailbox of this name. Raises MailboxNotFound."""
        for record in self._records:
            if record.name == name:
                return FakeMailbox(record)
        raise MailboxNotFound

    async def active_document(self, kind: str) -> Document | None:
        """The active script, if the account has one."""
        if kind != "sieve" or not self.script:
            return None
        return Document(kind, "script", self.script.encode(), 1, 0.0, active=True)

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """There are no documents besides the active script."""
        return None

    async def seen(self, key: str) -> bool:
        """Whether the deposit of this key was committed."""
        return key in self.known

    def remember(self, key: str, *, lifetime_seconds: float) -> FakeKey:
        """A deposit that remembers this key."""
        return FakeKey(self.known, key)

    async def annotations(self) -> Mapping[str, bytes]:
        """There are no annotations."""
        return {}


class FakeDirectory(Directory):
    """A directory that knows `ALICE` and no other account or domain."""

    async def resolve(self, address: Address) -> Resolution:
        """Her address leads to her account; no other address is known."""
        return Local(ALICE.account) if address == ALICE.address else UnknownAddress()

    async def account(self, account: AccountId) -> AccountRecord | None:
        """Her record; None for any other account."""
        return ALICE if account == ALICE.account else None

    async def owns(self, account: AccountId, address: Address) -> bool:
        """Only she owns her address."""
        return account == ALICE.account and address == ALICE.address

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """Everybody acts as themselves only."""
        return authcid if authzid in ("", str(authcid)) else None


class Names:
    """A directory that finds accounts by other names, and has records of them.

    Attributes:
        facts: fields of every record.
    """

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self.accounts = dict(accounts)
        self.facts: dict[str, Any] = {}

    async def find_account(self, name: str) -> AccountId | None:
        """The account of this name."""
        return AccountId(self.accounts[name]) if name in self.accounts else None

    async def account(self, account: AccountId) -> AccountRecord | None:
        """The record of an account that has a name."""
        known = account in self.accounts.values()
        return AccountRecord(account, None, **self.facts) if known else None

    async def resolve(self, address: Address) -> Resolution:
        """No address is known."""
        return UnknownAddress()

    async def owns(self, account: AccountId, address: Address) -> bool:
        """No account owns an address."""
        return False

    async def may_act_as(self, authcid: AccountId, authzid: str) -> AccountId | None:
        """Nobody acts as somebody else."""
        return None
