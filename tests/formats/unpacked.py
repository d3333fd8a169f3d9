"""A format's site, unpacked to a directory of its own and served there by today's programs.

    format-2/site/            the site's text files, as they were
    format-2/data.tar.xz      what a `kill -9` and a power cut have left: data directory, keys
    format-2/expected.json    what must be found (`facts.py` says how it is found)

Rules of this file: the site's own file is used unchanged; only the places where it listens are laid
over it, in a file of their own.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import tomllib
from pathlib import Path

from clients import HOST
from demo import free_base
from running import BIN, SupervisedSite, toml

HERE = Path(__file__).parent
FORMATS = sorted(path for path in HERE.glob("format-*") if path.is_dir())
SITE, ARCHIVE, EXPECTED = "site", "data.tar.xz", "expected.json"
SITE_FILE, PORTS_FILE = "thurn.toml", "ports.toml"


def expected_of(source):
    return json.loads((source / EXPECTED).read_text("utf-8"))


def unpack(source, target):
    """Lay the site out as it was; passwords and keys are files that only their owner reads."""
    shutil.copytree(source / SITE, target)
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    with tarfile.open(source / ARCHIVE) as archive:
        archive.extractall(target, numeric_owner=True, filter="tar")


class UnpackedSite(SupervisedSite):
    """The site below `base`, listening at other ports: a free base and what it had above a
    thousand."""

    def __init__(self, base, programs=BIN):
        super().__init__(base, [base / SITE_FILE, base / PORTS_FILE], programs)
        listeners = tomllib.loads((base / SITE_FILE).read_text("utf-8"))["listener"]
        free = free_base()
        self._ports = {name: free + port_of(section) for name, section in listeners.items()}
        binds = {name: {"bind": [f"{HOST}:{port}"]} for name, port in self._ports.items()}
        (base / PORTS_FILE).write_text(toml({"listener": binds}))

    def port(self, listener):
        return self._ports[listener]


def port_of(section):
    return int(section["bind"][0].rpartition(":")[2]) % 1000
