"""The files of contrib/systemd, judged by systemd's own programs, which need no running systemd."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from demo import free_base
from programs import call, program

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "contrib" / "systemd"
EXPOSURE_TENTHS = 20
"""The highest rating by `systemd-analyze security`; 0 is a service that can do nothing, 100 one
that can do everything. Version 252 says 15."""
INSTALLED = "/opt/thurn/bin/thurn"


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that this machine has: systemd looks whether it is there."""
    text = (FILES / "thurn.service").read_text()
    assert INSTALLED in text
    path = tmp_path / "thurn.service"
    path.write_text(text.replace(INSTALLED, "/bin/true"))
    return path


def settings():
    """The section [Service]; a setting that is given twice has both values."""
    found = {}
    _, _, section = (FILES / "thurn.service").read_text().partition("[Service]\n")
    for line in section.partition("\n[")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_has_no_mistake(unit, tmp_path):
    """It says what it does not understand on standard error, and ends well all the same."""
    analyze = program("systemd-analyze")
    assert call("sh", "-c", f"{analyze} verify --man=no {unit} 2>&1", cwd=tmp_path) == b""


def test_the_unit_exposes_little(unit, tmp_path):
    security = (program("systemd-analyze"), "security", "--offline=true", "--no-pager")
    call(*security, f"--threshold={EXPOSURE_TENTHS}", str(unit), cwd=tmp_path)


def test_the_account_and_the_directories_are_made(tmp_path):
    (tmp_path / "etc").mkdir()
    sysusers = program("systemd-sysusers")
    call(sysusers, f"--root={tmp_path}", str(FILES / "sysusers.d" / "thurn.conf"), cwd=tmp_path)
    (account,) = (
        line.split(":")
        for line in (tmp_path / "etc" / "passwd").read_text().splitlines()
        if line.startswith("thurn:")
    )
    assert account[5:] == ["/var/lib/thurn", "/usr/sbin/nologin"]
    tmpfiles = (program("systemd-tmpfiles"), "--create", f"--root={tmp_path}")
    if os.geteuid() != 0:
        pytest.skip("only root may give a directory to another account")
    call(*tmpfiles, str(FILES / "tmpfiles.d" / "thurn.conf"), cwd=tmp_path)
    uid, gid = int(account[2]), int(account[3])
    for name, owner, mode in (("etc/thurn", 0, 0o750), ("var/lib/thurn", uid, 0o700)):
        status = (tmp_path / name).stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (owner, gid, mode)


def test_the_files_agree_with_each_other_and_with_the_example():
    service = settings()
    site = tomllib.loads((ROOT / "contrib" / "examples" / "office.toml").read_text())["site"]
    assert [site["user"]] == service["User"] == service["Group"]
    assert site["data"] == f"/var/lib/{service['StateDirectory'][0]}"
    for words in (*service["ExecStart"], *service["ExecReload"]):
        assert re.fullmatch(rf"{INSTALLED} (run|reload) --config /etc/thurn/thurn\.toml", words)
    parser = configparser.ConfigParser(strict=False)
    parser.read(FILES / "thurn.service")
    assert parser["Install"]["WantedBy"] == "multi-user.target"


CONFINED = """\
import ctypes, json, os, sys
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65  # linux/prctl.h
library = ctypes.CDLL(None, use_errno=True)
if library.prctl(PR_SET_MDWE, 1, 0, 0, 0) or library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
    print(json.dumps({"error": os.strerror(ctypes.get_errno())}))
    sys.exit()
os.execv(sys.argv[1], sys.argv[1:])
"""
"""MemoryDenyWriteExecute= and NoNewPrivileges=, as a recent kernel offers them to everybody."""


@pytest.mark.slow
def test_a_site_runs_where_memory_is_never_both_written_and_executed(tmp_path):
    """Which some libraries for foreign functions need; those that thurn has do not."""
    thurn = Path(sys.executable).parent / "thurn"
    words = (thurn, "demo", "--port-base", str(free_base()), "--data", tmp_path / "demo", "--json")
    command = (sys.executable, "-c", CONFINED, *map(str, words))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        facts = json.loads(process.stdout.readline())
        process.terminate()
    if "error" in facts:
        pytest.skip(f"this kernel does not offer it: {facts['error']}")
    assert facts["ready"]


SITE = """\
[site]
hostname = "mail.example.org"
data = "data"
user = "nobody"
workers = 1
state = "main"
store = "main"
[state.main]
type = "sqlite"
[store.main]
type = "spool"
[listener.mx]
type = "smtp"
bind = ["127.0.0.1:{port}"]
"""


def low_port():
    """A free port that only root may bind, or who has the capability."""
    for port in range(1023, 511, -1):
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture
def site_of_nobody():
    """A site's file in a directory that its account can reach: the tests' own are root's."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "thurn.toml"
        path.write_text(SITE.format(port=low_port()))
        for one in (path.parent, path):
            shutil.chown(one, "nobody")
        yield path


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become the account")
def test_a_site_has_enough_rights_by_those_of_the_unit(site_of_nobody):
    """One account, one capability, no way to more; reload and stop are called with the same."""
    service = settings()
    (capability,) = service["AmbientCapabilities"]
    assert service["CapabilityBoundingSet"] == [capability]
    word = capability.removeprefix("CAP_").lower()
    account = pwd.getpwnam("nobody")
    rights = (program("setpriv"), f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}")
    rights += ("--clear-groups", "--no-new-privs")
    rights += tuple(
        f"--{kind}=-all,+{word}" for kind in ("inh-caps", "ambient-caps", "bounding-set")
    )
    thurn = (*rights, str(Path(sys.executable).parent / "thurn"))
    config = ("--config", str(site_of_nobody))
    if subprocess.run([*thurn, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("the account cannot reach this environment")
    with subprocess.Popen(
        [*thurn, "run", "--json", *config], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert json.loads(process.stdout.readline())["ready"]
            assert call(*thurn, "reload", *config, cwd="/") == b"Generation 2 serves.\n"
            assert call(*thurn, "stop", *config, cwd="/") == b"Stopped.\n"
            assert process.wait(100) == 0
        finally:
            process.kill()
