"""How format-2 was made, once, on 24 November 2026, with the programs of commit 7e084e6. It is
never made again: what it is for is that it is old. A later format gets an archive of its own.

    git archive 7e084e6 | tar -x -C /srv/thurn && cd /srv/thurn && ./do exec true
    ./do exec python tests/formats/make.py /srv/thurn/.venv/bin /srv/mail        (as root, Linux)

1. A site is filled by protocols and commands (`deeds.py`), stopped, and started until its commit
   log is settled.
2. The lock of settling is held from here on: what comes now stays in the log.
3. The site is frozen (SIGSTOP) for a copy of some indexes and of the queue's, and goes on. Commits
   of indexes are not synced, so this is what a power cut may leave of them.
4. More is done and acknowledged; all facts are collected; the process group is killed (SIGKILL).
5. The copies take the place of the newer files. The archive is made, unpacked elsewhere, started in
   another boot with the same programs, and must have every fact of step 4.

The boot has a name of its own (a file bound over the kernel's), so that no machine that runs the
tests is ever in the same boot.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "stateful")]

import deeds  # noqa: E402 - from the path above
from argon2 import PasswordHasher  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from deeds import ALICE, BOB, CAROL, FAX, HAUPT, OPERATOR, OTTO, SCANNER  # noqa: E402
from facts import collect, command_facts, run_inside  # noqa: E402
from passlib.hash import ldap_salted_sha512  # noqa: E402
from running import eventually  # noqa: E402
from speaking import encoded  # noqa: E402
from unpacked import ARCHIVE, EXPECTED, SITE, UnpackedSite, unpack  # noqa: E402

FORMAT = HERE / "format-2"
BOOT = "7e084e6a-0000-4000-8000-{:012d}\n"
KERNEL_BOOT = "/proc/sys/kernel/random/boot_id"
YEARS = 100


def in_own_boot(base):
    """Run this again where the boot is called otherwise."""
    boot = base / "boot"
    boot.write_text(BOOT.format(1))
    if os.environ.get("MAKING") is None:
        script = f'mount --bind {boot} {KERNEL_BOOT} && exec "$@"'
        words = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *sys.argv]
        os.execvpe(words[0], words, {**os.environ, "MAKING": "1"})
    return boot


def pair(base):
    """A certificate for many years, for `tls.files`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=366 * YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mail.example.org")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (base / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (base / "key.pem").write_bytes(key.private_bytes(pem, *private))


def stored_key(password, iterations=4096):
    """What SCRAM-SHA-256 stores. RFC 5803."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{encoded(salt)}${encoded(client)}:{encoded(server)}"


def write_account_files():
    """The files of `account.machines` and `account.legacy`; part of the site's text files."""
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash
    key = stored_key(SCANNER)
    (FORMAT / SITE / "machines.toml").write_text(
        'domains = ["machines.example.org"]\n\n'
        f'[accounts.scanner]\npassword = "{digest(SCANNER)}"\n'
        f'stored_keys = {{ "SCRAM-SHA-256" = "{key}" }}\ndisplay_name = "Scanner"\n'
        f'quota = "1GiB"\n\n[accounts.operator]\npassword = "{{PLAIN}}{OPERATOR}"\n\n'
        '[aliases]\n"paper@machines.example.org" = ["scanner", "operator"]\n'
    )
    hashed = ldap_salted_sha512.hash(FAX).removeprefix("{SSHA512}")
    (FORMAT / SITE / "legacy.passwd").write_text(
        f"fax:{{SSHA512}}{hashed}:1000:1000:Fax,,,:/home/fax:/bin/sh:userdb_quota_rule=*:storage=1G\n"
    )


