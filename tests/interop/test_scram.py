"""Logins by SCRAM of clients that have it (GNU SASL, Cyrus SASL), for SMTP and IMAP."""

from __future__ import annotations

import pytest
from office import PASSWORD, message
from programs import call, on_terminal, program

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def msmtprc(office, *, password=PASSWORD, listener="submission"):
    rc = office.home / "msmtprc"
    starttls = "on" if listener == "submission" else "off"
    rc.write_text(
        f"account default\nhost localhost\nport {office.port(listener)}\nfrom {office.address}\n"
        f"auth scram-sha-256\nuser {office.name}\npassword {password}\ntls on\n"
        f"tls_starttls {starttls}\ntls_trust_file {office.certificate}\n"
    )
    rc.chmod(0o600)
    return str(rc)


@pytest.mark.parametrize("listener", ["submission", "submissions"])
def test_msmtp(office, listener):
    octets = message("by msmtp").replace(b"ann@example.net", office.address.encode(), 1)
    rc = msmtprc(office, listener=listener)
    call(program("msmtp"), "-C", rc, office.address, cwd=office.home, stdin=octets)
    assert office.subjects() == {"by msmtp": set()}
    assert ("submission", "SCRAM-SHA-256") in office.logins()


def test_msmtp_with_a_wrong_password(office):
    msmtp = program("msmtp")
    rc = msmtprc(office, password="wrong")
    with pytest.raises(AssertionError, match=r"(?s)5\.7\.8|authentication"):
        call(msmtp, "-C", rc, office.address, cwd=office.home, stdin=message("no"))
    assert office.subjects() == {}


def test_mutt(office):
    mutt = program("mutt")
    office.put("INBOX", message("one"))
    url = f"imaps://{office.name}@localhost:{office.port('imaps')}/"
    rc = office.home / "muttrc"
    rc.write_text(
        f'set imap_pass="{PASSWORD}" imap_authenticators="scram-sha-256" quit=yes sleep_time=0\n'
        f'set ssl_ca_certificates_file="{office.certificate}" mark_old=no\n'
        f'set folder="{url}"\nunset move\n'
    )
    keys = 'push "<flag-message><quit>"'
    on_terminal(mutt, "-n", "-F", str(rc), "-f", f"{url}INBOX", "-e", keys, cwd=office.home)
    assert office.subjects() == {"one": {"\\Flagged"}}
    assert office.logins().count(("imap", "SCRAM-SHA-256")) == 1
