"""After a crash: the log's records are done again where the index lacks them.

An index is committed only after its records are durable, so it never has what the log has not;
after a power cut it may lack its newest commits (SQLite recovers to one of them). So a record with
a MODSEQ above the index's highest is missing, and any other has been done.

There is one exception. A worker may die after its record was synced and before its index was
committed; then another worker gives the same numbers again. Nobody was told of the first change. Of
two records with one number the later one is right, because its writer saw the number free; where
the index has the number already, what it has is right. The message of the other record is stored
with new numbers; any other change of it is dropped, since its caller never heard that it was done.
New numbers stand in no record, so such a message goes to its file. Once a number has been decided
it stays so: that transaction is synced before anybody sees it, and a later replay reads whose the
number is. Any other replay may be lost and is done again from the log, so it is not synced.

An account that is in trouble stops nobody: its records are returned, and the log puts them aside.
`log.restore` applies them when the account is well.

Rules of this file: blocking; before anything is served here, while other workers may be serving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import apsw
from thurn.plugin import (
    AccountId,
    Blob,
    BlobReference,
    Content,
    Record,
    StorageTrouble,
    Unapplied,
)

from thurn_store_spool.body.file import place_body
from thurn_store_spool.body.summary import summarise
from thurn_store_spool.environment import Environment, OpenAccount
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.row import read_highest, read_uidnext
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.log.unapplied import set_aside
from thurn_store_spool.operation.kind import (
    AccountOperations,
    Appended,
    Operation,
    Summary,
    decode_record,
)
from thurn_store_spool.operation.perform import append_message, perform, take_key

WAIT_MS: Final = 30_000
"""Milliseconds that a replay waits for another worker's transaction, which itself lasts only
milliseconds."""


FIRST_MODSEQ: Final = 1
"""The MODSEQ of every account's first change; records from it on are the whole account."""


@dataclass(slots=True)
class Recorded:
    """The operations of one account in the log: one for each MODSEQ, and those that lost it."""

    by_modseq: dict[int, Operation] = field(default_factory=dict)
    lost: list[Operation] = field(default_factory=list)
    records: list[tuple[Record, AccountOperations]] = field(default_factory=list)

    def add(self, record: Record, decoded: AccountOperations) -> None:
        """Records come in the order of time: a later one takes the number."""
        self.records.append((record, decoded))
        for operation in decoded.operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        earlier = self.by_modseq.get(operation.modseq)
        if earlier is not None and earlier.nonce != operation.nonce:
            self.lost.append(earlier)
        self.by_modseq[operation.modseq] = operation

    @property
    def is_beginning(self) -> bool:
        """Whether everything that was ever done to the account is here."""
        return FIRST_MODSEQ in self.by_modseq


def replay(environment: Environment, records: Sequence[Record]) -> list[Unapplied]:
    """Apply every record to its account's index, where the index lacks it.

    Returns:
        The records of the accounts that are in trouble.

    Raises:
        StorageError: the disk refuses it, whichever account it is.
    """
    accounts: dict[str, Recorded] = {}
    for record in sorted(records, key=lambda record: record.written_at_ns):
        decoded = decode_record(record.payload)
        accounts.setdefault(decoded.account, Recorded()).add(record, decoded)
    unapplied: list[Unapplied] = []
    for name, recorded in accounts.items():
        account = AccountId(name)
        try:
            environment.must_be_well(account)
            _replay_account(environment, account, recorded)
        except Exception as error:  # noqa: BLE001 - a damaged index may raise anything
            unapplied += set_aside(environment.troubles, account, recorded.records, error)
    return unapplied


def _replay_account(environment: Environment, account: AccountId, recorded: Recorded) -> None:
    index = environment.pool.index(account)
    opened = OpenAccount(index, environment.caches.of(index), environment)
    try:
        Replay(opened, is_beginning=recorded.is_beginning).run(recorded)
    except (apsw.Error, OSError) as error:
        raise index.failed(error) from error
    # The worker that wrote the records may have died before it told anybody.
    environment.caches.mark.change()
    environment.watch.tell_by_file(account)


class _TakenNumbersError(Exception):
    """A number was taken twice, so the transaction must be synced."""


