"""What was done on the site of format 2, by protocols and commands, in three parts:

1. `settle_down`: everything that is then brought to its final place.
2. `leave_in_log`: bodies that only the log has; the indexes have their rows.
3. `lose_rows`: what was acknowledged and no index has, once the indexes of `REWOUND` are put back.

Kept as the record of what was done; `make.py` has run it once.
"""

from __future__ import annotations

import contextlib
import poplib
import re
import smtplib

from clients import HOST, lmtp, unverified
from rawimap import Imap, fetched
from speaking import encoded, log_in

ALICE, BOB, CAROL = "grüne Tür 1 alice", "zwei Boote bob", "drei Karten carol"
OTTO, HAUPT, DAVE, ZOE = "vier Ottos otto", "fünf Schlüssel", "sechs Würfel dave", "sieben Zwerge"
ERIKA, FRITZ, DORA, MASSE = "acht Ecken erika", "neun Fische", "zehn Finger dora", "elf Elfen masse"
SCANNER, OPERATOR, FAX = "scanner", "operator pw", "fax pw"
OTTO_HASH = "{SSHA512}"
LONG_ID = "a-very-long-identity-" * 9
PEOPLE = (
    ("alice", ALICE, "id-alice"), ("bob", BOB, "id-bob"), ("carol", CAROL, "id-carol"),
    ("dave", DAVE, "id-dave"), ("zoë", ZOE, "Zoë/№ 1"), ("erna", ERIKA, LONG_ID),
    ("fritz", FRITZ, "id-fritz"), ("dora", DORA, "id-dora"), ("masse", MASSE, "id-masse"),
    ("hauptmann", HAUPT, "id-hauptmann"),
)  # fmt: skip
ADDRESSES = {"zoë": "zoe@example.org"}
MORE = {
    "alice": ("--display-name", "Alice Müller", "--quota", "2GiB", "--quota-messages", "5000",
              "--group", "staff", "--attribute", "zone=Europe/Berlin"),
    "bob": ("--address", "bob@example.org", "--address", "bob@example.net", "--group", "staff"),
    "carol": ("--service", "imap", "--service", "pop3"),
    "dora": ("--disabled",),
}  # fmt: skip
REWOUND = ("id-bob", "id-carol", LONG_ID)
"""Accounts whose indexes lose what came last; so does the queue."""
MANY, KEPT = 4_200, 1_100
"""Messages of the large mailbox, made and left; past both bounds its columns are kept as a copy."""


