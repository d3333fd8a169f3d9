"""Compares thurn and Debian's Pigeonhole: which scripts they accept, and what each script does.

A difference that is not explained here fails, and so does an explanation that explains nothing.
Skipped without `sieve-test` (package dovecot-sieve); with THURN_REQUIRE_INTEROP a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from thurn_message.scanner import scan
from thurn_sieve.context import Account, Context, Envelope
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.testsuite.memory import MemoryMailboxes

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OWN = ROOT / "core" / "message" / "tests" / "data"
TABLE = Path(__file__).with_name("sieve-scripts.txt")
SENDER, RECIPIENT = "a@b.example", "c@d.example"
MESSAGE = (
    b"Return-Path: <a@b.example>\r\nSubject: hello\r\nFrom: x@y.example\r\nTo: c@d.example\r\n"
    b"Date: Tue, 24 Nov 2026 04:05:30 +0000\r\n\r\nbody\r\n"
)
ENGINE = Engine(shipped(), limits=Limits(actions=1_000, steps=10**9))
CONFIGURATION = """\
mail_location = maildir:{base}/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
log_path = {base}/log
plugin {{
  sieve_max_actions = 0
  sieve_extensions = +editheader +vacation-seconds
}}
"""
DONE = re.compile(
    r"^ \* (store message in folder|redirect message to|reject message|discard|"
    r"send vacation message):?(?: <?(.*?)>?)?\s*$|^ \* (reject message) with reason",
    re.MULTILINE,
)
KINDS = {
    "store message in folder": "store",
    "redirect message to": "redirect",
    "reject message": "reject",
    "discard": "discard",
    "send vacation message": "vacation",
}


class Pigeonhole:
    """`sieve-test` with a directory of its own."""

    def __init__(self, base):
        self.base = base
        base.chmod(0o755)
        (base / "mail").mkdir()
        shutil.chown(base / "mail", "mail", "mail")
        (base / "dovecot.conf").write_text(CONFIGURATION.format(base=base))
        self.message = base / "message.eml"
        self.script = base / "tested.sieve"

    def compile(self, source):
        """Keep a script for many messages; `run` uses the binary, which is newer."""
        self.script.write_text(source, "utf-8")
        os.utime(self.script, (0, 0))
        command = ["sievec", "-c", str(self.base / "dovecot.conf"), str(self.script)]
        subprocess.run(command, check=True, timeout=60)

    def run(self, message):
        """What the script wants of the message, or None: it is not a script to them."""
        self.message.write_bytes(message)
        command = [
            "sieve-test",
            "-c",
            str(self.base / "dovecot.conf"),
            "-f",
            SENDER,
            "-r",
            RECIPIENT,
            "-a",
            RECIPIENT,
            str(self.script),
            str(self.message),
        ]
        completed = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=60,
            env={"HOME": str(self.base), "PATH": os.environ["PATH"]},
        )
        told = completed.stdout.decode(errors="replace")
        if "Performed actions" not in told and "Implicit keep" not in told:
            complaint = completed.stderr.decode(errors="replace")
            refused = "validation failed" in complaint or "parse failed" in complaint
            return None if refused else {"store INBOX"}  # it ran into an error
        wanted = set()
        for kind, value, reject in DONE.findall(told):
            name = KINDS[reject or kind]
            wanted.add(f"{name} {value}".strip() if name in ("store", "redirect") else name)
        return wanted


@pytest.fixture(scope="module")
def pigeonhole():
    missing = None
    if shutil.which("sieve-test") is None:
        missing = "sieve-test (package dovecot-sieve) is not installed"
    elif os.geteuid() != 0:
        missing = "sieve-test changes to the account of the mail and needs root"
    if missing and os.environ.get("THURN_REQUIRE_INTEROP"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    # Not among pytest's directories: each run closes those to others.
    with tempfile.TemporaryDirectory(prefix="sieve-") as base:
        before = os.umask(0o022)  # `sieve-test` runs under another account
        yield Pigeonhole(Path(base))
        os.umask(before)


def ours(source, message):
    """What our engine wants, or None: it is not a script."""
    try:
        return wanted_by(ENGINE.compile(source), message)
    except CompileError:
        return None


def wanted_by(script, message):
    """What our engine wants of the message."""
    account = Account("c", [RECIPIENT])
    context = Context(
        message, envelope=Envelope(SENDER, RECIPIENT), account=account, now=datetime.now(UTC)
    )
    context.mailboxes = MemoryMailboxes()
    result = trio.run(ENGINE.evaluate, script, context)
    if result.errors:
        return {"store INBOX"}
    wanted = {"store INBOX"} if result.keep else set()
    for action in result.actions:
        if action.name in ("store", "redirect"):
            wanted.add(f"{action.name} {getattr(action, 'mailbox', None) or action.address}")
        elif action.name == "keep":
            wanted.add("store INBOX")
        elif action.name in ("discard", "reject", "vacation"):
            wanted.add(action.name)
    return wanted


def table():
    """Scripts, each with why the two differ, if they do."""
    for block in TABLE.read_text("utf-8").split("\n%%")[1:]:
        reason, _, source = block.partition("\n")
        yield source.rstrip("\n"), reason.strip()


@pytest.mark.parametrize(("source", "reason"), list(table()))
def test_a_script(pigeonhole, source, reason):
    pigeonhole.script.with_suffix(".svbin").unlink(missing_ok=True)
    pigeonhole.script.write_text(source + "\n", "utf-8")
    theirs, mine = pigeonhole.run(MESSAGE), ours(source + "\n", MESSAGE)
    if reason:
        assert theirs != mine, "there is nothing to explain any more"
    else:
        assert theirs == mine


FIELDS = (
    "subject",
    "from",
    "to",
    "cc",
    "date",
    "message-id",
    "x-mailer",
    "mime-version",
    "reply-to",
    "references",
    "sender",
    "bcc",
    "list-id",
    "not-there",
)


def questions():
    """Tests of the language, some hundred."""
    for name in FIELDS:
        yield f'exists "{name}"'
        yield f'header :is "{name}" ""'
        for key in ("a", "=?", "ü", "é", "@", ""):
            yield f'header :contains "{name}" "{key}"'
        for pattern in ("*a*e*", "?*", "re:*", "*", "*b*a*"):
            yield f'header :matches "{name}" "{pattern}"'
        for count in range(3):
            yield f'header :count "eq" :comparator "i;ascii-numeric" "{name}" "{count}"'
    for name in ("from", "reply-to", "sender"):
        for part in ("all", "localpart", "domain", "user"):
            for key in ("a", ".com", "@", " "):
                yield f'address :{part} :contains "{name}" "{key}"'
            yield f'address :{part} :matches "{name}" "?*@?*"'
    parts = ("year", "month", "date", "julian", "hour", "minute", "time", "std11", "zone")
    for part in (*parts, "weekday"):
        for zone in (":originalzone", ':zone "+0530"', ':zone "-0800"'):
            for key in ("*1*", "*2*", "*5", "0*"):
                yield f'date {zone} :matches "date" "{part}" "{key}"'


PARTS = 6
"""The messages are judged in so many parts, for two processors and for a machine that is slow."""


def messages(part):
    """Messages with clean headers: what broken ones mean is for each to say."""
    directories = [OWN, *filter(None, [os.environ.get("THURN_CORPUS")])]
    paths = sorted(one for each in directories for one in Path(each).rglob("*.eml"))
    for path in paths[part::PARTS]:
        message = re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())
        scanned = scan(message)
        if scanned.header_doubts or not message[: scanned.header_end].isascii():
            continue
        yield path.name, message


EXPLAINED = {
    "error_emails--bad_encoded_subject.eml": ("subject", "an unknown charset; they guess"),
    "lhost-barracuda-01.eml": ("from", "a name and no address; they compare the name"),
    "lhost-dragonfly-01.eml": ("from", "a name and no address; they compare the name"),
    "lhost-dragonfly-02.eml": ("from", "a name and no address; they compare the name"),
    "lhost-x1-02.eml": ("from", "a name and no address; they compare the name"),
    "lhost-surfcontrol-01.eml": ("date", "no comma behind the day; they read none"),
    "plain_emails--raw_email_multiple_from.eml": (
        ("from", "reply-to"), "two addresses without a comma: they take the first"
    ),
}  # fmt: skip
"""Messages of the corpus: the fields whose tests differ, and why. RFC 5228 §5.1: phrases are no
part of an address."""


def is_explained(name, question):
    fields, _ = EXPLAINED.get(name, ((), ""))
    fields = (fields,) if isinstance(fields, str) else fields
    return any(f'"{field}"' in question for field in fields)


@pytest.mark.parametrize("part", range(PARTS))
def test_tests_over_many_messages(pigeonhole, part):
    asked = list(questions())
    source = 'require ["fileinto","copy","relational","comparator-i;ascii-numeric","date",'
    source += '"subaddress"];\n'
    source += "".join(
        f'if {test} {{ fileinto :copy "q{number}"; }}\n' for number, test in enumerate(asked)
    )
    pigeonhole.compile(source)
    script = ENGINE.compile(source)
    differing = []
    for name, message in messages(part):
        theirs, mine = pigeonhole.run(message), wanted_by(script, message)
        for one in sorted(theirs ^ mine):
            question = asked[int(one.removeprefix("store q"))]
            if is_explained(name, question):
                continue
            differing.append((name, question, "theirs" if one in theirs else "ours"))
    assert not differing, "\n".join(map(str, differing))
