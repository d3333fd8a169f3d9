"""Everything that can be found on a site, as one document: by IMAP, by POP3, by logins, by commands
and by the contracts. `make.py` wrote it to expected.json with the programs of then; the tests find
it with those of today.

Rules of this file: looking changes nothing that is looked for (no \\Seen, no mail, few failures of
one address). What is asked for stands in `asked`, so that both ask the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import poplib
import re
import ssl
import subprocess
from pathlib import Path

from clients import HOST
from rawimap import Imap, fetched, tokens
from speaking import encoded, log_in, salt_of

HERE = Path(__file__).parent
MANY_MESSAGES = 100
"""Most messages of a mailbox that expected.json lists singly; a larger one has one digest."""
ITEMS = "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"
COMMAND_SECONDS = 60


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def collect(site, asked):
    """All facts. The order matters: the lists of logins are read before anybody logs in."""
    facts = command_facts(site, asked)
    facts |= run_inside(site, "by_contract.py", *map(str, site.configs))
    facts["certificate"] = certificate_of(site)
    facts["salt_of_nobody"] = salt_of(site, "nobody")
    facts["logins"] = [
        log_in(site, attempt, f"127.0.1.{number}")
        for number, attempt in enumerate(asked["logins"], 1)
    ]
    facts["banned"] = {
        case: log_in(site, attempt, source) for case, (source, attempt) in asked["banned"].items()
    }
    facts["mailboxes"] = {
        account: mailboxes_of(site, reader) for account, reader in asked["readers"].items()
    }
    facts["maildrops"] = {
        account: maildrop_of(site, *who) for account, who in asked["pop3"].items()
    }
    return facts


# by commands


def run_inside(site, program, *words, given=""):
    """What a program of this folder says in the site's environment, read as JSON."""
    done = subprocess.run(
        [str(site.programs / "python"), str(HERE / program), *words],
        cwd=site.base,
        env=site.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def commands(asked):
    """Words of each command by the name of its fact."""
    single = {
        "settings": ["config", "show", "--json"],
        "domains": ["domain", "list", "--json"],
        "aliases": ["alias", "list", "--json"],
        "changes": ["account", "history", "--limit", "1000", "--json"],
        "grants": ["relay", "who", "--json"],
        "bans": ["login", "bans", "--json"],
        "login_history": ["login", "history", "--limit", "1000", "--json"],
    }
    each = {
        "accounts": (asked["accounts"], lambda name: ["account", "show", name, "--json"]),
        "journal": (asked["transactions"], lambda one: ["explain", "--json", one]),
        "scripts": (asked["scripts"], lambda name: ["sieve", "list", name, "--json"]),
        "active_scripts": (asked["active_scripts"], lambda name: ["sieve", "get", name]),
    }
    found = {(fact, None): words for fact, words in single.items()}
    for fact, (names, words_of) in each.items():
        found |= {(fact, name): words_of(name) for name in names}
    return found


def command_facts(site, asked):
    wanted = commands(asked)
    words = [[*words, *site.config_words] for words in wanted.values()]
    facts = {}
    answers = run_inside(site, "by_command.py", given=json.dumps(words))
    for (fact, name), (code, output) in zip(wanted, answers, strict=True):
        assert code == 0, (wanted[fact, name], output)
        said = output if fact == "active_scripts" else json.loads(output)
        if name is None:
            facts[fact] = said
        else:
            facts.setdefault(fact, {})[name] = said
    facts["settings"] = placed(facts["settings"], site.base)
    return facts


def placed(settings, base):
    """Paths without the place where the site was unpacked, and no places to listen at."""
    text = json.dumps(settings).replace(f"{base.resolve()}/", "")
    sections = json.loads(text)
    for name, section in sections.items():
        if name.startswith("listener."):
            del section["bind"]
    return sections


def certificate_of(site):
    """The digest of the certificate that the site made for itself."""
    text = (site.data / "tls" / "main" / "certificate.pem").read_text()
    return digest(ssl.PEM_cert_to_DER_cert(text))


# by IMAP and POP3


@contextlib.contextmanager
def reading(site, reader):
    """An IMAP session of somebody who may read the account's mail."""
    name, password, acting_as = reader
    with contextlib.closing(Imap(site.port("imap"))) as client:
        client.good(b"AUTHENTICATE PLAIN " + encoded_plain(name, password, acting_as))
        yield client


def encoded_plain(name, password, acting_as):
    return encoded(f"{acting_as or ''}\0{name}\0{password}".encode()).encode()


def mailboxes_of(site, reader):
    with reading(site, reader) as client:
        client.good(b"ENABLE CONDSTORE IMAP4rev2")
        listed = client.good(b'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)')
        lines = [tokens(line) for line in listed if line.startswith(b"* LIST ")]
        marks = {octets_of(line[4]): sorted(line[2]) for line in lines}
        return {
            name.decode(): {"marks": found, **mailbox_of(client, name)}
            for name, found in marks.items()
        }


def octets_of(name):
    """A mailbox's name, whether it came as an atom or as a string."""
    return name if isinstance(name, bytes) else name.encode("latin-1")


NUMBERS = re.compile(rb"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)")


def mailbox_of(client, name):
    opened = client.good(b"EXAMINE {%d+}\r\n%b" % (len(name), name))
    facts = {}
    for line in opened:
        if number := NUMBERS.search(line):
            facts[number[1].decode().lower()] = int(number[2])
        if line.startswith(b"* FLAGS "):
            facts["flags"] = sorted(tokens(line)[2])
    fetched_messages = fetched(client.good(b"UID FETCH 1:* " + ITEMS.encode()))
    messages = {str(items["UID"]): message_of(items) for items in fetched_messages.values()}
    facts["messages"] = messages
    if len(messages) > MANY_MESSAGES:
        text = json.dumps(messages, sort_keys=True)
        facts["messages"] = {"count": len(messages), "sha256": digest(text.encode())}
    return facts


def plain(value):
    """A parsed response as JSON has it."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [plain(one) for one in value] if isinstance(value, list) else value


def message_of(items):
    body = items["BODY[]"]
    parts = [plain(items["ENVELOPE"]), plain(items["BODYSTRUCTURE"])]
    return {
        "flags": sorted(items["FLAGS"]),
        "modseq": int(items["MODSEQ"][0]),
        "date": items["INTERNALDATE"].decode(),
        "size": int(items["RFC822.SIZE"]),
        "subject": plain(items["ENVELOPE"])[1],
        "sha256": digest(body),
        "parts_sha256": digest(json.dumps(parts).encode()),
    }


def maildrop_of(site, name, password):
    """Size and digest of each message by its unique-id."""
    client = poplib.POP3(HOST, site.port("pop3"), timeout=COMMAND_SECONDS)
    client.user(name)
    client.pass_(password)
    found = {}
    for line in client.uidl()[1]:
        number, unique_id = line.decode().split()
        size = int(client.list(number).split()[2])
        octets = b"".join(one + b"\r\n" for one in client.retr(number)[1])
        found[unique_id] = [size, digest(octets)]
    client.quit()
    return found
