#!/usr/bin/env python3
"""Runs every task of the repository, in an environment that it sets up first.

    ./do run [ARGS]     a working gateway on the embedded store (= thurn demo ARGS)
    ./do test [ARGS]    the tests (= pytest ARGS)
    ./do check          lint, types, import contracts, the repository's own rules
    ./do bench [ARGS]   the benchmarks (contrib/bench)
    ./do docs           build the documentation into site/
    ./do man [DIR]      manual pages of all commands, for `man` (= thurn manual DIR)
    ./do members        write the import contracts after adding a distribution
    ./do lock [ARGS]    write requirements.lock after changing a dependency (--upgrade: all)
    ./do exec CMD ...   any command inside the environment

Rules of this file: standard library only; it needs nothing but Python 3.11 and its venv module; the
environment is updated whenever the lock or a pyproject.toml has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".thurn-stamp"
UV = "uv>=0.13,<0.14"


def members() -> list[Path]:
    """Every distribution of the workspace, core first."""
    projects = sorted(ROOT.glob("core/*/pyproject.toml")) + sorted(
        ROOT.glob("plugins/*/*/pyproject.toml")
    )
    return [path.parent for path in projects]


def run(*command: str | Path, quiet: bool = False, given: str | None = None) -> None:
    """Run a command of the environment from the root; end with its exit code if it fails."""
    words = [str(part) for part in command]
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(words, cwd=ROOT, stdout=output, input=given, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in [LOCK, *(member / "pyproject.toml" for member in members())]:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def set_up() -> None:
    """Make .venv agree with the lock and the members; does nothing if it already agrees."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    say("thurn: setting up .venv (once; needs the package index)")
    if not (BIN / "uv").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        venv.create(VENV, with_pip=True)
        run(BIN / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", UV)
    install = (BIN / "uv", "pip", "install", "-q", "--python", BIN / "python")
    editable = [part for member in members() for part in ("-e", member)]
    run(*install, "--require-hashes", "-r", LOCK)
    run(*install, "--no-deps", *editable)
    STAMP.write_text(wanted)


def write_members() -> None:
    """Write the generated files: .importlinter and the state diagrams."""
    run(BIN / "python", ROOT / "tests" / "meta" / "generate.py")


def write_lock(arguments: list[str]) -> None:
    """Write the lock: names, versions and hashes of all dependencies of the distributions and the
    tools, for every platform, without the address of an index.

    Versions in the lock stay as they are, except with `--upgrade`, or `-P NAME` for one.
    """
    projects = {member: project(member) for member in members()}
    wanted = [
        f"-e {member.relative_to(ROOT)}[{','.join(facts.get('optional-dependencies', {}))}]\n"
        for member, facts in projects.items()
    ]
    own = [part for facts in projects.values() for part in ("--no-emit-package", facts["name"])]
    command = (BIN / "uv", "pip", "compile", "-q", "-", "--group", "dev", "--universal")
    style = ("--generate-hashes", "--no-header", "--no-annotate", "--python-version", "3.11")
    run(*command, *style, *own, "-o", LOCK, *arguments, quiet=True, given="".join(wanted))


def project(member: Path) -> dict[str, Any]:
    """The `[project]` table of a distribution."""
    facts: dict[str, Any] = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    return facts


def check() -> None:
    """Run the checks of the source: form, lint, types, import contracts, the repository's rules."""
    run(BIN / "ruff", "format", "--check", ".")
    run(BIN / "ruff", "check", ".")
    run(BIN / "mypy")
    run(BIN / "lint-imports")
    run(BIN / "pytest", "-q", "tests/meta")


def main(argv: list[str]) -> None:
    task, arguments = (argv[0], argv[1:]) if argv else ("help", [])
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(VENV),
    }
    tasks = {
        "run": ["thurn", "demo", *arguments],
        "test": ["pytest", "-q", "-n", "2", *arguments],
        "bench": ["python", str(ROOT / "contrib" / "bench" / "bench.py"), *arguments],
        "docs": ["mkdocs", "build", "-q", "--strict", *arguments],
        "man": ["thurn", "manual", *arguments],
        "exec": arguments,
    }
    own = {
        "check": check,
        "members": write_members,
        "lock": lambda: write_lock(arguments),
        "setup": lambda: None,
    }
    if task not in tasks and task not in own:
        say(__doc__ or "")
        sys.exit(0 if task == "help" else 2)
    os.environ.update(environment)
    set_up()
    if task in own:
        own[task]()
        return
    if task not in {"run", "exec"}:
        os.chdir(ROOT)
    os.execvpe(tasks[task][0], tasks[task], os.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
