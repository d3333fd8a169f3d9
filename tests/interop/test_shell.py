"""Manual pages and completion, with the programs that people have: groff, man, bash."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import call, program

pytestmark = pytest.mark.interop

BIN = Path(sys.executable).parent
PATH = {"PATH": f"{BIN}:/usr/bin:/bin"}
COMPLETE = """\
set -eu
. ./thurn.bash
complete -p thurn | grep -q _thurn_completion
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_thurn_completion thurn
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""What bash does at TAB after these words."""


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    base = tmp_path_factory.mktemp("manual")
    call(str(BIN / "thurn"), "manual", str(base), cwd=base)
    return base


def test_groff_has_nothing_to_warn_of(manual):
    pages = [str(path) for path in sorted((manual / "man1").iterdir())]
    words = f"{program('groff')} -man -ww -z -Tutf8 {' '.join(pages)} 2>&1"
    assert call("sh", "-c", words, cwd=manual) == b""


def test_man_shows_a_page(manual):
    shown = call(
        program("man"), "thurn-explain", cwd=manual, environment={"MANPATH": str(manual)}
    ).decode()
    assert "Show what happened to a transaction" in shown
    assert "thurn explain --to alice@example.org --since 2h" in shown
    assert "thurn-status(1)" in shown


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """What `thurn completion` prints for each shell."""
    base = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        script = call(str(BIN / "thurn"), "completion", shell, cwd=base)
        (base / f"thurn.{shell}").write_bytes(script)
    return base


def completed(scripts, *words):
    answer = call(program("bash"), "-c", COMPLETE, "bash", *words, cwd=scripts, environment=PATH)
    return answer.decode().split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("thurn", "st"), ["status", "stop"]),
        (("thurn", "account", "app-password", "re"), ["revoke"]),
        (("thurn", "relay", "grant", "--w"), ["--why"]),
        (("thurn", "plugins", "new", "sa"), ["sasl"]),
        (("thurn", "config", "schema", "store.sp"), ["store.spool"]),
        (("thurn", "completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(scripts, words, expected):
    assert completed(scripts, *words) == expected


def test_the_other_shells_have_a_script(scripts):
    assert (scripts / "thurn.zsh").read_text().startswith("#compdef thurn")
    assert "complete --no-files --command thurn" in (scripts / "thurn.fish").read_text()
