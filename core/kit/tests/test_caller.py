"""Who runs a command: in a process of its own, as sudo, doas, a login and a service start one."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

OWN = pwd.getpwuid(os.getuid()).pw_name
LOGIN_ID = Path("/proc/self/loginuid")
SCRIPT = "from thurn_kit.commands import caller; print(caller())"
AFTER_LOGIN = f"open('{LOGIN_ID}', 'w').write('%d'); {SCRIPT}"


def called(script=SCRIPT, **environment):
    """Without a terminal, and without what the caller of this test has left in the environment."""
    kept = {k: v for k, v in os.environ.items() if k not in {"SUDO_USER", "DOAS_USER"}}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    if done.returncode and str(LOGIN_ID) in script:
        pytest.skip("this machine does not let a process have a login id")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def no_login():
    """These tests are not run in a login session, whose id comes before everything else."""
    if LOGIN_ID.exists() and LOGIN_ID.read_text() != str(2**32 - 1):
        pytest.skip("this is a login session")


@pytest.mark.parametrize("variable", ["SUDO_USER", "DOAS_USER"])
def test_the_person_behind_sudo_and_doas(no_login, variable):
    assert called(**{variable: "carol"}) == f"carol (as {OWN})"
    assert called(**{variable: OWN}) == OWN


def test_a_service_is_its_own_account(no_login):
    assert called() == OWN


def test_a_login_counts_more_than_what_the_environment_says():
    number = next(one.pw_uid for one in pwd.getpwall() if one.pw_uid != os.getuid())
    name = pwd.getpwuid(number).pw_name
    assert called(AFTER_LOGIN % number, SUDO_USER="carol") == f"{name} (as {OWN})"


def test_a_login_without_a_name_is_its_number():
    assert called(AFTER_LOGIN % 54_321) == f"54321 (as {OWN})"
