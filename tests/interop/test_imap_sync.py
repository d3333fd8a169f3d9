"""Programs that keep a copy of the mailboxes: mbsync and OfflineIMAP, both directions, over TLS.

One story for both: copy; changes on either side at once; copy again; then nothing is left to do.
"""

from __future__ import annotations

import itertools
import re

import pytest
from office import PASSWORD, message
from programs import call, program

pytestmark = [pytest.mark.interop, pytest.mark.slow]
NUMBERS = itertools.count(1)
CRLF, LF = b"\r\n", b"\n"
OWN_FIELD = re.compile(rb"(?m)^X-TUID: [^\r]*\r\n")
"""What mbsync adds to messages, by which it finds them again."""


class Maildir:
    """A tree of maildirs as another program of the same person would change it."""

    def __init__(self, root):
        self.root = root

    def paths(self, mailbox):
        return [p for part in ("cur", "new") for p in (self.root / mailbox / part).iterdir()]

    def mail(self, mailbox):
        """Subject → (maildir flags, octets with CRLF)."""
        found = {}
        for path in self.paths(mailbox):
            octets = OWN_FIELD.sub(b"", path.read_bytes().replace(CRLF, LF).replace(LF, CRLF))
            subject = octets.partition(b"Subject: ")[2].partition(CRLF)[0].decode()
            found[subject] = (set(path.name.partition(":2,")[2]), octets)
        return found

    def flags(self, mailbox):
        return {subject: flags for subject, (flags, _) in self.mail(mailbox).items()}

    def mark(self, mailbox, subject, flags):
        (path,) = [p for p in self.paths(mailbox) if subject.encode() in p.read_bytes()]
        base = path.name.partition(":2,")[0]
        path.rename(self.root / mailbox / "cur" / f"{base}:2,{flags}")

    def remove(self, mailbox, subject):
        (path,) = [p for p in self.paths(mailbox) if subject.encode() in p.read_bytes()]
        path.unlink()

    def add(self, mailbox, octets, flags=""):
        for part in ("tmp", "new", "cur"):
            (self.root / mailbox / part).mkdir(parents=True, exist_ok=True)
        name = f"1750000000.{next(NUMBERS)}.near:2,{flags}"
        (self.root / mailbox / "cur" / name).write_bytes(octets.replace(CRLF, LF))

    def snapshot(self):
        """Every file, by what it is called."""
        return sorted(
            str(path.relative_to(self.root))
            for part in ("cur", "new")
            for path in self.root.glob(f"**/{part}/*")
        )


def mbsync(office):
    """A function that synchronizes once, and the near side."""
    mbsync = program("mbsync")
    near = office.home / "near"
    near.mkdir()
    rc = office.home / "mbsyncrc"
    rc.write_text(f"""\
IMAPAccount thurn
Host localhost
Port {office.port("imaps")}
User {office.name}
Pass {PASSWORD}
SSLType IMAPS
SystemCertificates no
CertificateFile {office.certificate}
AuthMechs SCRAM-SHA-256

IMAPStore far
Account thurn

MaildirStore near
Path {near}/
Inbox {near}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
""")
    return lambda: call(mbsync, "-c", str(rc), "-a", cwd=office.home), Maildir(near)


def offlineimap(office):
    offlineimap = program("offlineimap")
    near = office.home / "near"
    rc = office.home / "offlineimaprc"
    rc.write_text(f"""\
[general]
accounts = office
metadata = {office.home}/metadata
maxsyncaccounts = 1
socktimeout = 20
fsync = false

[Account office]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {near}
sep = /

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {office.port("imaps")}
remoteuser = {office.name}
remotepass = {PASSWORD}
ssl = yes
sslcacertfile = {office.certificate}
auth_mechanisms = PLAIN
maxconnections = 1
""")
    return lambda: call(offlineimap, "-c", str(rc), "-o", "-u", "basic", cwd=office.home), Maildir(
        near
    )


def fill(office):
    for number in range(3):
        office.put("INBOX", message(f"mail {number}", "Grüße\r\n.dot\r\n" * 50))
    office.put("INBOX", message("seen already"), r"(\Seen \Flagged)")
    office.client.create("work/plans")
    office.put("work/plans", message("a plan"))


def is_copied(office, near):
    for mailbox in ("INBOX", "work/plans"):
        far = office.mail(mailbox)
        assert {subject: octets for subject, (_, octets) in near.mail(mailbox).items()} == {
            subject: octets for subject, (_, octets) in far.items()
        }
    assert near.flags("INBOX")["seen already"] == {"S", "F"}
    assert near.flags("INBOX")["mail 0"] == set()


def change_both(office, near):
    """At once: flags, new mail, removals, a new mailbox on each side."""
    near.mark("INBOX", "mail 0", "RS")
    near.remove("INBOX", "mail 1")
    near.add("INBOX", message("written near"), "S")
    near.add("from near", message("in a mailbox made near"))
    office.store("INBOX", "mail 2", "+FLAGS", r"(\Flagged \Seen)")
    office.store("INBOX", "seen already", "-FLAGS", r"(\Seen)")
    office.store("work/plans", "a plan", "+FLAGS", r"(\Deleted)")
    office.send(message("come by SMTP"))
    office.client.create('"from far"')
    office.put('"from far"', message("in a mailbox made far"), r"(\Answered)")


def both_have_all(office, near):
    assert office.subjects() == {
        "mail 0": {"\\Answered", "\\Seen"},
        "mail 2": {"\\Flagged", "\\Seen"},
        "seen already": {"\\Flagged"},
        "written near": {"\\Seen"},
        "come by SMTP": set(),
    }
    assert near.flags("INBOX") == {
        "mail 0": {"R", "S"},
        "mail 2": {"F", "S"},
        "seen already": {"F"},
        "written near": {"S"},
        "come by SMTP": set(),
    }
    assert near.mail("INBOX")["come by SMTP"][1] == office.mail()["come by SMTP"][1]
    assert office.mail()["written near"][1].endswith(b"A body.\r\n")
    assert near.flags("work/plans") == {}
    assert office.subjects("work/plans") == {}
    assert office.subjects("from near") == {"in a mailbox made near": set()}
    assert near.flags("from far") == {"in a mailbox made far": {"R"}}


@pytest.mark.parametrize("prepare", [mbsync, offlineimap])
def test_both_ways(office, prepare):
    synchronize, near = prepare(office)
    fill(office)
    synchronize()
    is_copied(office, near)
    change_both(office, near)
    synchronize()
    both_have_all(office, near)

    mailboxes = office.mailboxes()
    numbers = {mailbox: office.numbers(mailbox) for mailbox in mailboxes}
    files = near.snapshot()
    synchronize()
    assert office.mailboxes() == mailboxes
    assert {mailbox: office.numbers(mailbox) for mailbox in mailboxes} == numbers
    assert near.snapshot() == files
