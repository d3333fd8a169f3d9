"""contrib/examples/office.toml serves as it stands, but for its ports, key and directory."""

from __future__ import annotations

import smtplib
import tomllib

import pytest
from clients import HOST, TIMEOUT_SECONDS, unverified
from running import ROOT, SupervisedSite, free_port, toml

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
WHOM = "alice@example.org"


class Office(SupervisedSite):
    """The example, on loopback."""

    def __init__(self, base):
        super().__init__(base, [base / "office.toml"])
        self.plugins.mkdir()
        self.tables = tomllib.loads((ROOT / "contrib/examples/office.toml").read_text())
        site = self.tables["site"]
        del site["user"]
        site |= {"data": "data", "workers": 1, "allow_root": True, "segment": "1MiB"}
        self.tables["tls"]["main"] = {"type": "selfsigned"}
        for section in self.tables["listener"].values():
            section["bind"] = [f"{HOST}:{free_port()}"]
        self.configs[0].write_text(toml(self.tables))

    def port(self, listener):
        return int(self.tables["listener"][listener]["bind"][0].rpartition(":")[2])


@pytest.fixture
def office(tmp_path):
    site = Office(tmp_path)
    words = site.config_words
    assert site.call("domain", "add", *words, "example.org")[0] == 0
    given = f"{PASSWORD}\n{PASSWORD}\n"
    code, text = site.call("account", "add", *words, "alice", given=given)
    assert code == 0, text
    try:
        yield site.start()
    finally:
        if site.process is not None:
            site.kill()


def test_the_example_is_checked_and_serves_old_outlook(office):
    """TLS from the first octet, and AUTH LOGIN."""
    code, text = office.call("check", *office.config_words)
    assert code == 0, text
    port = office.port("submissions")
    with smtplib.SMTP_SSL(HOST, port, timeout=TIMEOUT_SECONDS, context=unverified()) as client:
        client.ehlo("outlook.example")
        assert "LOGIN" in client.esmtp_features["auth"].split()
        client.user, client.password = "alice", PASSWORD
        assert client.auth("LOGIN", client.auth_login)[0] == 235
        client.sendmail(WHOM, [WHOM], b"From: alice@example.org\r\nSubject: x\r\n\r\nx\r\n")
    login = office.wait("login.succeeded")
    assert (login["mechanism"], login["login_name"]) == ("LOGIN", "alice")
    assert office.wait("message.accepted")["listener"] == "submissions"


def test_without_tls_no_password_is_asked_for(office):
    with smtplib.SMTP(HOST, office.port("submission"), timeout=TIMEOUT_SECONDS) as client:
        client.ehlo("outlook.example")
        assert "PLAIN" not in client.esmtp_features.get("auth", "")
        client.starttls(context=unverified())
        client.ehlo("outlook.example")
        assert {"LOGIN", "PLAIN", "SCRAM-SHA-256"} <= {*client.esmtp_features["auth"].split()}
