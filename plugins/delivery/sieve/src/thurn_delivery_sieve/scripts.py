"""The scripts that run for an account: the site's before, its own active one, the site's after.

Rules of this file:
1. The site's files are read once, at start; a reload reads them again. A file of `before`, `after`
   or `default` that does not compile is a start-up error with file and line. A global script is
   compiled when it is first included.
2. The script of an account is its active document of the kind "sieve" (RFC 5804 §2.8). It is read
   at each delivery, so that a change in another worker counts at once.
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
"""The kind of the documents of an account that are its scripts."""
SUFFIX: Final = ".sieve"
"""The end of the file names of global scripts."""
MAX_GLOBAL_SCRIPTS: Final = 1_000
"""Files in the directory of global scripts; all are kept in memory."""
NAME_CHARACTERS: Final = 128
"""Characters of a script's name; RFC 5804 §1.6 asks for 128."""

_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_script_name(name: str) -> bool:
    """Whether a script may have this name. RFC 5804 §1.6."""
    return 0 < len(name) <= NAME_CHARACTERS and _REFUSED.search(name) is None


@dataclass(frozen=True, slots=True)
class SiteScripts:
    """The scripts of the site.

    Attributes:
        before: the scripts that run before the account's own.
        after: the scripts that run after it.
        default: the script that runs for an account without an active script, or None.
    """

    before: tuple[Compiled, ...] = ()
    after: tuple[Compiled, ...] = ()
    default: Compiled | None = None


class Scripts:
    """Finds the scripts of accounts.

    Attributes:
        site: the scripts of the site.
        allow: the extensions that scripts of accounts may require; None means all.
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
        """A script of an account, compiled as for a delivery; errors are in it."""
        return await self._library.find(source, name, self.allow)

    async def included(self, account: AccountHandle, name: str) -> Script | bytes | None:
        """A script of the account for `include`, compiled if that is possible. RFC 6609 §3.2."""
        document = await account.document(KIND, name)
        if document is None:
            return None
        return _ready(await self._library.find(document.content, name, self.allow))

    def included_global(self, name: str) -> Script | bytes | None:
        """A script of the site for `include`; it may require all extensions."""
        source = self._shared.get(name)
        return None if source is None else _ready(self._library.compile(source, name))

    async def personal(self, account: AccountHandle) -> Compiled | None:
        """The active script of the account, else the default of the site, else None."""
        document = await account.active_document(KIND)
        if document is None:
            return self.site.default
        return await self._library.find(document.content, document.name, self.allow)


def _ready(compiled: Compiled) -> Script | bytes:
    """The script; if it does not compile its text, so that the including script gets the errors."""
    return compiled.source if compiled.script is None else compiled.script


def read_site(library: Library, settings: SieveSettings) -> SiteScripts:
    """Read and compile the scripts of the site.

    Raises:
        ConfigError: files cannot be read or do not compile; it names all of them, with the lines.
    """
    findings: list[str] = []

    def read(paths: Collection[Path]) -> tuple[Compiled, ...]:
        scripts = (_read_one(library, path, settings.script_size, findings) for path in paths)
        return tuple(script for script in scripts if script is not None)

    before, after = read(settings.before), read(settings.after)
    default = read([] if settings.default is None else [settings.default])
    if findings:
        raise ConfigError(findings)
    return SiteScripts(before, after, default[0] if default else None)


def read_global(settings: SieveSettings) -> Mapping[str, bytes]:
    """The texts of the global scripts, by their names for `include :global`.

    Raises:
        ConfigError: the directory or a file cannot be read, or there are too many.
    """
    directory = settings.global_scripts
    if directory is None:
        return {}
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
        if len(paths) > MAX_GLOBAL_SCRIPTS:
            raise ConfigError([f"{directory}: it has more than {MAX_GLOBAL_SCRIPTS} scripts"])
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
        findings.append(f"{path}: it is larger than {size_octets} octets (script_size)")
        return None
    compiled = library.compile(source, path.stem)
    findings += [f"{path}: {reason}" for reason in compiled.reasons]
    return compiled
