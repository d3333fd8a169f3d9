"""The standard library's client and IMAPClient: every base command, and the common extensions."""

from __future__ import annotations

import imaplib
import re
from datetime import UTC, datetime

import pytest
from imapclient import DELETED, FLAGGED, SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError
from office import GIVEN, HOST, PASSWORD, message, ok

pytestmark = [pytest.mark.interop, pytest.mark.slow]
PLAIN = message("plain", "one\r\ntwo")
MIXED = message(
    "mixed",
    "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
    "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "AAECAw==\r\n--b--",
    MIME_Version="1.0",
    Content_Type="multipart/mixed; boundary=b",
)


@pytest.fixture
def client(office):
    """IMAPClient, logged in."""
    opened = IMAPClient(HOST, office.port("imaps"), ssl_context=office.trust, timeout=10)
    opened.login(office.name, PASSWORD)
    yield opened
    opened.logout()


def test_imaplib_before_login(office):
    client = imaplib.IMAP4(HOST, office.port("imap"), timeout=10)
    assert "LOGINDISABLED" in client.capabilities
    assert "STARTTLS" in client.capabilities
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        client.login(office.name, PASSWORD)
    ok(client.starttls(office.trust))
    assert "LOGINDISABLED" not in client.capabilities
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(office.name, "wrong")
    assert client.state == "NONAUTH"
    ok(client.noop())
    ok(client.authenticate("PLAIN", lambda _: f"\0{office.name}\0{PASSWORD}".encode()))
    assert client.state == "AUTH"
    assert client.logout()[0] == "BYE"


def test_imaplib_mailboxes(office):
    client = office.client
    for name in ("Work", "Work/Plans", '"Two words"', "Entw&APw-rfe"):
        ok(client.create(name))
    assert client.create("Work")[0] == "NO"
    ok(client.rename("Work", "Job"))
    assert office.mailboxes() == GIVEN | {"Job", "Job/Plans", "Two words", "Entw&APw-rfe"}
    assert ok(client.list("Job/", "%")) == [rb'(\HasNoChildren) "/" Job/Plans']
    assert ok(client.list('""', "Jo%")) == [rb'(\HasChildren) "/" Job']
    ok(client.subscribe("Job"))
    ok(client.subscribe("INBOX"))
    ok(client.unsubscribe("INBOX"))
    subscribed = {line.rpartition(b" ")[2].decode() for line in ok(client.lsub())}
    assert subscribed == GIVEN - {"INBOX"} | {"Job"}
    ok(client.append("Job", r"(\Flagged)", '"01-Feb-2020 10:11:12 +0100"', PLAIN))
    assert ok(client.status("Job", "(MESSAGES UNSEEN UIDNEXT)")) == [
        b"Job (MESSAGES 1 UNSEEN 1 UIDNEXT 2)"
    ]
    assert client.append("Nowhere", None, None, PLAIN)[0] == "NO"
    ok(client.delete("Job/Plans"))
    assert client.delete("INBOX")[0] == "NO"
    assert client.select("Job/Plans")[0] == "NO"
    assert ok(client.namespace()) == [b'(("" "/")) NIL NIL']


def test_imaplib_messages(office):
    client = office.client
    office.put("INBOX", PLAIN, r"(\Seen)")
    office.put("INBOX", MIXED)
    ok(client.create("Kept"))
    assert ok(client.select()) == [b"2"]
    ok(client.check())
    assert ok(client.search(None, "UNSEEN", "SUBJECT", '"MIX"')) == [b"2"]
    assert ok(client.search("UTF-8", "OR", "SEEN", "LARGER", "100000")) == [b"1"]
    assert ok(client.uid("SEARCH", None, "NOT", "DELETED")) == [b"1 2"]
    assert client.search("X-UNKNOWN", "TEXT", "x")[0] == "NO"

    structure = ok(client.fetch("2", "(BODYSTRUCTURE ENVELOPE RFC822.SIZE INTERNALDATE)"))[0]
    assert b'("text" "plain"' in structure.lower()
    assert b'"<mixed@example.net>"' in structure
    assert b"RFC822.SIZE %d" % len(MIXED) in structure
    for item, expected in {
        "BODY.PEEK[]": MIXED,
        "BODY.PEEK[1]": b"hello",
        "BODY.PEEK[2]": b"AAECAw==",
        "BODY.PEEK[]<5.10>": MIXED[5:15],
        "BODY.PEEK[HEADER]": MIXED.partition(b"--b\r\n")[0],
        "BODY.PEEK[HEADER.FIELDS (SUBJECT)]": b"Subject: mixed\r\n\r\n",
        "BODY.PEEK[2.MIME]": b"Content-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n",
    }.items():
        assert ok(client.fetch("2", f"({item})"))[0][1] == expected, item
    assert ok(client.fetch("2", "(FLAGS)")) == [b"2 (FLAGS ())"]
    assert ok(client.fetch("2", "(RFC822)"))[0][1] == MIXED
    assert ok(client.fetch("2", "(FLAGS)")) == [rb"2 (FLAGS (\Seen))"]

    assert ok(client.store("1", "FLAGS", r"(\Answered $Work)")) == [rb"1 (FLAGS (\Answered $Work))"]
    assert ok(client.store("1", "-FLAGS.SILENT", r"(\Answered)")) == [None]
    assert ok(client.search(None, "KEYWORD", "$Work")) == [b"1"]
    ok(client.copy("1:2", "Kept"))
    ok(client.uid("MOVE", "1", "Kept"))
    ok(client.store("1", "+FLAGS", r"(\Deleted)"))
    assert ok(client.expunge()) == [b"1", b"1"]  # the library keeps that of MOVE until asked
    ok(client.close())
    assert list(office.numbers("Kept").split())[:2] == [b"MESSAGES", b"3"]
    assert ok(client.select("Kept", readonly=True)) == [b"3"]
    assert client.store("1", "+FLAGS", r"(\Seen)")[0] == "NO"
    ok(client.unselect())