class Deeds:
    """What is done, and what the tests will ask for."""

    def __init__(self, site, call, inside):
        self.site, self.call, self.inside = site, call, inside
        self.transactions, self.app_passwords = {}, {}

    # accounts

    def people(self, otto_hash):
        call = self.call
        call("domain", "add", "example.org")
        call("domain", "add", "example.net", "--separator", "-")
        for name, password, identity in PEOPLE:
            more = list(MORE.get(name, ()))
            if "--address" not in more:
                more += ["--address", ADDRESSES.get(name, f"{name}@example.org")]
            call("account", "add", name, "--id", identity, *more, given=f"{password}\n")
        call(
            "account",
            "add",
            "otto",
            "--id",
            "id-otto",
            "--address",
            "otto@example.org",
            "--hash",
            given=otto_hash,
        )
        call("account", "set", "alice", "--add-address", "a.mueller@example.org")
        call("account", "set", "erna", "--name", "erika")
        call("account", "set", "bob", "--send-as", "sales@elsewhere.example")
        call("account", "set", "hauptmann", "--act-as", "*")
        call("account", "passwd", "carol", given=f"{CAROL}\n")
        call("domain", "set", "example.net", "--postmaster", "bob")
        call("alias", "set", "info@example.org", "alice", "bob")
        call("alias", "set", "weg@example.org", "away@elsewhere.example")
        call("alias", "set", "@example.net", "carol")
        call("alias", "set", "alt@example.org", "fritz", "bob")
        for label, words in {
            "telefon": ["--service", "imap"],
            "alles": [],
            "vorbei": ["--expires", "1s"],
            "verloren": [],
        }.items():
            shown = call("account", "app-password", "add", "alice", label, *words)
            self.app_passwords[label] = shown.split()[0]
        call("account", "app-password", "revoke", "alice", "verloren")

    # mail

    @contextlib.contextmanager
    def imap(self, name, password, acting_as=""):
        with contextlib.closing(Imap(self.site.port("imap"))) as client:
            plain = encoded(f"{acting_as}\0{name}\0{password}".encode())
            client.good(f"AUTHENTICATE PLAIN {plain}".encode())
            client.good(b"ENABLE IMAP4rev2")
            yield client

    def note(self, case, reply):
        """The transaction's id is in the reply."""
        keywords = re.findall(r"\((\w+)\)", reply)
        assert len(keywords) == 1, reply
        self.transactions[case] = keywords[0]

    def smtp(self, case, sender, recipients, octets, *, source=HOST, options=()):
        with smtplib.SMTP(HOST, self.site.port("mx"), "client.example.net", 30, (source, 0)) as one:
            one.ehlo()
            assert one.mail(sender, options)[0] == 250
            for whom in recipients:
                code, text = one.rcpt(whom)
                assert code == 250, (case, whom, text)
            code, text = one.data(octets)
            assert code == 250, (case, text)
            self.note(case, text.decode())

    def submit(self, case, name, password, recipients, octets, options=()):
        with smtplib.SMTP(HOST, self.site.port("submission"), "client.example.net") as one:
            one.starttls(context=unverified())
            one.ehlo()
            plain = encoded(f"\0{name}\0{password}".encode())  # smtplib knows ASCII passwords only
            assert one.docmd("AUTH", f"PLAIN {plain}")[0] == 235
            assert one.mail(f"{name}@example.org", options)[0] == 250
            for whom in recipients:
                assert one.rcpt(whom)[0] == 250
            code, text = one.data(octets)
            assert code == 250, (case, text)
            self.note(case, text.decode())

    def refused(self, case, sender, recipient):
        with smtplib.SMTP(HOST, self.site.port("mx"), "client.example.net") as one:
            one.ehlo()
            one.mail(sender)
            code, text = one.rcpt(recipient)
            assert code == 550, text
            self.note(case, text.decode())

    def lmtp(self, recipients, octets):
        answers = lmtp(self.site.port("lmtp"), "list@elsewhere.example", recipients, octets)
        assert answers == {}, answers


