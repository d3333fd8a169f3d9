"""What `thurn check` says of sites that could not run: each finding names file and line.

Rules of this file: one row per mistake; the row changes one thing of a site that is right, and the
whole file is checked by the real command, as root where the mistake needs it. Most rows call the
command in this process: its start would take longer than all the rest.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner
from thurn.cli.main import main

THURN = Path(sys.executable).parent / "thurn"
SITE = """\
[site]
hostname = "mail.example.org"
data = "data"
allow_root = true
store = "main"
accounts = ["people"]
state = "main"

[state.main]
type = "memory"

[store.main]
type = "memory"

[account.people]
type = "file"
file = "people.toml"

[tls.main]
type = "files"
certificate = "mx.pem"
key = "mx.key"

[policy.sender]
type = "sender"

[relay.here]
type = "networks"
networks = ["192.0.2.0/24"]

[listener.mx]
type = "smtp"
bind = ["127.0.0.1:0"]
tls = "main"
policies = ["sender"]
relay = ["here"]
"""
MISTAKES = [
    ('"mail.example.org"', '"mail..example.org"', ":2: site.hostname: empty label"),
    ('"mail.example.org"', '"192.0.2.1"', ":2: site.hostname: domain ends in a number"),
    ("allow_root = true", 'user = "no-such-one"', ":4: site.user: this machine has no account"),
    ("allow_root = true", 'postmaster = "x"', ":4: site.postmaster: "),
    ('accounts = ["people"]', 'accounts = ["poeple"]', ':6: site.accounts: site names account "po'),
    ('file = "people.toml"', 'file = "none.toml"', "none.toml: the file cannot be read"),
    ('file = "people.toml"', 'file = "broken.toml"', "broken.toml"),
    ('"mx.pem"', '"no.pem"', "no.pem cannot be read: No such file or directory"),
    ('"mx.pem"', '"junk.pem"', "junk.pem has no certificate that can be read"),
    ('"mx.key"', '"other.key"', "other.key is not the key of "),
    ('"mx.key"', '"open.key"', "open.key: chmod o-rwx it"),
    ('"192.0.2.0/24"', "5", ":29: relay.here.networks.0: 5 is not a text"),
    ('"192.0.2.0/24"', '"0.0.0.0/0"', ":29: relay.here.networks: these networks together make"),
    ('"127.0.0.1:0"', '"300.0.0.1:25"', '"300.0.0.1" is neither an address nor a host name'),
    ('"127.0.0.1:0"', '"127.0.0.1:0", "127.0.0.1:0"', ":33: listener.mx.bind: names 127"),
    ('"127.0.0.1:0"', '"unix:/nowhere/there"', ":33: listener.mx.bind: /nowhere does not exist"),
    ('policies = ["sender"]', 'policies = ["sender", "sender"]', 'names policy "sender" twice'),
    ('tls = "main"', 'tls_mode = "implicit"', ":31: listener.mx: tls_mode = "),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The files that the site names, and those that the mistakes name."""
    directory = tmp_path_factory.mktemp("site")
    authority = trustme.CA()
    for stem in ("mx", "other", "open"):
        issued = authority.issue_cert("mail.example.org")
        certificate = directory / f"{stem}.pem"
        certificate.write_bytes(issued.cert_chain_pems[0].bytes())
        certificate.chmod(0o644)  # whatever the umask is
        key = directory / f"{stem}.key"
        key.write_bytes(issued.private_key_pem.bytes())
        key.chmod(0o644 if stem == "open" else 0o600)
    people = directory / "people.toml"
    people.write_text(
        'domains = ["example.org"]\n[accounts.alice]\naddresses = ["alice@example.org"]\n'
    )
    people.chmod(0o640)
    for name in ("broken.toml", "junk.pem"):
        (directory / name).write_text("nothing of use\n")
        (directory / name).chmod(0o600)
    return directory


def check_here(place: Path, text: str) -> tuple[int, str]:
    path = place / "thurn.toml"
    path.write_text(text)
    with contextlib.chdir(place):
        done = CliRunner().invoke(main, ["check", "-c", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


def check(place: Path, text: str) -> tuple[int, str]:
    """The same in a process of its own."""
    path = place / "thurn.toml"
    path.write_text(text)
    done = subprocess.run(
        [THURN, "check", "-c", path], capture_output=True, text=True, check=False, cwd=place
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_site_without_a_mistake_is_right(place):
    code, told = check(place, SITE)
    assert (code, told) == (0, "The configuration is right.\n")
    assert not (place / "data").exists(), "a check makes nothing"


@pytest.mark.parametrize(("right", "wrong", "finding"), MISTAKES, ids=lambda text: text[:24])
def test_a_mistake_is_found_with_its_line(place, right, wrong, finding):
    assert right in SITE
    code, told = check_here(place, SITE.replace(right, wrong))
    assert code == 1
    assert finding in told


def test_all_mistakes_of_a_file_are_reported_at_once(place):
    text = SITE
    chosen = [MISTAKES[n] for n in (0, 4, 11, 16)]
    for right, wrong, _ in chosen:
        text = text.replace(right, wrong)
    _, told = check_here(place, text)
    for _, _, finding in chosen:
        assert finding in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody to become")
def test_root_must_say_whom_to_become_and_that_account_reads_the_files(place):
    code, told = check_here(place, SITE.replace("allow_root = true\n", ""))
    assert code == 1
    assert 'started by root: write user = "…"' in told
    place.chmod(0o755)
    for parent in place.parents[: len(place.parents) - 2]:
        parent.chmod(0o755)
    code, told = check(place, SITE.replace("allow_root = true", 'user = "nobody"'))
    assert code == 1
    assert "mx.key cannot be read: Permission denied; the site's account must be" in told
    assert "people.toml" in told
