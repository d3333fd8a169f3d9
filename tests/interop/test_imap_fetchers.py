"""Programs that fetch mail by IMAP and take it away, over TLS: fetchmail, getmail, curl."""

from __future__ import annotations

import subprocess

import pytest
from office import GIVEN, PASSWORD, message
from programs import call, program, surroundings, until

pytestmark = [pytest.mark.interop, pytest.mark.slow]
SUBJECTS = ["one", "two", "three"]


def fill(office):
    sent = [message(subject, ".dot\r\n..two dots\r\nGrüße") for subject in SUBJECTS]
    for octets in sent[:2]:
        office.put("INBOX", octets)
    office.client.create("Work")
    office.put("Work", sent[2])
    return sent


def delivery_agent(office):
    """A program that makes each message a file, and the directory of these."""
    taken, agent = office.home / "taken", office.home / "agent"
    taken.mkdir()
    agent.write_text(f'#!/bin/sh\ncat > "{office.home}/$$" && mv "{office.home}/$$" "{taken}/$$"\n')
    agent.chmod(0o700)
    return agent, taken


def fetchmailrc(office, *words):
    """Its file, and where the messages go."""
    agent, taken = delivery_agent(office)
    rc = office.home / "fetchmailrc"
    rc.write_text(
        f"poll localhost service {office.port('imaps')} proto imap user {office.name} "
        f'password "{PASSWORD}" ssl sslcertck sslcertfile {office.certificate} '
        f'{" ".join(words)} mda "{agent}"\n'
    )
    rc.chmod(0o600)
    return str(rc), taken


def bodies(octets):
    """What is below the header, with the line ends of a file."""
    return [one.replace(b"\r\n", b"\n").partition(b"\n\n")[2] for one in octets]


def test_fetchmail(office):
    fetchmail = program("fetchmail")
    sent = fill(office)
    rc, taken = fetchmailrc(office, "fetchall", "folder INBOX,Work")
    call(
        fetchmail,
        "-f",
        rc,
        "--nodetach",
        "--nosyslog",
        "-v",
        cwd=office.home,
        environment={"FETCHMAILHOME": str(office.home)},
    )
    assert sorted(bodies(path.read_bytes() for path in taken.iterdir())) == sorted(bodies(sent))
    assert office.subjects() == office.subjects("Work") == {}


def test_fetchmail_keeps(office):
    """Messages that were left on the server are not fetched again; new ones are."""
    fetchmail = program("fetchmail")
    fill(office)
    rc, taken = fetchmailrc(office, "keep")
    command = [fetchmail, "-f", rc, "--nodetach", "--nosyslog"]
    home = {"FETCHMAILHOME": str(office.home)}
    call(*command, cwd=office.home, environment=home)
    assert office.subjects() == {"one": {"\\Seen"}, "two": {"\\Seen"}}
    office.send(message("later"))
    call(*command, cwd=office.home, environment=home)
    assert len(list(taken.iterdir())) == 3
    assert office.subjects()["later"] == {"\\Seen"}


def test_fetchmail_waits_in_idle(office):
    fetchmail, line_by_line = program("fetchmail"), (program("stdbuf"), "-oL")
    rc, taken = fetchmailrc(office, "fetchall", "idle")
    office.put("INBOX", message("before"))
    written = office.home / "log"
    with written.open("wb") as log:
        process = subprocess.Popen(
            [*line_by_line, fetchmail, "-f", rc, "-vv", "--nodetach", "--nosyslog", "--idle"],
            cwd=office.home,
            stdout=log,
            stderr=log,
            env=surroundings(office.home, FETCHMAILHOME=str(office.home)),
        )

    def idles(times):
        return written.read_bytes().count(b"IMAP< + idling") >= times

    try:
        until(lambda: idles(1))
        assert len(list(taken.iterdir())) == 1
        office.send(message("during"))
        until(lambda: idles(2))
        assert len(list(taken.iterdir())) == 2
        assert office.subjects() == {}
    finally:
        process.terminate()
        process.wait(10)


def test_getmail(office):
    getmail = program("getmail")
    sent = fill(office)
    agent, taken = delivery_agent(office)
    rc = office.home / "getmailrc"
    rc.write_text(f"""\
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {office.port("imaps")}
username = {office.name}
password = {PASSWORD}
ca_certs = {office.certificate}
mailboxes = ("INBOX", "Work")

[destination]
type = MDA_external
path = {agent}
unixfrom = false
allow_root_commands = true

[options]
delete = true
delivered_to = false
received = false
""")
    call(getmail, "--getmaildir", str(office.home), "--rcfile", str(rc), cwd=office.home)
    contents = [path.read_bytes() for path in taken.iterdir()]
    assert sorted(bodies(contents)) == sorted(bodies(sent))
    assert office.subjects() == office.subjects("Work") == {}


def test_curl(office):
    """As the demo prints it, and what else curl does with IMAP."""
    curl = program("curl")
    sent = fill(office)

    def run(path, *words, listener="imaps"):
        return call(
            curl,
            "-sS",
            "--cacert",
            office.certificate,
            "--user",
            f"{office.name}:{PASSWORD}",
            f"{listener}://localhost:{office.port(listener)}/{path}",
            *words,
            cwd=office.home,
        )

    assert run("INBOX?ALL") == b"* SEARCH 1 2\r\n"
    assert run("", "--ssl-reqd", listener="imap").count(b"* LIST ") == len(GIVEN) + 1
    assert run("INBOX;UID=1") == sent[0]
    assert run("INBOX;MAILINDEX=2;SECTION=TEXT") == b".dot\r\n..two dots\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    assert run("Work?SUBJECT%20three") == b"* SEARCH 1\r\n"
    new = office.home / "new.eml"
    new.write_bytes(message("by curl"))
    run("Work", "-T", str(new))
    assert office.mail("Work")["by curl"][1] == message("by curl")
    flagged = run("Work", "-X", r"STORE 1 +FLAGS (\Flagged)")
    assert flagged.startswith(b"* 1 FETCH (FLAGS (\\Flagged")
