"""Writes the demo's site: a configuration and an account file in one directory.

Rules of this file: every default plugin that is shipped is on. Everything listens on loopback, at
the port base plus the standard port. An existing directory is continued, and passwords are hashed
again only if they change.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thurn_kit.accounts import hash_password
from thurn_kit.scram import make_stored_key, saslprep

HOST: Final = "127.0.0.1"
"""The address of all listeners: the demo's passwords are not secret."""
NAMED: Final = ("alice", "bob", "carol")
"""The accounts that every demo has."""
PROVER: Final = "proof"
"""The account with which the demo tests itself; its password is random and never shown."""
GRANT_INTERVAL: Final = "30m"
"""How long a login to read mail lets its address send (POP-before-SMTP)."""
SCHEME: Final = "SCRAM-SHA-256"
"""The scheme of the accounts' stored keys: the default of `sasl.scram`."""
SCRAM_ITERATIONS: Final = 10_000
"""The iterations of the accounts' stored keys: the default of `sasl.scram`."""
SMALL_DISK_OCTETS: Final = 1 << 30
"""Free octets of a disk below which the log has small segments: with the usual ones, the log and
its reserve need 160 MB before the first message."""
SEGMENTS: Final = ("4MiB", "16MiB")
"""The log's segments on a small disk, and on any other."""
STANDARD_PORTS: Final = {
    "smtp": 25,
    "lmtp": 24,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
}
"""The standard port of each listener."""
PORT_BASES: Final = range(2000, 31_000, 1000)
"""The port bases that are tried: above the privileged ports, and below the kernel's range for
outgoing connections (from 32768)."""


def find_port_base() -> int:
    """The first base whose ports are all free; the first of all if there is no such base."""
    free = (base for base in PORT_BASES if all(map(_is_free, _ports(base).values())))
    return next(free, PORT_BASES[0])


def _ports(base: int) -> dict[str, int]:
    return {name: base + port for name, port in STANDARD_PORTS.items()}


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class DemoSite:
    """The options of the command line."""

    directory: Path
    port_base: int
    accounts: int
    domain: str
    password: str
    workers: int
    sieve: Path | None = None

    @property
    def names(self) -> list[str]:
        """The accounts that people use."""
        return [*NAMED, *(f"u{number}" for number in range(1, self.accounts + 1))]

    @property
    def ports(self) -> dict[str, int]:
        """The port of each listener."""
        return _ports(self.port_base)

    @property
    def certificate(self) -> Path:
        """The self-signed certificate, once the site has started."""
        return self.directory / "data" / "tls" / "main" / "certificate.pem"


def write_site(site: DemoSite) -> tuple[Path, str]:
    """Write the files, and return the configuration's path and the prover's password."""
    site.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    prover_password = _write_accounts(site)
    path = site.directory / "thurn.toml"
    path.write_text(_configuration(site), "utf-8")
    return path, prover_password


def _write_accounts(site: DemoSite) -> str:
    """Write accounts.toml unless it exists for the same options; return the prover's password."""
    path, notes = site.directory / "accounts.toml", site.directory / "demo.json"
    wanted = {"names": site.names, "domain": site.domain, "password": site.password}
    if path.exists() and notes.exists():
        last = json.loads(notes.read_text("utf-8"))
        if {key: last.get(key) for key in wanted} == wanted:
            return str(last["prover"])
    prover_password = secrets.token_urlsafe(18)
    # All accounts share one hash, so that a thousand of them are written at once.
    shared = _credentials(site.password)
    lines = [f'domains = ["{site.domain}"]', ""]
    for name in site.names:
        lines += [f"[accounts.{name}]", *shared, ""]
    own = _credentials(prover_password)
    lines += [f"[accounts.{PROVER}]", *own, ""]
    for file, text in (
        (path, "\n".join(lines)),
        (notes, json.dumps({**wanted, "prover": prover_password})),
    ):
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(text, "utf-8")
    return prover_password


def _credentials(password: str) -> list[str]:
    """The lines of an account: its password's hash, and its key for SCRAM if one can be made."""
    lines = [f'password = "{hash_password(password).value}"']
    try:
        prepared = saslprep(password, stored=True)
    except ValueError:
        return lines
    key = make_stored_key(SCHEME, prepared, SCRAM_ITERATIONS)
    return [*lines, f'stored_keys = {{ "{SCHEME}" = "{key}" }}']