class Replay:
    """One account's replay: one transaction.

    Args:
        account: whose.
        is_beginning: the records begin with the account's first change, so that its index may be
            made anew.

    Raises:
        StorageError: the index cannot be opened.
    """

    def __init__(self, account: OpenAccount, *, is_beginning: bool) -> None:
        self._account = account
        self._index = account.index
        self._environment = account.environment
        self._connection = account.index.connect(is_beginning=is_beginning)
        self._known: dict[int, tuple[str, int]] = {}
        """Names and next UIDs of mailboxes, as long as nothing but messages comes."""

    def run(self, recorded: Recorded, *, synced: bool = False) -> None:
        """Do what is missing. `synced`: it is on the disk afterwards.

        Raises:
            StorageError: nothing was done.
            apsw.Error: the same.
            OSError: the same.
        """
        self._connection.set_busy_timeout(WAIT_MS)
        try:
            if synced or not self._is_done_unsynced(recorded):
                self._connection.execute("PRAGMA synchronous=FULL")
                self._transact(recorded, synced=True)
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.set_busy_timeout(0)

    def _is_done_unsynced(self, recorded: Recorded) -> bool:
        """Do it without a sync; False when a number was taken twice, and nothing was done."""
        try:
            self._transact(recorded, synced=False)
        except _TakenNumbersError:
            return False
        return True

    def _transact(self, recorded: Recorded, *, synced: bool) -> None:
        if not self._index.begin():
            raise StorageTrouble("another process keeps the index", account=self._index.account)
        try:
            self._do(recorded, synced=synced)
        except BaseException:
            self._index.rollback()
            raise
        self._index.commit()

    def _do(self, recorded: Recorded, *, synced: bool) -> None:
        highest = read_highest(self._connection)
        lost = list(recorded.lost)
        self._known.clear()
        for modseq, operation in sorted(recorded.by_modseq.items()):
            if modseq <= highest:
                if not self._is_done(operation):
                    lost.append(operation)
            elif not self._perform(operation):
                lost.append(operation)
        self._index.numbers_unknown()
        messages = [one for one in lost if isinstance(one, Appended) and not self._is_stored(one)]
        if lost and not synced:
            raise _TakenNumbersError
        for operation in messages:
            self._store_anew(operation)
        if lost:
            self._environment.diagnostics.warning(
                "store.numbers_taken",
                account=self._index.account,
                changes=len(lost),
                messages=len(messages),
            )

    def _is_done(self, operation: Operation) -> bool:
        """Whether the change that has this number is this one."""
        row = select_one(
            self._connection, "SELECT nonce FROM change WHERE modseq = ?", (operation.modseq,)
        )
        if isinstance(operation, Appended):
            body = select_one(
                self._connection, "SELECT message FROM body WHERE id = ?", (operation.modseq,)
            )
            if body is not None:
                return bool(body[0] == operation.nonce)
            return row is None  # without either row it was stored, and expunged since
        # Without a row it was pruned, which is long ago, or an append took the number.
        return row is not None and row[0] == operation.nonce

    def _is_stored(self, operation: Appended) -> bool:
        """Whether the message is there under any number; slow, and rarely asked."""
        sql = "SELECT 1 FROM body WHERE message = ?"
        return select_one(self._connection, sql, (operation.nonce,)) is not None

    def _perform(self, operation: Operation) -> bool:
        """Do it with its numbers; False when the index does not let it."""
        if isinstance(operation, Appended) and not self._fits(operation):
            return False
        self._connection.execute("SAVEPOINT one")
        try:
            if isinstance(operation, Appended):
                self._append(operation)
                self._known[operation.mailbox] = (operation.name, operation.uid + 1)
            else:
                perform(self._connection, operation)
                self._known.clear()
        except (apsw.ConstraintError, ValueError) as error:
            self._connection.execute("ROLLBACK TO one")
            self._environment.diagnostics.warning(
                "store.replay_failed",
                account=self._index.account,
                modseq=operation.modseq,
                detail=str(error),
            )
            return False
        finally:
            self._connection.execute("RELEASE one")
        return True

    def _fits(self, operation: Appended) -> bool:
        """Whether mailbox and UID are still what they were when the numbers were given."""
        known = self._known.pop(operation.mailbox, None)
        if known is None:
            sql = "SELECT name FROM mailbox WHERE number = ?"
            row = select_one(self._connection, sql, (operation.mailbox,))
            if row is None:
                return False
            known = (row[0], read_uidnext(self._connection, operation.mailbox))
        return operation.name == known[0] and operation.uid >= known[1]

    def _blob(self, operation: Appended) -> Blob:
        reference = None
        if operation.logged is not None:
            reference = BlobReference(*operation.logged, operation.length)
        blob = self._environment.bodies.find(
            self._index.directory, operation.nonce, reference, operation.length
        )
        if blob is None:
            detail = "a record's body is neither in the log nor in its file"
            raise StorageTrouble(detail, account=self._index.account)
        return blob

    def _summary(self, operation: Appended) -> Summary:
        if operation.summary is not None:
            return operation.summary
        return summarise(Content(self._blob(operation), operation.prefix))

    def _store_anew(self, operation: Appended) -> None:
        """Store the message with new numbers, in its mailbox, which is made if it is missing."""
        index, draft = self._index, Draft(self._account)
        row = index.written_tree.by_name.get(operation.name) or draft.make(operation.name)
        if operation.logged is not None:
            place_body(index.directory, operation.nonce, self._blob(operation))
        uid = index.take_uids(row.number)
        modseq = index.take_modseq()
        moved = Appended(
            modseq,
            operation.nonce,
            row.number,
            row.name,
            uid,
            operation.flags & (1 << len(row.flag_names)) - 1,
            operation.received,
            operation.length,
            operation.prefix,
            None,
            operation.key,
            operation.at,
            operation.summary,
        )
        self._append(moved)

    def _append(self, operation: Appended) -> None:
        append_message(self._connection, operation, self._summary(operation))
        if operation.key:
            take_key(self._connection, operation.key, operation.at)
