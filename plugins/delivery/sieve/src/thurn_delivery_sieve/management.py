"""The scripts of one account, for its owner to manage (`thurn.contracts.scripts.AccountScripts`).

Rules of this file:
1. A script is a document of the account of the kind "sieve"; nothing else is stored.
2. Only a text without errors is stored; it is compiled as for a delivery.
3. A rename stores the new document first and deletes the old one last; after a crash in between,
   both exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from thurn.plugin import (
    AccountHandle,
    Clock,
    Document,
    DocumentNotFound,
    ScriptActive,
    ScriptCapabilities,
    ScriptDiagnostic,
    ScriptExists,
    ScriptNameRefused,
    ScriptNotFound,
    ScriptRecord,
    ScriptRefused,
    ScriptTrace,
    StoredScript,
    TracedAction,
)
from thurn_sieve.diagnostics import Diagnostic

from thurn_delivery_sieve.dry import DryFacts, DryRun, dry_run
from thurn_delivery_sieve.rules import Rules
from thurn_delivery_sieve.scripts import KIND, NAME_CHARACTERS, is_script_name


class SieveScripts:
    """The scripts of one account; see `thurn.contracts.scripts.AccountScripts`."""

    def __init__(self, rules: Rules, account: AccountHandle, clock: Clock) -> None:
        self._rules = rules
        self._account = account
        self._clock = clock

    @property
    def capabilities(self) -> ScriptCapabilities:
        """The extensions and limits of scripts of accounts."""
        return self._rules.capabilities

    async def check(self, source: bytes, name: str = "") -> Sequence[ScriptDiagnostic]:
        """The errors and warnings of a text."""
        compiled = await self._rules.compile(source, name)
        return [_diagnostic(one) for one in compiled.diagnostics]

    async def list(self) -> Sequence[ScriptRecord]:
        """All scripts in the order of their names."""
        return [_record(one) for one in await self._account.documents(KIND)]

    async def get(self, name: str | None = None, *, version: int | None = None) -> bytes:
        """The text of a script, or of the active one if `name` is None."""
        if name is None:
            active = await self._account.active_document(KIND)
            if active is None:
                raise ScriptNotFound("there is no active script")
            name = active.name
        return (await self._find(name, version)).content

    async def history(self, name: str) -> Sequence[ScriptRecord]:
        """All versions of a script, the oldest first."""
        versions = await self._account.document_history(KIND, name)
        if not versions:
            raise ScriptNotFound(f"there is no script {name}")
        return [_record(one) for one in versions]

    async def put(self, name: str, source: bytes, *, activate: bool = False) -> StoredScript:
        """Store a text; a text with errors is refused. RFC 5804 §2.6."""
        _check_name(name)
        diagnostics = await self.check(source, name)
        if any(one.severity == "error" for one in diagnostics):
            raise ScriptRefused(diagnostics)
        document = await self._account.put_document(KIND, name, source)
        if activate:
            await self._account.activate_document(KIND, name)
        return StoredScript(
            _record(document, active=activate or document.active), tuple(diagnostics)
        )

    async def activate(self, name: str | None) -> None:
        """Make a script the active one; with None, no script is active. RFC 5804 §2.8."""
        try:
            await self._account.activate_document(KIND, name)
        except DocumentNotFound:
            raise ScriptNotFound(f"there is no script {name}") from None

    async def rename(self, name: str, new_name: str) -> None:
        """Give a script another name; its earlier versions stay under the old name."""
        _check_name(new_name)
        document = await self._find(name)
        if name == new_name:
            return
        if await self._account.document(KIND, new_name) is not None:
            raise ScriptExists(f"there is a script {new_name} already")
        await self._account.put_document(KIND, new_name, document.content)
        if document.active:
            await self._account.activate_document(KIND, new_name)
        await self._account.delete_document(KIND, name)

    async def delete(self, name: str) -> None:
        """Delete a script that is not active. RFC 5804 §2.10."""
        if (await self._find(name)).active:
            raise ScriptActive(f"{name} is active")
        await self._account.delete_document(KIND, name)

    async def trace(
        self, source: bytes, message: bytes, *, sender: str | None, recipient: str
    ) -> ScriptTrace:
        """The actions that a text would ask for, for a message to this account."""
        compiled = await self._rules.compile(source, "")
        if compiled.script is None:
            raise ScriptRefused([_diagnostic(one) for one in compiled.diagnostics])
        facts = DryFacts(
            sender=sender,
            recipient=recipient,
            now=datetime.fromtimestamp(self._clock.wall(), UTC),
            mailboxes=[one.name for one in await self._account.mailboxes()],
            settings=self._rules.settings,
            environment=self._rules.environment,
        )
        return _trace(await dry_run(self._rules.engine, compiled.script, message, facts))

    async def _find(self, name: str, version: int | None = None) -> Document:
        document = await self._account.document(KIND, name, version=version)
        if document is None:
            raise ScriptNotFound(f"there is no script {name}")
        return document


def _check_name(name: str) -> None:
    if not is_script_name(name):
        raise ScriptNameRefused(
            f"the name of a script has 1 to {NAME_CHARACTERS} characters and no controls"
        )


def _diagnostic(one: Diagnostic) -> ScriptDiagnostic:
    return ScriptDiagnostic(one.message, one.line, one.column, one.severity, one.code)


def _record(document: Document, *, active: bool | None = None) -> ScriptRecord:
    return ScriptRecord(
        document.name,
        document.version,
        document.active if active is None else active,
        len(document.content),
        document.changed_at,
    )


def _trace(run: DryRun) -> ScriptTrace:
    result = run.result
    return ScriptTrace(
        tuple(_action(row) for row in run.rows),
        tuple(result.trace or ()),
        tuple(str(fault) for fault in result.errors),
        tuple(str(fault) for fault in result.warnings),
    )


def _action(row: Mapping[str, object]) -> TracedAction:
    arguments = {key: value for key, value in row.items() if key not in ("line", "action")}
    line = row.get("line")
    return TracedAction(str(row["action"]), line if isinstance(line, int) else 0, arguments)