class Maker:
    def __init__(self, programs, base):
        self.programs, self.base = programs, base
        self.copies = base / "copies"
        self.site = None

    def lay_out(self):
        directory = self.base / "site"
        shutil.copytree(FORMAT / SITE, directory)
        pair(directory)
        for path in directory.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        self.site = UnpackedSite(directory, self.programs)
        self.deeds = deeds.Deeds(self.site, self.call, self.inside)

    def call(self, *words, given=""):
        code, text = self.site.call(*words, *self.site.config_words, given=given)
        assert code == 0, (words, text)
        return text

    def inside(self, step):
        done = subprocess.run(
            [
                str(self.programs / "python"),
                str(HERE / "make_by_contract.py"),
                step,
                *map(str, self.site.configs),
            ],
            cwd=self.site.base,
            env=self.site.environment,
            check=False,
        )
        expected = -signal.SIGKILL if step == "die" else 0
        assert done.returncode == expected, (step, done.returncode)

    def settled(self):
        return not list(self.site.data.glob("log/*/*.sealed"))

    def freeze_and_copy(self):
        os.killpg(self.site.process.pid, signal.SIGSTOP)
        data = self.site.data
        directories = [
            path.parent
            for path in data.glob("store/main/accounts/*/*/index.db")
            if self.account_of(path) in deeds.REWOUND
        ]
        assert len(directories) == len(deeds.REWOUND)
        for directory in [*directories, data / "queue" / "main"]:
            for path in directory.glob("*.db*"):
                target = self.copies / path.relative_to(self.site.base)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
        os.killpg(self.site.process.pid, signal.SIGCONT)

    def account_of(self, index):
        """Whose index it is; asked of a copy, for the site is frozen."""
        copy = self.base / "one"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(index.parent, copy, ignore=shutil.ignore_patterns("bodies"))
        with contextlib.closing(sqlite3.connect(copy / "index.db")) as connection:
            [[identity]] = connection.execute("SELECT id FROM account")
        return identity

    def asked(self):
        app = self.deeds.app_passwords
        imap, pop3, submission = "imap", "pop3", "submission"
        return {
            "accounts": ["alice", "bob", "carol", "dave", "zoë", "erika", "dora", "masse", "otto",
                         "hauptmann"],
            "scripts": ["alice", "bob", "erika"],
            "active_scripts": ["alice", "bob"],
            "transactions": list(self.deeds.transactions.values()),
            "readers": {
                **{name: ["hauptmann", HAUPT, name]
                   for name in ("alice", "bob", "carol", "dave", "zoë", "erika", "masse", "otto")},
                "scanner": ["scanner@machines.example.org", SCANNER, None],
                "operator": ["operator", OPERATOR, None],
                "fax": ["fax", FAX, None],
            },
            "pop3": {"alice": ["alice", ALICE], "carol": ["carol@example.org", CAROL]},
            "logins": [
                [imap, "PLAIN", "alice", ALICE, None],
                [imap, "SCRAM-SHA-256", "alice", ALICE, None],
                [imap, "SCRAM-SHA-1", "a.mueller@example.org", ALICE, None],
                [imap, "SCRAM-SHA-256", "erika", deeds.ERIKA, None],
                [imap, "PLAIN", "erna", deeds.ERIKA, None],
                [imap, "PLAIN", "erna@example.org", deeds.ERIKA, None],
                [imap, "PLAIN", "alice", app["telefon"], None],
                [pop3, "PASS", "alice", app["telefon"], None],
                [pop3, "PASS", "bob", BOB, None],
                [submission, "PLAIN", "alice", app["alles"], None],
                [submission, "PLAIN", "alice", app["alles"].replace("-", "").upper(), None],
                [imap, "PLAIN", "alice", app["vorbei"], None],
                [imap, "PLAIN", "alice", app["verloren"], None],
                [imap, "PLAIN", "alice", BOB, None],
                [imap, "PLAIN", "otto", OTTO, None],
                [imap, "PLAIN", "dora", deeds.DORA, None],
                [imap, "PLAIN", "fritz", deeds.FRITZ, None],
                [submission, "PLAIN", "carol", CAROL, None],
                [imap, "PLAIN", "carol", CAROL, None],
                [imap, "PLAIN", "hauptmann", HAUPT, "bob"],
                [imap, "PLAIN", "alice", ALICE, "bob"],
                [imap, "PLAIN", "zoe@example.org", deeds.ZOE, None],
                [imap, "SCRAM-SHA-256", "scanner", SCANNER, None],
                [submission, "PLAIN", "operator", OPERATOR, None],
                [imap, "PLAIN", "operator", OPERATOR, "scanner"],
                [imap, "PLAIN", "fax@legacy.example.org", FAX, None],
            ],
            "banned": {
                "alice was never there": ["127.0.2.66", [imap, "PLAIN", "alice", ALICE, None]],
                "bob was there before": ["127.0.2.66", [imap, "PLAIN", "bob", BOB, None]],
            },
        }  # fmt: skip

    def archive(self):
        """The data directory as the power cut left it, and the keys beside it."""
        for path in self.copies.rglob("*"):
            if path.is_file():
                shutil.copy2(path, self.site.base / path.relative_to(self.copies))

        def plain(member):
            member.uid = member.gid = 0
            member.uname = member.gname = "thurn"
            return member

        with tarfile.open(FORMAT / ARCHIVE, "w:xz", preset=9) as archive:
            for path in sorted(self.site.base.rglob("*")):
                name = path.relative_to(self.site.base)
                is_data = name.parts[0] == "data" or name.suffix == ".pem"
                if is_data and not path.is_socket():
                    archive.add(path, str(name), recursive=False, filter=plain)

    def make(self, boot):
        self.lay_out()
        self.deeds.people(ldap_salted_sha512.hash(OTTO))
        self.site.start()
        deeds.settle_down(self.deeds)
        deeds.permit_and_ban(self.deeds)
        self.site.stop()
        self.site.start()
        eventually(self.settled, "settling")
        with (self.site.data / "log" / "settle.lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            deeds.leave_in_log(self.deeds)
            self.inside("die")
            self.freeze_and_copy()
            deeds.lose_rows(self.deeds)
            asked = self.asked()
            live = collect(self.site, {**asked, "logins": [], "banned": {}, "pop3": {}})
            self.site.kill()
            made_at = time.time()
        self.archive()
        census = run_inside(self.site, "make_census.py", str(self.site.data))
        boot.write_text(BOOT.format(2))
        found, renewed = self.recovered(asked)
        report_differences(live, found)
        expected = {
            "made": {"commit": "7e084e6", "at": made_at, "boot": BOOT.format(1).strip()},
            "transactions": self.deeds.transactions,
            "unsettled": census,
            "asked": asked,
            "renewed_at_login": renewed,
            "facts": found,
        }
        text = json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True)
        (FORMAT / EXPECTED).write_text(text + "\n", "utf-8")

    def recovered(self, asked):
        copy = self.base / "copy"
        unpack(FORMAT, copy)
        site = UnpackedSite(copy, self.programs)
        site.start()
        try:
            facts = collect(site, asked)
            renewed = command_facts(site, {**asked, "accounts": ["otto"]})["accounts"]
            return facts, {
                name: {key: account[key] for key in ("credentials", "stored_keys")}
                for name, account in renewed.items()
            }
        finally:
            site.stop()


def report_differences(live, found, place=""):
    """The facts that recovery did not bring back; the maker of the archive judges them."""
    if isinstance(live, dict) and isinstance(found, dict):
        for key in sorted({*live, *found}):
            report_differences(live.get(key), found.get(key), f"{place}/{key}")
    elif live != found:
        print(f"{place}\n  live  {str(live)[:300]}\n  found {str(found)[:300]}")  # noqa: T201


def main():
    programs, base = Path(sys.argv[1]), Path(sys.argv[2])
    base.mkdir(parents=True, exist_ok=True)
    boot = in_own_boot(base)
    shutil.rmtree(base / "site", ignore_errors=True)
    shutil.rmtree(base / "copies", ignore_errors=True)
    shutil.rmtree(base / "copy", ignore_errors=True)
    write_account_files()
    maker = Maker(programs, base)
    try:
        maker.make(boot)
    finally:
        if maker.site is not None and maker.site.process is not None:
            print(maker.site.text()[-4000:], file=sys.stderr)  # noqa: T201
            maker.site.kill()


if __name__ == "__main__":
    main()