def _configuration(site: DemoSite) -> str:
    ports = site.ports
    return _TEMPLATE.format(
        domain=site.domain,
        workers=site.workers,
        host=HOST,
        segment=SEGMENTS[shutil.disk_usage(site.directory).free >= SMALL_DISK_OCTETS],
        grant_interval=GRANT_INTERVAL,
        default=f"default = {json.dumps(str(site.sieve.resolve()))}" if site.sieve else "",
        **{f"port_{k}": v for k, v in ports.items()},
    )


_TEMPLATE: Final = """\
# Written anew by each `thurn demo`. Change a copy, or add to it with thurn demo --config FILE
[site]
hostname = "mail.{domain}"
data = "data"
workers = {workers}
allow_root = true
state = "main"
accounts = ["main"]
store = "main"
queue = "main"
postmaster = "postmaster@{domain}"
segment = "{segment}"

[state.main]
type = "sqlite"

[account.main]
type = "file"
file = "accounts.toml"
domains = ["{domain}"]
postmaster = "alice"

[store.main]
type = "spool"
# What clients would make themselves, some without its special use.
mailboxes = [
    {{name = "INBOX"}}, {{name = "Sent", use = "sent"}}, {{name = "Drafts", use = "drafts"}},
    {{name = "Junk", use = "junk"}}, {{name = "Trash", use = "trash"}},
    {{name = "Archive", use = "archive"}},
]

[queue.main]
type = "spool"

[tls.main]
type = "selfsigned"

[sasl.plain]
type = "plain"

[sasl.login]
type = "login"

[sasl.scram]
type = "scram"

[login.limiter]
type = "limiter"
trusted = ["127.0.0.0/8"]
# All clients of the demo are there. Your own site names its webmail servers, or nothing.

[login.pop]
type = "popbeforesmtp"
interval = "{grant_interval}"

[relay.authenticated]
type = "authenticated"

[relay.networks]
type = "networks"

[relay.grants]
type = "grants"

[policy.sender]
type = "sender"

[filter.sender]
type = "sender"

[delivery.sieve]
type = "sieve"
{default}

[listener.smtp]
type = "smtp"
profile = "mx"
bind = ["{host}:{port_smtp}"]
tls = "main"
relay = ["networks", "grants"]
filters = ["sender"]
delivery = ["sieve"]
connections_per_address = 2000

[listener.lmtp]
type = "smtp"
profile = "lmtp"
bind = ["{host}:{port_lmtp}"]
delivery = ["sieve"]
connections_per_address = 2000

[listener.submission]
type = "smtp"
profile = "submission"
bind = ["{host}:{port_submission}"]
tls = "main"
sasl = ["scram", "plain", "login"]
login = ["limiter"]
policies = ["sender"]
relay = ["authenticated"]
filters = ["sender"]
delivery = ["sieve"]
connections_per_address = 2000

[listener.submissions]
type = "smtp"
profile = "submissions"
bind = ["{host}:{port_submissions}"]
tls = "main"
tls_mode = "implicit"
sasl = ["scram", "plain", "login"]
login = ["limiter"]
policies = ["sender"]
relay = ["authenticated"]
filters = ["sender"]
delivery = ["sieve"]
connections_per_address = 2000

[listener.imap]
type = "imap"
bind = ["{host}:{port_imap}"]
tls = "main"
sasl = ["scram", "plain", "login"]
login = ["limiter", "pop"]
connections_per_address = 2000

[listener.imaps]
type = "imap"
bind = ["{host}:{port_imaps}"]
tls = "main"
tls_mode = "implicit"
sasl = ["scram", "plain", "login"]
login = ["limiter", "pop"]
connections_per_address = 2000

[listener.pop3]
type = "pop3"
bind = ["{host}:{port_pop3}"]
tls = "main"
sasl = ["scram", "plain", "login"]
login = ["limiter", "pop"]
connections_per_address = 2000

[listener.pop3s]
type = "pop3"
bind = ["{host}:{port_pop3s}"]
tls = "main"
tls_mode = "implicit"
sasl = ["scram", "plain", "login"]
login = ["limiter", "pop"]
connections_per_address = 2000
"""
