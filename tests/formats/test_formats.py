"""Data of earlier versions: today's programs start on it and find everything.

Each archive is what a `kill -9` and a power cut have left, with a log that is not settled, so its
first start here is a recovery, in another boot. See README.md.
"""

from __future__ import annotations

import contextlib
import lzma
import re
import time

import pytest
from clients import lmtp
from deeds import message
from facts import collect, reading
from judging import differences
from rawimap import fetched
from unpacked import ARCHIVE, FORMATS, SITE_FILE, UnpackedSite, expected_of, unpack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
each_format = pytest.mark.parametrize("source", FORMATS, ids=lambda path: path.name)
ALICE = "alice@example.org"
ARCHIVE_OCTETS = 600 << 10
"""What the repository carries for ever for one format."""
PLACE = re.compile(rb"/(?:home|root|work)/[\w.-]+/")
"""Directories of somebody's own machine; the site of an archive lies where services lie."""


@contextlib.contextmanager
def served(source, base):
    """The site, unpacked and started; stopped in an orderly way."""
    unpack(source, base)
    site = UnpackedSite(base)
    try:
        yield site.start()
        site.stop()
    finally:
        if site.process is not None:
            site.kill()


def demand(expected, site):
    """Every fact is found; the failure lists all that are missing."""
    missed = [*differences(expected, collect(site, expected["asked"]), time.time())]
    if missed:
        pytest.fail("\n".join(missed), pytrace=False)


def renewed_by_a_login(expected):
    """The expectation after the first look: a login with an old hash has renewed what is stored."""
    for name, password in expected["renewed_at_login"].items():
        expected["facts"]["accounts"][name] |= password
    return expected


@each_format
def test_everything_is_found_after_the_recovery_and_after_a_clean_stop(source, tmp_path):
    expected = expected_of(source)
    with served(source, tmp_path / "site") as site:
        recovered = [line["records"] for line in site.events("log.recovered")]
        assert recovered == [sum(expected["unsettled"]["records"].values())], site.text()
        demand(expected, site)
        site.stop()
        site.start()
        assert len(site.events("log.recovered")) == 1, "what was stopped cleanly is not replayed"
        demand(renewed_by_a_login(expected), site)
        assert not site.events("worker.ended"), site.text()
        assert not site.events("log.damaged"), site.text()


def deliver(site, octets, sender="friend@elsewhere.example"):
    """Send a message to alice; returns its outcome from the journal."""
    answers = lmtp(site.port("lmtp"), sender, [ALICE], octets)
    assert answers == {}, answers
    [record] = site.journal(1)
    return " ".join(stage["decision"] for stage in record["stages"])


def subjects_of(site, reader, mailbox):
    """Subject, UID and MODSEQ of what is in a mailbox."""
    with reading(site, reader) as client:
        client.good(b"ENABLE CONDSTORE IMAP4rev2")
        client.good(f'EXAMINE "{mailbox}"'.encode())
        fetched_messages = fetched(client.good(b"UID FETCH 1:* (UID MODSEQ ENVELOPE)"))
        return {
            items["ENVELOPE"][1].decode(): (int(items["UID"]), int(items["MODSEQ"][0]))
            for items in fetched_messages.values()
        }


@each_format
def test_what_scripts_remember_and_numbers_go_on(source, tmp_path):
    expected = expected_of(source)
    alice = expected["asked"]["readers"]["alice"]
    inbox = expected["facts"]["mailboxes"]["alice"]["INBOX"]
    with served(source, tmp_path / "site") as site:
        for mark in ("A", "B", "CA"):  # settled; only in the log; without a row in any index
            deliver(site, message(f"{mark} again", x_once=mark))
        deliver(site, message("never before", x_once="never before"))
        twice = subjects_of(site, alice, "Doppelt")
        assert {"A again", "B again", "CA again"} <= twice.keys()
        assert "never before" not in twice

        holiday = message("holiday", to=ALICE, x_holiday="yes")
        assert "send to" not in deliver(site, holiday)
        assert "send to" in deliver(site, holiday, "stranger@elsewhere.example")

        deliver(site, message("noted", x_annotated="yes"))
        assert "noted" in subjects_of(site, alice, "Annotiert")

        uid, modseq = subjects_of(site, alice, "INBOX")["never before"]
        assert uid >= inbox["uidnext"]
        assert modseq > inbox["highestmodseq"]


@each_format
def test_the_site_file_of_then_is_still_right(source, tmp_path):
    """As it is, without what the tests lay over it; later versions may warn of more. What it means
    is among the facts."""
    unpack(source, tmp_path / "site")
    code, text = UnpackedSite.call_here("check", "--config", tmp_path / "site" / SITE_FILE)
    assert code == 0, text


@each_format
def test_an_archive_is_small_and_names_no_place(source):
    assert (source / ARCHIVE).stat().st_size < ARCHIVE_OCTETS
    with lzma.open(source / ARCHIVE) as octets:
        assert not PLACE.search(octets.read())


def test_there_are_formats():
    assert FORMATS