def test_imapclient_mailboxes(client):
    client.create_folder("Entwürfe & mehr")
    client.create_folder("Work/Plans")
    client.subscribe_folder("Work/Plans")
    names = {name for _, _, name in client.list_folders()}
    assert names == GIVEN | {"Work/Plans", "Entwürfe & mehr"} | names & {"Work"}
    assert client.folder_exists("Entwürfe & mehr")
    subscribed = {name for _, _, name in client.list_sub_folders()}
    assert subscribed == GIVEN | {"Work/Plans"}
    client.rename_folder("Entwürfe & mehr", "Entwürfe")
    assert client.namespace().personal == (("", "/"),)
    assert client.folder_status("INBOX", ["MESSAGES", "UIDNEXT"]) == {b"MESSAGES": 0, b"UIDNEXT": 1}
    assert client.id_({"name": "test"})
    client.delete_folder("Entwürfe")
    assert not client.folder_exists("Entwürfe")
    with pytest.raises(IMAPClientError, match="NONEXISTENT"):
        client.select_folder("Entwürfe")


def test_imapclient_messages(client):
    date = datetime(2020, 2, 1, 10, 11, 12, tzinfo=UTC)
    client.append("INBOX", PLAIN, [FLAGGED], date)
    answer = client.append("INBOX", MIXED)
    assert re.search(rb"APPENDUID \d+ 2", answer)
    selected = client.select_folder("INBOX")
    assert (selected[b"EXISTS"], selected[b"UIDNEXT"]) == (2, 3)
    assert client.search(["SINCE", datetime(2021, 1, 1, tzinfo=UTC).date()]) == [2]
    assert client.search(["SUBJECT", "plain", "FLAGGED"]) == [1]
    assert client.search(["TEXT", "Grüße"], "UTF-8") == []
    fetched = client.fetch([1, 2], ["ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "BODY.PEEK[]"])
    assert fetched[1][b"ENVELOPE"].subject == b"plain"
    assert fetched[1][b"ENVELOPE"].from_[0].host == b"example.net"
    assert client.normalise_times is True
    assert fetched[1][b"INTERNALDATE"].timestamp() == date.timestamp()
    assert fetched[2][b"BODYSTRUCTURE"].is_multipart
    assert (fetched[1][b"BODY[]"], fetched[2][b"BODY[]"]) == (PLAIN, MIXED)
    assert client.add_flags([1], [SEEN, b"$Junk"]) == {1: (SEEN, FLAGGED, b"$Junk")}
    assert client.remove_flags([1], [b"$Junk"]) == {1: (SEEN, FLAGGED)}
    client.create_folder("Kept")
    client.copy([1], "Kept")
    client.move([1], "Kept")
    assert client.search() == [2]
    client.add_flags([2], [DELETED], silent=True)
    client.uid_expunge([2])
    assert client.search() == []
    client.unselect_folder()
    assert client.folder_status("Kept", ["MESSAGES"]) == {b"MESSAGES": 2}


def test_imapclient_multiappend_and_changes(client):
    client.multiappend("INBOX", [PLAIN, {"msg": MIXED, "flags": [SEEN]}])
    client.select_folder("INBOX")
    before = client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
    client.add_flags([2], [FLAGGED])
    changed = client.fetch([1, 2], ["FLAGS"], [f"CHANGEDSINCE {before}"])
    assert set(changed) == {2}
    assert client.search(["MODSEQ", changed[2][b"MODSEQ"][0]]) == [2]


def test_imapclient_idle(client, office):
    client.select_folder("INBOX")
    client.idle()
    try:
        office.send(PLAIN)
        answers = client.idle_check(timeout=10)
    finally:
        client.idle_done()
    assert (1, b"EXISTS") in answers


def test_imapclient_is_refused(office):
    with IMAPClient(HOST, office.port("imap"), ssl=False, timeout=10) as client:
        with pytest.raises(LoginError):
            client.login(office.name, PASSWORD)
        client.starttls(office.trust)
        with pytest.raises(LoginError):
            client.plain_login(office.name, "wrong")
        client.plain_login(office.name, PASSWORD)
