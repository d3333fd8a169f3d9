"""The servers under test, each private, on loopback and high ports: thurn's demo, Dovecot, Postfix.

A peer's configuration is written into the work directory and removed with it; no system service
is started and nothing under /etc is read. Peers need root (they change to their own accounts).
Peers deliver into INBOX without Sieve unless ``--sieve`` asks for the same script everywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOMAIN = "bench.test"
PASSWORD = "bench-password-1"
HOST = "127.0.0.1"

DOVECOT_CONF = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = {format}:~/{format}
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
mail_fsync = optimized
mail_max_userip_connections = 0
default_client_limit = 8000
default_process_limit = 2000
recipient_delimiter = +
auth_username_format = %Ln
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/home/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
  process_limit = 250
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  mail_plugins = {plugins}
}}
plugin {{
  sieve = file:~/sieve;active={dir}/sieve/bench.sieve
}}
"""

POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
maillog_file_prefixes = {dir}
maillog_file = {dir}/maillog
myhostname = mx.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_recipient_restrictions =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = static:ok
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
"""


@dataclass(slots=True)
class Server:
    """A running server: its ports by name, its root processes, what its INBOXes should hold."""

    name: str
    ports: dict[str, int]
    roots: list[int]
    directory: Path
    expected: Counter[int] = field(default_factory=Counter)
    is_thurn: bool = False


class Farm:
    """Starts servers under one work directory and ends them all on exit."""

    def __init__(self, work: Path, port_base: int, sieve: bool) -> None:
        self.work, self.port_base, self.sieve = work, port_base, sieve
        self.running: list[Server] = []
        self.children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self.running):
            for pid in server.roots:
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()

    def _place(self, name: str) -> tuple[Path, int]:
        directory = self.work / name
        directory.mkdir(parents=True)
        directory.chmod(0o755)
        base = self.port_base
        self.port_base += 1000
        return directory, base

    def peer(self, mail_format: str) -> Server:
        """Dovecot with the format, and a Postfix before it."""
        directory, base = self._place(f"dovecot-{mail_format}")
        for name in ("run", "state", "home", "sieve"):
            (directory / name).mkdir()
        shutil.chown(directory / "home", "mail", "mail")
        shutil.chown(directory / "sieve", "mail", "mail")
        shutil.copy(HERE / "bench.sieve", directory / "sieve" / "bench.sieve")
        ports = {"lmtp": base + 24, "pop3": base + 110, "imap": base + 143, "smtp": base + 25}
        conf = directory / "dovecot.conf"
        plugins = "$mail_plugins sieve" if self.sieve else "$mail_plugins"
        text = DOVECOT_CONF.format(
            dir=directory, format=mail_format, password=PASSWORD, plugins=plugins, **ports
        )
        conf.write_text(text)
        _launch(["dovecot", "-c", str(conf)], directory / "start.log")
        roots = [_pid(directory / "run" / "master.pid"), self._postfix(mail_format, base, ports)]
        server = Server(f"dovecot-{mail_format}", ports, roots, directory)
        self.running.append(server)
        for port in ports.values():
            _wait_port(port)
        return server

    def _postfix(self, mail_format: str, base: int, ports: dict[str, int]) -> int:
        directory = self.work / f"postfix-{mail_format}"
        for name in ("etc", "spool", "data"):
            (directory / name).mkdir(parents=True)
        directory.chmod(0o755)
        shutil.chown(directory / "data", "postfix")
        main = POSTFIX_MAIN.format(dir=directory, lmtp=ports["lmtp"])
        (directory / "etc" / "main.cf").write_text(main)
        (directory / "etc" / "dynamicmaps.cf").write_text("")
        (directory / "etc" / "master.cf").write_text(_master_cf(base + 25))
        command = ["postfix", "-c", str(directory / "etc"), "start"]
        _launch(command, directory / "start.log")
        return _pid(directory / "spool" / "pid" / "master.pid")

    def thurn(self, command: list[str], workers: int) -> Server:
        """thurn's demo with so many workers, ready to take mail."""
        directory, base = self._place(f"thurn-{workers}-{len(self.running)}")
        arguments = ["--data", str(directory / "data"), "--port-base", str(base)]
        arguments += ["--accounts", "100", "--workers", str(workers), "--domain", DOMAIN]
        arguments += ["--password", PASSWORD, "--json"]
        if self.sieve:
            arguments += ["--sieve", str(HERE / "bench.sieve")]
        with (directory / "log").open("w") as log:
            child = subprocess.Popen(
                [*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line.startswith("{"):
            tail = (directory / "log").read_text()[-2000:]
            raise SystemExit(f"thurn did not get ready: {line!r}\n{tail}")
        ready = json.loads(line)
        name = f"thurn-{workers}w"
        server = Server(name, ready["ports"], [child.pid], directory, is_thurn=True)
        self.running.append(server)
        return server


def _launch(command: list[str], log: Path) -> None:
    """Run a program that goes into the background; it keeps the log, so a pipe would never end."""
    with log.open("w") as output:
        done = subprocess.run(command, check=False, stdout=output, stderr=output)
    if done.returncode:
        raise SystemExit(f"{command[0]} did not start: {log.read_text()}")


def _pid(path: Path) -> int:
    for _ in range(100):
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.1)
    raise SystemExit(f"{path} did not appear")


def _wait_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"port {port} did not open")


def _master_cf(port: int) -> str:
    """Debian's master.cf: nothing in a chroot, smtpd on the port, 250 of them."""
    lines: list[str] = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        fields = line.split()
        if not line or line[0] in "# \t" or len(fields) < 8:
            continue
        if fields[:2] == ["smtp", "inet"]:
            fields[0], fields[6] = f"{HOST}:{port}", "250"
        fields[4] = "n"
        lines.append(" ".join(fields))
    return "\n".join(lines) + "\n"
