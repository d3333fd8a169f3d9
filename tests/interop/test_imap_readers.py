"""Mutt and NeoMutt as a person at a terminal uses them, keys pushed by the test, over TLS.

Read, search, limit, mark, copy, move, delete; write, with a copy in a mailbox (Fcc).
"""

from __future__ import annotations

import pytest
from office import PASSWORD, message
from programs import on_terminal, program

pytestmark = [pytest.mark.interop, pytest.mark.slow]
READERS = pytest.mark.parametrize("name", ["mutt", "neomutt"])


def settings(office, *more):
    home = office.home
    rc = home / "muttrc"
    rc.write_text(f"""\
set imap_pass="{PASSWORD}" smtp_pass="{PASSWORD}"
set folder="imaps://{office.name}@localhost:{office.port("imaps")}/"
set smtp_url="smtps://{office.name}@localhost:{office.port("submissions")}/"
set ssl_ca_certificates_file="{office.certificate}"
set certificate_file="{home}/accepted"
set ssl_starttls=yes ssl_force_tls=yes
set from="{office.address}" use_from=yes hostname=example.org
set record="=Sent"
set copy=yes
set postponed="=Drafts"
set quit=yes delete=yes mark_old=no confirmappend=no confirmcreate=no wait_key=no beep=no
set tmpdir="{home}"
set pager=builtin pipe_decode=yes send_charset=utf-8
set mail_check=1 sleep_time=0
unset move
{"".join(more)}
""")
    return str(rc)


def press(office, name, rc, keys, mailbox="INBOX"):
    url = f"imaps://{office.name}@localhost:{office.port('imaps')}/{mailbox}"
    return on_terminal(
        program(name), "-n", "-F", rc, "-f", url, "-e", f'push "{keys}"', cwd=office.home
    )


def fill(office):
    for number in ("one", "two", "three", "four"):
        body = f"This is the body of {number}.\r\n" + "Grüße\r\n" * 20 + "Grüße"
        kind = "text/plain; charset=utf-8"
        office.put("INBOX", message(f"Number {number}", body, Content_Type=kind))
    office.put("INBOX", message("Angebot", "Nur heute: needle."))
    office.client.create("Kept")


@READERS
def test_a_session(office, name):
    fill(office)
    rc = settings(office)
    press(
        office,
        name,
        rc,
        # read one message, as decoded
        "<search>~s two<enter><display-message><exit><pipe-message>cat > read<enter>"
        # limit by the server's own search, mark what is shown
        "<limit>=b needle<enter><first-entry><flag-message><limit>all<enter>"
        # copy one, remove another, move a third
        "<search>~s three<enter><copy-message>=Kept<enter>"
        "<search>~s one<enter><delete-message>"
        "<search>~s four<enter><save-message>=Kept<enter>"
        "<sync-mailbox><quit>",
    )
    read = (office.home / "read").read_text()
    assert "Subject: Number two\n" in read
    assert read.endswith("\nThis is the body of two.\n" + "Grüße\n" * 21)
    inbox, kept = office.subjects(), office.subjects("Kept")
    assert set(inbox) == {"Number two", "Number three", "Angebot"}
    assert "\\Seen" in inbox["Number two"]
    assert "\\Flagged" in inbox["Angebot"]
    assert set(kept) == {"Number three", "Number four"}
    assert office.mail("Kept")["Number three"][1] == office.mail()["Number three"][1]


@READERS
def test_written_mail_and_its_copy(office, name):
    office.client.create("Sent")
    (office.home / "body").write_bytes("Grüße\n.dot\n".encode())
    rc = settings(office, 'set editor="cp body"')
    press(office, name, rc, f"<mail>{office.address}<enter>Written<enter><send-message><quit>")
    came, copy = (office.mail(mailbox)["Written"] for mailbox in ("INBOX", "Sent"))
    assert "\\Seen" in copy[0]
    for _, octets in (came, copy):
        assert octets.endswith("\r\n\r\nGrüße\r\n.dot\r\n".encode())
    assert ("submission", "SCRAM-SHA-256") in office.logins()


@READERS
def test_new_mail_while_it_looks(office, name):
    """What comes during the session is there when it asks."""
    office.put("INBOX", message("first"))
    rc = settings(office)
    later = office.home / "later"
    later.write_bytes(message("second"))
    put = office.home / "put"
    url = f"imaps://localhost:{office.port('imaps')}/INBOX"
    trust = f"--cacert {office.certificate} --user {office.name}:{PASSWORD}"
    put.write_text(f"#!/bin/sh\n{program('curl')} -sS {trust} -T {later} {url}\n")
    put.chmod(0o700)
    keys = "<shell-escape>./put<enter><imap-fetch-mail><search>~s second<enter><set-flag>r<quit>"
    press(office, name, rc, keys)
    assert office.subjects()["second"] >= {"\\Answered"}
