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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOMAIN = "bench.test"
PASSWORD = "bench-password-1"
HOST = "127.0.0.1"
PEER_PORTS = {"lmtp": 24, "pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993}

DOVECOT_CONF = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/certificate.pem
ssl_key = <{dir}/key.pem
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
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
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

THURN_OVERLAY = """\
[listener.pop3]
plaintext_without_tls = true

[listener.imap]
type = "imap"
bind = ["{host}:{imap}"]
plaintext_without_tls = true
tls = "main"
sasl = ["plain", "login"]
connections_per_address = 2000

[listener.imaps]
type = "imap"
bind = ["{host}:{imaps}"]
tls = "main"
tls_mode = "implicit"
sasl = ["plain", "login"]
connections_per_address = 2000
"""
"""Laid over the demo's configuration: logins without TLS, which the peers are allowed too."""

THURN_SIEVE_OVERLAY = """
[delivery.sieve]
type = "sieve"
default = "{script}"

[listener.smtp]
delivery = ["sieve"]

[listener.lmtp]
delivery = ["sieve"]
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

    def __init__(self, work: Path, port_base: int, *, sieve: bool, postfix: bool) -> None:
        self.work, self.port_base = work, port_base
        self.sieve, self.postfix = sieve, postfix
        self.running: list[Server] = []
        self.children: dict[Path, subprocess.Popen[str]] = {}
        self._launchers: dict[Path, Callable[[], int]] = {}

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self.running):
            for pid in server.roots:
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
        for child in self.children.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()

    def restart(self, server: Server) -> None:
        """End the mail store's processes in good order and start them again on what they kept."""
        pid = server.roots[0]
        os.kill(pid, signal.SIGTERM)
        if child := self.children.get(server.directory):
            child.wait(60)
        _wait_gone(pid)
        server.roots[0] = self._launchers[server.directory]()
        _wait_port(server.ports["imap"])

    def _place(self, name: str) -> tuple[Path, int]:
        directory = self.work / name
        directory.mkdir(parents=True)
        directory.chmod(0o755)
        base = self.port_base
        self.port_base += 1000
        return directory, base

    def peer(self, mail_format: str) -> Server:
        """Dovecot with the format, and a Postfix before it where SMTP is measured."""
        directory, base = self._place(f"dovecot-{mail_format}")
        for name in ("run", "state", "home", "sieve"):
            (directory / name).mkdir()
        shutil.chown(directory / "home", "mail", "mail")
        shutil.chown(directory / "sieve", "mail", "mail")
        shutil.copy(HERE / "bench.sieve", directory / "sieve" / "bench.sieve")
        _make_certificate(directory)
        ports = {name: base + port for name, port in PEER_PORTS.items()}
        conf = directory / "dovecot.conf"
        plugins = "$mail_plugins sieve" if self.sieve else "$mail_plugins"
        text = DOVECOT_CONF.format(
            dir=directory, format=mail_format, password=PASSWORD, plugins=plugins, **ports
        )
        conf.write_text(text)

        def launch() -> int:
            pid_file = directory / "run" / "master.pid"
            pid_file.unlink(missing_ok=True)
            _launch(["dovecot", "-c", str(conf)], directory / "start.log")
            return _pid(pid_file)

        self._launchers[directory] = launch
        server = Server(f"dovecot-{mail_format}", ports, [launch()], directory)
        self.running.append(server)
        if self.postfix:
            ports["smtp"] = base + 25
            server.roots.append(self._postfix(mail_format, base, ports))
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
        overlay = directory / "overlay.toml"
        text = THURN_OVERLAY.format(host=HOST, imap=base + 143, imaps=base + 993)
        if self.sieve:
            text += THURN_SIEVE_OVERLAY.format(script=HERE / "bench.sieve")
        overlay.write_text(text)
        arguments = ["--data", str(directory / "data"), "--port-base", str(base)]
        arguments += ["--accounts", "100", "--workers", str(workers), "--domain", DOMAIN]
        arguments += ["--password", PASSWORD, "--json", "--config", str(overlay)]
        ports = {"imap": base + 143, "imaps": base + 993}

        def launch() -> int:
            child, ready = _launch_thurn([*command, *arguments], directory / "log")
            self.children[directory] = child
            ports.update(ready["ports"])
            return child.pid

        self._launchers[directory] = launch
        name = f"thurn-{workers}w"
        server = Server(name, ports, [launch()], directory, is_thurn=True)
        self.running.append(server)
        return server


def _launch_thurn(command: list[str], log: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process, and what it says when it is ready."""
    with log.open("a") as output:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True)
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line.startswith("{"):
        raise SystemExit(f"thurn did not get ready: {line!r}\n{log.read_text()[-2000:]}")
    return child, json.loads(line)


def _make_certificate(directory: Path) -> None:
    """A self-signed P-256 certificate, which is what thurn's demo makes for itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "7", "-subj", f"/CN=mail.{DOMAIN}"]
    command += ["-keyout", str(directory / "key.pem"), "-out", str(directory / "certificate.pem")]
    _launch(command, directory / "openssl.log")


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


def _wait_gone(pid: int) -> None:
    for _ in range(600):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    raise SystemExit(f"process {pid} does not end")


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