def message(subject, body="Eine Zeile.\r\n", to="alice@example.org", **fields):
    """A message; fields are named with underscores."""
    lines = [
        "From: Ärger <list@elsewhere.example>"
        if "utf8" in fields
        else "From: list@elsewhere.example",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Tue, 24 Nov 2026 12:00:00 +0100",
        f"Message-ID: <{subject.encode().hex()}@elsewhere.example>",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def large(word):
    """A message above 1 MiB, which never goes into the log."""
    return message(f"large {word}", f"{word} und so weiter, Zeile um Zeile.\r\n" * 30_000)


def alternative(subject):
    body = (
        "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n"
        "--x\r\nContent-Type: image/png; name*=utf-8''Bild%20%C3%BC.png\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--x--\r\n"
    )
    return message(subject, body, MIME_Version="1.0", Content_Type='multipart/mixed; boundary="x"')


MAIN_SCRIPT = """\
require ["fileinto", "vacation", "duplicate", "imap4flags", "copy", "include", "envelope",
         "subaddress", "variables", "mailbox", "mboxmetadata"];
# version {version}
include :global "common";
if header :is "x-onward" "yes" {{ redirect :copy "alice@elsewhere.example"; }}
if header :is "x-holiday" "yes" {{
    vacation :days 20000 :addresses "a.mueller@example.org" :subject "Weg" "Ich bin weg, Grüße.";
}}
if header :is "x-list" "yes" {{
    fileinto :flags ["\\\\Answered", "$Forwarded"] "Listen/Übersicht"; stop;
}}
if exists "x-once" {{
    if duplicate :handle "once" :header "x-once" :seconds 1700000000 {{ fileinto "Doppelt"; stop; }}
}}
if header :is "x-annotated" "yes" {{
    if metadata :is "INBOX" "/private/comment" "mailbox first ü" {{ fileinto "Annotiert"; stop; }}
}}
if envelope :detail "to" "büro" {{ fileinto "Büro"; stop; }}
if envelope :detail "to" "buero" {{ fileinto "Büro"; stop; }}
"""
HOLIDAY_SCRIPT = 'require ["vacation"];\n# version {version}\nvacation "Ferien {version}";\n'


def scripts(deeds, account, versions):
    """A script with a history that is active, one that is not, one that was removed."""
    directory = deeds.site.base / "drafts"
    directory.mkdir(exist_ok=True)
    for version in versions:
        for name, text in (("main", MAIN_SCRIPT), ("Ferien ü", HOLIDAY_SCRIPT)):
            path = directory / f"{version}.sieve"
            path.write_text(text.format(version=version))
            active = ["--activate"] if name == "main" else []
            deeds.call("sieve", "put", *active, account, name, path)
    path.write_text("keep;\n")
    deeds.call("sieve", "put", account, f"old {versions[-1]}", path)
    deeds.call("sieve", "delete", account, f"old {versions[-1]}")


def tree(client, mark):
    """Mailboxes: nested, not ASCII, special, renamed, removed, made again, subscribed."""
    good = client.good
    good(f'CREATE "Archiv {mark}/2025/Übersicht № 1"'.encode())
    good(f'CREATE "Gesendet {mark}" (USE (\\Sent))'.encode())
    good(f'CREATE "Papierkorb {mark}" (USE (\\Trash))'.encode())
    good(f'CREATE "alt {mark}/kind"'.encode())
    good(f'RENAME "alt {mark}" "neu {mark}"'.encode())
    good(f'CREATE "weg {mark}"'.encode())
    good(f'DELETE "weg {mark}"'.encode())
    good(f'CREATE "zweimal {mark}"'.encode())
    client.append(f'"zweimal {mark}"', message("of the first"))
    good(f'DELETE "zweimal {mark}"'.encode())
    good(f'CREATE "zweimal {mark}"'.encode())
    client.append(f'"zweimal {mark}"', message("of the second"))
    for name in (f"Archiv {mark}/2025", f"zweimal {mark}", f"nie da {mark}", f"kurz {mark}"):
        good(f'SUBSCRIBE "{name}"'.encode())
    good(f'UNSUBSCRIBE "kurz {mark}"'.encode())


def work(client, mark):
    """Messages appended, flagged, copied, moved and expunged in INBOX and elsewhere."""
    there = f'"Archiv {mark}/2025/Übersicht № 1"'
    for number in range(1, 9):
        octets = message(f"{mark} {number}", to=f"n{number}@example.org")
        client.append("INBOX", octets, "\\Seen" if number % 2 else "", "24-Nov-2026 10:00:00 +0100")
    client.append(
        "INBOX", alternative(f"{mark} parts"), "\\Draft $Junk", "01-Jan-1999 00:00:00 +0000"
    )
    client.append(there, large(mark), "\\Flagged")
    client.good(b"SELECT INBOX")
    every = fetched(client.good(b"FETCH 1:* (UID)")).values()
    uids = sorted(int(items["UID"]) for items in every)[-9:]
    one, two, three, four, five, six, _, eight, nine = uids
    client.good(f"UID STORE {one}:{three} +FLAGS (\\Flagged $Label1)".encode())
    client.good(f"UID STORE {two} -FLAGS (\\Flagged)".encode())
    client.good(f"UID STORE {four} FLAGS (\\Answered Wichtig)".encode())
    client.good(f"UID COPY {one}:{four},{nine} {there}".encode())
    client.good(f'UID MOVE {five} "Papierkorb {mark}"'.encode())
    client.good(f"UID STORE {six},{eight} +FLAGS (\\Deleted)".encode())
    client.good(f"UID EXPUNGE {six}".encode())
    client.good(f"UID COPY {nine} INBOX".encode())


def deliver(deeds, mark, person):
    """By LMTP and SMTP, through every branch of the scripts."""
    own = f"{person}@example.org"
    deeds.lmtp([own, "carol@example.org"], message(f"{mark} shared"))
    deeds.lmtp([own, "carol@example.org", "erna@example.org"], large(f"{mark} shared"))
    deeds.smtp(f"{mark} plain", "list@elsewhere.example", [own], message(f"{mark} plain"))
    deeds.smtp(
        f"{mark} list",
        "list@elsewhere.example",
        [own],
        message(f"{mark} list", x_list="yes", x_urgent="yes"),
    )
    deeds.smtp(
        f"{mark} once", "list@elsewhere.example", [own], message(f"{mark} once", x_once=f"{mark}")
    )
    deeds.smtp(
        f"{mark} detail",
        "list@elsewhere.example",
        [f"{person}+buero@example.org"],
        message(f"{mark} detail"),
    )
    deeds.smtp(
        f"{mark} holiday",
        "friend@elsewhere.example",
        [own],
        message(f"{mark} holiday", to=own, x_holiday="yes"),
    )
    deeds.smtp(f"{mark} onward", "", [own], message(f"{mark} onward", x_onward="yes"))
    deeds.smtp(
        f"{mark} spam",
        "list@elsewhere.example",
        ["info@example.org"],
        message(f"{mark} spam", x_spam="yes"),
    )


def queue_up(deeds, mark):
    """Mail for elsewhere: by login, by a network, by an alias, with every extension word."""
    onward = message(f"{mark} elsewhere").replace(
        b"list@elsewhere.example", b"alice@example.org", 1
    )
    for case in ("waiting", "routed", "tried", "sent", "removed"):
        deeds.submit(f"{mark} {case}", "alice", ALICE, [f"{case}.{mark}@far.example"], onward)
    deeds.submit(
        f"{mark} half",
        "alice",
        ALICE,
        [f"half1.{mark}@far.example", f"half2.{mark}@far.example"],
        onward,
    )
    utf8 = message(f"{mark} grün", "Grüße\r\n").replace(
        b"list@elsewhere", "grün@elsewhere".encode()
    )
    deeds.smtp(
        f"{mark} utf8",
        "grün@elsewhere.example",
        ["weg@example.org"],
        utf8,
        options=("SMTPUTF8", "BODY=8BITMIME"),
    )
    deeds.smtp(
        f"{mark} network",
        "printer@office.example",
        [f"scan.{mark}@elsewhere.example"],
        message(f"{mark} network"),
        source="127.0.3.9",
    )
    deeds.smtp(
        f"{mark} large",
        "printer@office.example",
        [f"large.{mark}@elsewhere.example"],
        large(f"{mark} queued"),
        source="127.0.3.9",
    )


def fill_many(client):
    """A mailbox so large that its columns are kept as a copy."""
    client.good(b'CREATE "Viele"')
    sent = 0
    while sent < MANY:
        parts = [
            b"%s {%d+}\r\n%s" % (b"(\\Seen)" if n % 3 else b"()", len(one), one)
            for n in range(sent, sent + 600)
            if (one := b"Subject: n%d\r\n\r\nx\r\n" % n)
        ]
        client.good(b'APPEND "Viele" ' + b" ".join(parts))
        sent += 600
    client.good(b'SELECT "Viele"')
    client.good(b"UID STORE 1:%d +FLAGS.SILENT (\\Deleted)" % (MANY - KEPT))
    client.good(b"EXPUNGE")
    client.good(b"UID STORE %d:%d +FLAGS.SILENT ($Viel)" % (MANY - 50, MANY))


def settle_down(deeds):
    """The first part."""
    scripts(deeds, "alice", ("eins", "zwei"))
    scripts(deeds, "bob", ("eins",))
    with deeds.imap("alice", ALICE) as client:
        tree(client, "A")
        work(client, "A")
    with deeds.imap("bob", BOB) as client:
        tree(client, "A")
        work(client, "A")
    deeds.lmtp(["fritz@example.org", "dora@example.org", "zoe@example.org"], message("to them"))
    deeds.lmtp(["erna+liste@example.org", "dave@example.org"], message("to erika and dave"))
    deeds.refused("relaying refused", "list@elsewhere.example", "x@far.example")
    deeds.refused("nobody", "list@elsewhere.example", "nobody@example.org")
    deeds.smtp(
        "catch-all",
        "list@elsewhere.example",
        ["whoever@example.net", "alice@example.org"],
        message("for whoever"),
    )
    deeds.lmtp(["scanner=tray@machines.example.org", "fax@legacy.example.org"], message("machines"))
    with deeds.imap("dave", DAVE) as client:
        client.good('CREATE "Projekte.mit Punkt/Über"'.encode())
        client.append('"Projekte.mit Punkt"', message("below a dot"))
    with deeds.imap("masse", MASSE) as client:
        fill_many(client)
    deliver(deeds, "A", "alice")
    deliver(deeds, "AB", "bob")
    queue_up(deeds, "A")
    deeds.inside("first")
    deeds.call("account", "delete", "fritz", "--yes")


def leave_in_log(deeds):
    """The second part: nothing of it is settled."""
    with deeds.imap("alice", ALICE) as client:
        tree(client, "B")
        work(client, "B")
    with deeds.imap("bob", BOB) as client:
        tree(client, "B")
    deliver(deeds, "B", "alice")
    deliver(deeds, "BB", "bob")
    queue_up(deeds, "B")


def lose_rows(deeds):
    """The third part: every kind of record, acknowledged, without a row in an index."""
    with deeds.imap("bob", BOB) as client:
        tree(client, "C")
        work(client, "C")
        client.good(b'RENAME INBOX "aus INBOX"')
    with deeds.imap("alice", ALICE) as client:
        client.append("INBOX", message("C to alice"))
    scripts(deeds, "bob", ("zwei", "drei"))
    deeds.call("sieve", "activate", "erika", "--none")
    deliver(deeds, "C", "bob")
    deliver(deeds, "CA", "alice")
    queue_up(deeds, "C")
    deeds.inside("second")
    with contextlib.closing(poplib.POP3(HOST, deeds.site.port("pop3"))) as client:
        client.user("carol")
        client.pass_(CAROL)
        client.dele(1)
        client.quit()


def permit_and_ban(deeds):
    """Grants by a login and by command, and an address that has guessed."""
    for source, name, password in (("127.0.2.1", "alice", ALICE), ("127.0.2.9", "bob", BOB)):
        assert log_in(deeds.site, ("pop3", "PASS", name, password, None), source) == "yes"
    deeds.call("relay", "revoke", "127.0.2.9")
    grant = ("relay", "grant", "--for", "400d", "--why")
    deeds.call(
        *grant,
        "trade fair, Grüße",
        "--account",
        "bob",
        "--to",
        "*.example.com",
        "--to",
        "example.com",
        "127.0.2.2",
    )
    deeds.call(*grant, "the lab", "127.0.2.128/28")
    deeds.call(*grant, "documentation", "2001:db8::7")
    deeds.call(*grant[:3], "1d", "--why", "one day", "127.0.2.3")
    assert log_in(deeds.site, ("imap", "PLAIN", "bob", BOB, None), "127.0.2.66") == "yes"
    for number in range(5):
        attempt = ("imap", "PLAIN", "alice", f"guess {number}", None)
        assert log_in(deeds.site, attempt, "127.0.2.66") == ("no" if number < 4 else "later")
