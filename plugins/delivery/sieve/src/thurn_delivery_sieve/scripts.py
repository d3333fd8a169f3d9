"""Which scripts run for an account: the site's before, its own active one, the site's after.

Rules of this file:
1. The site's files are read and compiled once, at start; a wrong one is a start-up error with
   file and line. A reload reads them anew.
2. An account's script is its active document of the kind "sieve" (RFC 5804 §2.8), read anew at
   each delivery: whoever changes it in another worker need tell nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thurn.plugin import AccountHandle, ConfigError
from thurn_sieve.script import Script

from thurn_delivery_sieve.library import Compiled, Library
from thurn_delivery_sieve.settings import SieveSettings

KIND: Final = "sieve"
SUFFIX: Final = ".sieve"
GLOBAL_SCRIPTS: Final = 1_000
"""Files of the directory of global scripts; all are in memory."""
NAME_CHARACTERS: Final = 128
"""RFC 5804 §1.6: names of 128 characters must be possible."""

_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_script_name(name: str) -> bool:
    """Whether a script may be called so. RFC 5804 §1.6."""
    return 0 < len(name) <= NAME_CHARACTERS and _REFUSED.search(name) is None


@dataclass(frozen=True, slots=True)
class SiteScripts:
    """The scripts of the site's files."""

    before: tuple[Compiled, ...] = ()
    after: tuple[Compiled, ...] = ()
    default: Compiled | None = None


class Scripts:
    """Finds the scripts of accounts.

    Attributes:
        allow: what scripts of accounts may require; None: all there is.
    """

    def __init__(
        self,
        library: Library,
        site: SiteScripts,
        shared: Mapping[str, bytes],
        allow: Collection[str] | None = None,
    ) -> None:
        self._library = library
        self.site = site
        self._shared = shared
        self.allow = allow

    async def compile(self, source: bytes, name: str) -> Compiled:
        """A script of an account as a delivery would have it; errors are in it."""
        return await self._library.find(source, name, self.allow)

    async def included(self, account: AccountHandle, name: str) -> Script | bytes | None:
        """A script of the account for `include`, ready if it compiles. RFC 6609 §3.2."""
        document = await account.document(KIND, name)
        if document is None:
            return None
        return _ready(await self._library.find(document.content, name, self.allow))

    def included_global(self, name: str) -> Script | bytes | None:
        """A script of the site for `include`; it may require all there is."""
        source = self._shared.get(name)
        return None if source is None else _ready(self._library.compile(source, name))

    async def personal(self, account: AccountHandle) -> Compiled | None:
        """The account's active script, else the site's default, else None."""
        document = await account.active_document(KIND)
        if document is None:
            return self.site.default
        return await self._library.find(document.content, document.name, self.allow)


def _ready(compiled: Compiled) -> Script | bytes:
    """The script; the text of a wrong one, so that whoever includes it hears what is wrong."""
    return compiled.source if compiled.script is None else compiled.script


def read_site(library: Library, settings: SieveSettings) -> SiteScripts:
    """The site's scripts.

    Raises:
        ConfigError: a file that cannot be read or is no script; all of them, with their lines.
    """
    findings: list[str] = []

    def read(paths: Collection[Path]) -> tuple[Compiled, ...]:
        found = (_read_one(library, path, settings.script_size, findings) for path in paths)
        return tuple(script for script in found if script is not None)

    before, after = read(settings.before), read(settings.after)
    default = read([] if settings.default is None else [settings.default])
    if findings:
        raise ConfigError(findings)
    return SiteScripts(before, after, default[0] if default else None)


def read_global(settings: SieveSettings) -> Mapping[str, bytes]:
    """The texts that `include :global` finds, by their names.

    Raises:
        ConfigError: the directory or a file cannot be read, or there are too many.
    """
    directory = settings.global_scripts
    if directory is None:
        return {}
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
        if len(paths) > GLOBAL_SCRIPTS:
            raise ConfigError([f"{directory}: more than {GLOBAL_SCRIPTS} scripts"])
        return {path.stem: path.read_bytes() for path in paths}
    except OSError as error:
        raise ConfigError([f"{error.filename or directory}: {error.strerror}"]) from None


def _read_one(
    library: Library, path: Path, size_octets: int, findings: list[str]
) -> Compiled | None:
    try:
        with path.open("rb") as file:
            source = file.read(size_octets + 1)
    except OSError as error:
        findings.append(f"{path}: {error.strerror}")
        return None
    if len(source) > size_octets:
        findings.append(f"{path}: over {size_octets} octets")
        return None
    compiled = library.compile(source, path.stem)
    findings += [f"{path}: {reason}" for reason in compiled.reasons]
    return compiled
