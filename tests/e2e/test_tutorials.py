"""The sites that the tutorials write down start and do what the page says, from its own text.

Changed are only the port and, for a machine where tests run as root, `allow_root`.
"""

from __future__ import annotations

import re
import smtplib
import tomllib

import pytest
from clients import HOST, TIMEOUT_SECONDS
from running import ROOT, free_port, running

TUTORIALS = ROOT / "docs" / "tutorial"
SITE = re.compile(r"^```toml[^\n]*\n(\[site\].*?)^```$", re.DOTALL | re.MULTILINE)
PASSWORD = "not a short one"


def _written(page):
    """The site of a page, on a port that is free here."""
    (text,) = SITE.findall((TUTORIALS / page).read_text())

    def prepare(site):
        site.tables = tomllib.loads(text)
        site.tables["site"]["allow_root"] = True
        for section in site.tables["listener"].values():
            section["bind"] = [f"{HOST}:{free_port()}"]
        site.configure()

    return prepare


def _people(call, site):
    """The commands of the page: a domain and an account."""
    for words, answer in (
        (("domain", "add", "--config", site.path, "example.org"), "example.org is added"),
        (("account", "add", "--config", site.path, "alice"), "alice is added"),
    ):
        code, text = call(*words, given=f"{PASSWORD}\n")
        assert (code, text.strip()) == (0, answer)


def _send(site, subject):
    with smtplib.SMTP(HOST, site.port("mx"), timeout=TIMEOUT_SECONDS) as server:
        message = f"Subject: {subject}\r\n\r\nText.\r\n"
        return server.sendmail("you@example.net", ["alice@example.org"], message)


@pytest.mark.slow
def test_the_site_of_the_first_server_takes_mail(tmp_path):
    with running(tmp_path, prepare=_written("first-server.md")) as site:
        _people(site.call_here, site)
        assert _send(site, "Hello") == {}


@pytest.mark.slow
def test_the_site_of_the_first_plugin_refuses_a_word(tmp_path):
    def prepare(site):
        code, text = site.call_here("plugins", "new", "filter", "words", tmp_path / "words")
        assert code == 0, text
        site.install(tmp_path / "words")
        _written("first-plugin.md")(site)
        _people(site.call, site)

    with running(tmp_path / "site", prepare=prepare) as site:
        assert _send(site, "Lunch") == {}
        with pytest.raises(smtplib.SMTPDataError) as refused:
            _send(site, "The Lottery")
        assert refused.value.smtp_code == 550
        said = refused.value.smtp_error.decode()
        identifier = re.fullmatch(r"5\.7\.1 Your subject is not welcome here \((\w+)\)", said)[1]
        assert "refused at filter by filter.words" in site.explain(identifier)
