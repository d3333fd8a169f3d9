"""Who is refused a file hears who may have it."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from thurn.app.access import denied, refusal
from thurn.app.command import Opener
from thurn.app.rights import Rights, with_rights
from thurn.cli.explain import explain
from thurn.config.files import read
from thurn.config.instances import load

ME = pwd.getpwuid(os.geteuid()).pw_name
OF_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def test_the_owner_is_named(tmp_path: Path) -> None:
    owner = "root" if ME == "root" else f"root or {ME}"
    text = f"{ME} has no access to it; run this command as {owner}"
    assert refusal(tmp_path / "missing" / "file") == f"{tmp_path}/missing/file: {text}"
    assert denied(tmp_path) is None
    assert denied(tmp_path / "missing") is None


@pytest.fixture
def config() -> Iterator[Path]:
    """A site of root's, at a place that strangers can reach."""
    place = Path(tempfile.mkdtemp(prefix="thurn-access-"))
    place.chmod(0o755)
    (place / "data").mkdir(mode=0o700)
    (place / "thurn.toml").write_text('[site]\ndata = "data"\n')
    (place / "thurn.toml").chmod(0o644)
    load(read([place / "thurn.toml"]))  # a stranger may not be able to import the rest of it
    yield place / "thurn.toml"
    shutil.rmtree(place)


def as_nobody(config: Path, command: click.Command) -> str:
    nobody = pwd.getpwnam("nobody")
    rights = Rights(nobody.pw_uid, nobody.pw_gid, (nobody.pw_gid,))
    runner = CliRunner()
    return with_rights(rights, lambda: runner.invoke(command, ["-c", str(config)]).output)


@OF_ROOT
def test_a_stranger_hears_who_may_read_the_journal(config: Path) -> None:
    told = as_nobody(config, explain)
    sentence = "nobody has no access to it; run this command as root"
    assert told == f"Error: {config.parent}/data/journal: {sentence}\n"


@OF_ROOT
def test_a_stranger_hears_who_may_open_the_site(config: Path) -> None:
    @click.command()
    @click.option("-c", "path", type=click.Path(path_type=Path))
    def opening(path: Path) -> None:
        async def act(_site: object) -> None:
            raise AssertionError("the site was opened")

        Opener().run(act, config=[path], roles=())

    told = as_nobody(config, opening)
    assert told.endswith("/data: nobody has no access to it; run this command as root\n"), told
