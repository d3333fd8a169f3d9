"""Nobody relays who may not: every form of address, parameter and claim, over sockets.

The site has the whole relay chain (networks, logins, grants); its networks and grants are for
other loopback addresses than the one that strangers come from. Each form is refused with the code
that is right for it, its transaction takes no content, and nothing is ever queued.
RFC 5321 §3.6, §3.9, §7.9.
"""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import trio
from mailsite import PASSWORD, tables
from thurn_kit.grants import GrantTable, parse_source
from thurn_testing.server import open_server

RELAY_DENIED, NO_SUCH, MALFORMED, SYNTAX = "550 5.7.1", "550 5.1.1", "553 5.1.3", "501"
STRANGER, OFFICE, GRANTED = "127.0.0.1", "127.0.0.3", "127.0.0.4"
CHAIN = ["office", "authenticated", "table"]

ADDRESSES = {
    "elsewhere": (b"x@elsewhere.example", RELAY_DENIED),
    "upper case": (b"X@ELSEWHERE.EXAMPLE", RELAY_DENIED),
    "trailing dot": (b"x@elsewhere.example.", RELAY_DENIED),
    # percent hack
    "percent, our domain": (b"x%elsewhere.example@example.org", NO_SUCH),
    "percent, a real account": (b"alice%elsewhere.example@example.org", NO_SUCH),
    "percent twice": (b"x%elsewhere.example%mail.example.org@example.org", NO_SUCH),
    "percent, the host's name": (b"x%elsewhere.example@mail.example.org", RELAY_DENIED),
    "percent, our domain first": (b"alice%example.org@elsewhere.example", RELAY_DENIED),
    "percent without domain": (b"x%elsewhere.example", MALFORMED),
    "percent, literal": (b"x%elsewhere.example@[127.0.0.1]", RELAY_DENIED),
    # bang paths
    "bang, our domain": (b"elsewhere.example!x@example.org", NO_SUCH),
    "bang, a real account": (b"elsewhere.example!alice@example.org", NO_SUCH),
    "bang, ours first": (b"example.org!alice@elsewhere.example", RELAY_DENIED),
    "bang without domain": (b"elsewhere.example!x", MALFORMED),
    "bang and percent": (b"elsewhere.example!x%mail.example.org@example.org", NO_SUCH),
    # source routes
    "route over us": (b"@example.org:x@elsewhere.example", RELAY_DENIED),
    "route over the host's name": (b"@mail.example.org:x@elsewhere.example", RELAY_DENIED),
    "route of two": (b"@example.org,@mail.example.org:x@elsewhere.example", RELAY_DENIED),
    "route to us, nobody": (b"@elsewhere.example:nobody@example.org", NO_SUCH),
    "route and percent": (b"@elsewhere.example:x%elsewhere.example@example.org", NO_SUCH),
    "route without mailbox": (b"@example.org,@elsewhere.example", MALFORMED),
    "two routes": (b"@example.org:@elsewhere.example:alice@example.org", MALFORMED),
    "route over a literal": (b"@[127.0.0.1]:x@elsewhere.example", MALFORMED),
    # quoted local parts
    "quoted address": (b'"x@elsewhere.example"@example.org', NO_SUCH),
    "quoted percent": (b'"x%elsewhere.example"@example.org', NO_SUCH),
    "quoted bang": (b'"elsewhere.example!x"@example.org', NO_SUCH),
    "quoted route": (b'"@example.org:x@elsewhere.example"@example.org', NO_SUCH),
    "quoted, alone": (b'"x@elsewhere.example"', MALFORMED),
    "quoted with escapes": (b'"x\\@elsewhere.example"@example.org', NO_SUCH),
    "quoted, ours inside": (b'"alice@example.org"@elsewhere.example', RELAY_DENIED),
    "quoted, ended early": (b'"alice@example.org"x@elsewhere.example', MALFORMED),
    "quoted in the middle": (b'alice"@elsewhere.example"@example.org', MALFORMED),
    "quoted bracket": (b'"x>"@elsewhere.example', RELAY_DENIED),
    "escaped without quotes": (b"x\\@elsewhere.example@example.org", MALFORMED),
    # two @
    "two @, ours last": (b"x@elsewhere.example@example.org", MALFORMED),
    "two @, ours first": (b"alice@example.org@elsewhere.example", MALFORMED),
    "detail with @": (b"alice+x@elsewhere.example@example.org", MALFORMED),
    "three @": (b"a@b@c@elsewhere.example", MALFORMED),
    # NUL and other controls
    "NUL in the local part": (b"x\0@elsewhere.example", SYNTAX),
    "NUL behind": (b"alice@example.org\0@elsewhere.example", SYNTAX),
    "NUL in the domain": (b"alice@example.org\0.elsewhere.example", SYNTAX),
    "tab": (b"x\t@elsewhere.example", SYNTAX),
    "escape": (b"x\x1b@elsewhere.example", SYNTAX),
    "DEL": (b"x@elsewhere.example\x7f", SYNTAX),
    # comments and white space
    "comment before @": (b"x(alice@example.org)@elsewhere.example", MALFORMED),
    "comment behind": (b"x@elsewhere.example(@example.org)", MALFORMED),
    "comment in the domain": (b"x@(example.org)elsewhere.example", MALFORMED),
    "comment, ours outside": (b"alice@example.org(@elsewhere.example)", MALFORMED),
    "space in the local part": (b"x y@elsewhere.example", MALFORMED),
    "space before the domain": (b"alice@ example.org", MALFORMED),
    # literals
    "loopback literal": (b"x@[127.0.0.1]", RELAY_DENIED),
    "loopback literal, IPv6": (b"x@[IPv6:::1]", RELAY_DENIED),
    "loopback literal, mapped": (b"x@[IPv6:::ffff:127.0.0.1]", RELAY_DENIED),
    "loopback literal, mapped, hex": (b"x@[IPv6:::ffff:7f00:1]", RELAY_DENIED),
    "real account at loopback": (b"alice@[127.0.0.1]", RELAY_DENIED),
    "any address literal": (b"x@[0.0.0.0]", RELAY_DENIED),
    "unspecified IPv6": (b"x@[IPv6:::]", RELAY_DENIED),
    "foreign literal": (b"x@[203.0.113.9]", RELAY_DENIED),
    "office literal": (b"x@[127.0.0.3]", RELAY_DENIED),
    "literal without tag": (b"x@[::1]", MALFORMED),
    "literal, short": (b"x@[127.1]", MALFORMED),
    "literal, hex": (b"x@[0x7f.0.0.1]", MALFORMED),
    "literal, octal": (b"x@[0177.0.0.1]", MALFORMED),
    "literal, one number": (b"x@[2130706433]", MALFORMED),
    "literal with a name": (b"x@[example.org]", MALFORMED),
    "literal, other tag": (b"x@[DNS:example.org]", MALFORMED),
    "literal with zone": (b"x@[IPv6:fe80::1%lo]", MALFORMED),
    "address without brackets": (b"x@127.0.0.1", MALFORMED),
    "number without brackets": (b"x@2130706433", MALFORMED),
    # names near ours
    "suffix": (b"x@badexample.org", RELAY_DENIED),
    "prefix": (b"x@example.org.elsewhere.example", RELAY_DENIED),
    "longer": (b"x@example.organic", RELAY_DENIED),
    "shorter": (b"x@xample.org", RELAY_DENIED),
    "below ours": (b"x@sub.example.org", RELAY_DENIED),
    "above ours": (b"x@org", RELAY_DENIED),
    "the host's name": (b"x@mail.example.org", RELAY_DENIED),
    "localhost": (b"alice@localhost", RELAY_DENIED),
    "hyphen": (b"x@-example.org", MALFORMED),
    "underscore": (b"x@_example.org", MALFORMED),
    "leading dot": (b"x@.example.org", MALFORMED),
    "two dots": (b"x@example..org", MALFORMED),
    "two trailing dots": (b"alice@example.org..", MALFORMED),
    "only a dot": (b"x@.", MALFORMED),
    "empty domain": (b"x@", MALFORMED),
    "empty local part": (b"@elsewhere.example", MALFORMED),
    "empty": (b"", SYNTAX),
    "space": (b" ", MALFORMED),
    # punycode and 8-bit
    "punycode": (b"x@xn--bcher-kva.example", RELAY_DENIED),
    "punycode of ASCII": (b"alice@xn--example-.org", MALFORMED),
    "broken punycode": (b"x@xn--a.example", MALFORMED),
    "8-bit without SMTPUTF8": ("x@b\u00fccher.example".encode(), "553 5.6.7"),
    "8-bit local part": ("\u00fc@elsewhere.example".encode(), "553 5.6.7"),
    "Latin-1": (b"x@b\xfccher.example", "553 5.6.7"),
    # header syntax
    "group": (b"friends:x@elsewhere.example;", MALFORMED),
    "empty group": (b"undisclosed-recipients:;", MALFORMED),
    "list": (b"alice@example.org,x@elsewhere.example", MALFORMED),
    "semicolons": (b"alice@example.org;x@elsewhere.example", MALFORMED),
    "encoded word": (b"=?utf-8?q?x=40elsewhere.example?=@example.org", NO_SUCH),
    "mailto": (b"mailto:x@elsewhere.example", MALFORMED),
    # postmaster is ours only without a domain, or with ours
    "postmaster elsewhere": (b"postmaster@elsewhere.example", RELAY_DENIED),
    "postmaster, percent": (b"postmaster%elsewhere.example@example.org", NO_SUCH),
    "postmaster of a literal": (b"postmaster@[127.0.0.1]", RELAY_DENIED),
    "postmaster below ours": (b"postmaster@sub.example.org", RELAY_DENIED),
    "postmaster with detail": (b"postmaster+x@elsewhere.example", RELAY_DENIED),
    "too long": (b"x" * 65 + b"@elsewhere.example", MALFORMED),
}
"""What stands between < and > of RCPT TO, and the answer."""

INTERNATIONAL = {
    "IDN": ("x@b\u00fccher.example", RELAY_DENIED),
    "ideographic full stop": ("alice@example\u3002org", MALFORMED),
    "ideographic full stop, elsewhere": ("x@elsewhere\u3002example", MALFORMED),
    "fullwidth full stop": ("alice@example\uff0eorg", MALFORMED),
    "halfwidth full stop": ("alice@example\uff61org", MALFORMED),
    "dot below a dot": ("x@elsewhere.example\u3002example.org", MALFORMED),
    "fullwidth letters": ("alice@\uff45xample.org", MALFORMED),
    "Kelvin": ("x@\u212aelvin.example", MALFORMED),
    "zero width": ("alice@exam\u200bple.org", MALFORMED),
    "soft hyphen": ("alice@exam\u00adple.org", MALFORMED),
    "Cyrillic": ("alice@ex\u0430mple.org", RELAY_DENIED),
    "fullwidth at": ("x\uff20elsewhere.example", MALFORMED),
    "fullwidth at, ours last": ("x\uff20elsewhere.example@example.org", NO_SUCH),
    "fullwidth percent": ("x\uff05elsewhere.example@example.org", NO_SUCH),
    "right to left": ("x\u202e@elsewhere.example", MALFORMED),
    "surrogates": (b"x\xed\xa0\x80@elsewhere.example", SYNTAX),
    "overlong": (b"x\xc0\x80@elsewhere.example", SYNTAX),
}
"""With SMTPUTF8."""

LINES = {
    "no brackets": (b"RCPT TO:x@elsewhere.example", SYNTAX),
    "no bracket behind": (b"RCPT TO:<x@elsewhere.example", SYNTAX),
    "two brackets": (b"RCPT TO:<<x@elsewhere.example>>", (SYNTAX, MALFORMED)),
    "two paths": (b"RCPT TO:<alice@example.org><x@elsewhere.example>", SYNTAX),
    "two paths, a space": (b"RCPT TO:<alice@example.org> <x@elsewhere.example>", (SYNTAX, "555")),
    "text behind": (b"RCPT TO:<alice@example.org>x@elsewhere.example", SYNTAX),
    "name before": (b"RCPT TO:Alice <x@elsewhere.example>", SYNTAX),
    "bare LF": (b"RCPT TO:<a@b.example>\nRCPT TO:<x@elsewhere.example>", ("500", SYNTAX)),
    "bare CR": (b"RCPT TO:<a@b.example>\rRCPT TO:<x@elsewhere.example>", ("500", SYNTAX)),
    "ORCPT of ours": (
        b"RCPT TO:<x@elsewhere.example> ORCPT=rfc822;alice@example.org", (RELAY_DENIED, "555"),
    ),
    "NOTIFY": (b"RCPT TO:<x@elsewhere.example> NOTIFY=NEVER", (RELAY_DENIED, "555")),
    "AUTH at RCPT": (b"RCPT TO:<x@elsewhere.example> AUTH=alice@example.org", ("555", SYNTAX)),
    "VRFY": (b"VRFY x@elsewhere.example", ("252", "502", "550")),
    "EXPN": (b"EXPN x@elsewhere.example", ("502", "500")),
    "SEND": (b"SEND FROM:<x@elsewhere.example>", ("502", "500", "503")),
    "TURN": (b"TURN", ("502", "500")),
    "ETRN": (b"ETRN elsewhere.example", ("500", "502")),
}  # fmt: skip
"""Whole lines where RCPT belongs."""

ELSEWHERE = b"RCPT TO:<x@elsewhere.example>"
CLAIMS = {
    "sender is ours": ([b"EHLO c.example", b"MAIL FROM:<alice@example.org>"], RELAY_DENIED),
    "sender is postmaster": ([b"EHLO c.example", b"MAIL FROM:<postmaster@example.org>"],
                             RELAY_DENIED),
    "sender at a literal": ([b"EHLO c.example", b"MAIL FROM:<root@[127.0.0.1]>"], RELAY_DENIED),
    "null sender": ([b"EHLO c.example", b"MAIL FROM:<>"], RELAY_DENIED),
    "hello is ours": ([b"EHLO mail.example.org", b"MAIL FROM:<>"], RELAY_DENIED),
    "hello is localhost": ([b"EHLO localhost", b"MAIL FROM:<>"], RELAY_DENIED),
    "hello is loopback": ([b"EHLO [127.0.0.1]", b"MAIL FROM:<>"], RELAY_DENIED),
    "hello is the office": ([b"EHLO [127.0.0.3]", b"MAIL FROM:<>"], RELAY_DENIED),
    "hello is mapped loopback": ([b"EHLO [IPv6:::ffff:127.0.0.3]", b"MAIL FROM:<>"], RELAY_DENIED),
    "old hello": ([b"HELO example.org", b"MAIL FROM:<alice@example.org>"], RELAY_DENIED),
    "AUTH= of ours": ([b"EHLO c.example", b"MAIL FROM:<alice@example.org> AUTH=alice@example.org",
                       b"MAIL FROM:<alice@example.org>"], RELAY_DENIED),
    "AUTH=<>": ([b"EHLO c.example", b"MAIL FROM:<> AUTH=<>", b"MAIL FROM:<>"], RELAY_DENIED),
    "XCLIENT": ([b"EHLO c.example", b"XCLIENT ADDR=127.0.0.3 NAME=mail.example.org LOGIN=alice",
                 b"EHLO c.example", b"MAIL FROM:<>"], RELAY_DENIED),
    "XCLIENT of a grant": ([b"EHLO c.example", b"XCLIENT ADDR=127.0.0.4", b"MAIL FROM:<>"],
                           RELAY_DENIED),
    "XCLIENT, mapped": ([b"EHLO c.example", b"XCLIENT ADDR=IPV6:::ffff:127.0.0.3", b"MAIL FROM:<>"],
                        RELAY_DENIED),
    "XFORWARD": ([b"EHLO c.example", b"XFORWARD ADDR=127.0.0.3 SOURCE=LOCAL IDENT=x",
                  b"MAIL FROM:<>"], RELAY_DENIED),
    "PROXY late": ([b"EHLO c.example", b"PROXY TCP4 127.0.0.3 127.0.0.1 40000 25", b"MAIL FROM:<>"],
                   RELAY_DENIED),
    "a login that failed": ([b"EHLO c.example", b"AUTH PLAIN " + base64.b64encode(b"\0alice\0no"),
                             b"MAIL FROM:<alice@example.org>"], RELAY_DENIED),
    "a login cut short": ([b"EHLO c.example", b"AUTH PLAIN", b"*", b"MAIL FROM:<>"], RELAY_DENIED),
    "a relayed one before": ([b"EHLO c.example", b"MAIL FROM:<>", b"RCPT TO:<alice@example.org>"],
                             RELAY_DENIED),
}  # fmt: skip
"""What is said before `RCPT TO:<x@elsewhere.example>`, whatever the answers, and its answer."""

FIRST = {
    "PROXY first": b"PROXY TCP4 127.0.0.3 127.0.0.1 40000 25\r\n",
    "PROXY first, IPv6": b"PROXY TCP6 ::1 ::1 40000 25\r\n",
    "PROXY unknown": b"PROXY UNKNOWN\r\n",
    "PROXY local": b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
    "PROXY binary": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\0\0\x03\x7f\0\0\x01\x9c\x40\x00\x19",
}
"""Octets before anything else: lines that are unknown, or a peer that speaks too early."""

GRANT_SENDERS = {
    "own": (b"alice@example.org", "250"),
    "own, upper case": (b"ALICE@EXAMPLE.ORG", "250"),
    "own, detail": (b"alice+x@example.org", "250"),
    "own, quoted": (b'"alice"@example.org', "250"),
    "nobody's": (b"", RELAY_DENIED),
    "another account's": (b"bob@example.org", RELAY_DENIED),
    "an alias of several": (b"team@example.org", RELAY_DENIED),
    "unknown here": (b"nobody@example.org", RELAY_DENIED),
    "elsewhere": (b"y@elsewhere.example", RELAY_DENIED),
    "own, elsewhere": (b"alice@elsewhere.example", RELAY_DENIED),
    "own, below ours": (b"alice@sub.example.org", RELAY_DENIED),
    "own, near ours": (b"alice@example.org.elsewhere.example", RELAY_DENIED),
    "own, the host's name": (b"alice@mail.example.org", RELAY_DENIED),
    "own, percent": (b"alice%example.org@elsewhere.example", RELAY_DENIED),
    "own, inside quotes": (b'"alice@example.org"@elsewhere.example', RELAY_DENIED),
    "own, as detail of another": (b"bob+alice@example.org", RELAY_DENIED),
    "own, literal": (b"alice@[127.0.0.1]", RELAY_DENIED),
    "host's postmaster": (b"postmaster@mail.example.org", RELAY_DENIED),
}
"""MAIL FROM of a peer with alice's grant, and the answer to a recipient elsewhere."""

OURS = {
    "plain": b"alice@example.org",
    "upper case": b"ALICE@EXAMPLE.ORG",
    "detail": b"alice+list@example.org",
    "detail that looks like a route": b"alice+x%elsewhere.example@example.org",
    "quoted": b'"alice"@example.org',
    "alias": b"team@example.org",
    "trailing dot": b"alice@example.org.",
    "route to us": b"@elsewhere.example,@mail.example.org:alice@example.org",
    "postmaster": b"postmaster",
    "Postmaster": b"PostMaster",
    "postmaster of ours": b"postmaster@example.org",
    "postmaster of the host": b"postmaster@mail.example.org",
}
"""The legitimate neighbours: anybody may send to these."""


def relay_site(base):
    """The whole chain; strangers come from 127.0.0.1, which nothing permits."""
    chain = {"relay": CHAIN, "errors": 1000, "connections_per_address": 500}
    site = tables(
        base,
        mx={**chain, "sasl": ["plain"], "plaintext_without_tls": True},
        early={**chain, "type": "smtp", "profile": "mx", "early_talkers": "allow"},
        submission={**chain, "sasl": ["plain"], "plaintext_without_tls": True},
    )
    site["site"]["queue"] = "main"
    site["queue"] = {"main": {"type": "spool"}}
    site["relay"] |= {
        "office": {"type": "networks", "networks": [OFFICE]},
        "table": {"type": "grants"},
    }
    return site


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The site in a thread of its own, for tests that talk over plain sockets."""
    base = tmp_path_factory.mktemp("relay")
    found, ready = SimpleNamespace(), threading.Event()

    async def serve():
        async with open_server(relay_site(base), base) as server:
            found.server, found.token = server, trio.lowlevel.current_trio_token()
            found.stop, found.queue = trio.Event(), server.site.products["queue", "main"]
            table = GrantTable(server.site.state, server.site.clock)
            await table.grant(
                parse_source(GRANTED),
                account="alice",
                reason="test",
                granted_by="test",
                lifetime_seconds=3600,
            )
            ready.set()
            await found.stop.wait()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    assert ready.wait(20)
    yield found
    trio.from_thread.run_sync(found.stop.set, trio_token=found.token)
    thread.join(20)


class Peer:
    """One connection, a reply for each line."""

    def __init__(self, sock):
        self.sock, self.file = sock, sock.makefile("rb")

    def reply(self):
        while True:
            line = self.file.readline()
            if not line or line[3:4] != b"-":
                return line.decode().rstrip()

    def say(self, line):
        self.sock.sendall(line + b"\r\n")
        return self.reply()


@contextmanager
def connected(running, *, listener="mx", source=STRANGER, greeting=True):
    port = running.server.port(listener)
    with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as sock:
        peer = Peer(sock)
        try:
            assert not greeting or peer.reply().startswith("220")
            yield peer
        finally:
            peer.file.close()


def begin(peer, *, sender=b"y@elsewhere.example", parameters=b""):
    peer.say(b"EHLO c.example")
    assert peer.say(b"MAIL FROM:<" + sender + b">" + parameters).startswith("250")


def expect(answer, expected):
    allowed = (expected,) if isinstance(expected, str) else expected
    assert answer.startswith(allowed), (answer, allowed)


def no_content(peer):
    """The transaction has no recipient, so it takes no content. RFC 5321 §3.3."""
    assert peer.say(b"DATA")[:3] in ("503", "554")


@pytest.mark.parametrize("form", ADDRESSES)
def test_forms_of_addresses(running, form):
    path, expected = ADDRESSES[form]
    with connected(running) as peer:
        begin(peer)
        expect(peer.say(b"RCPT TO:<" + path + b">"), expected)
        no_content(peer)


@pytest.mark.parametrize("form", INTERNATIONAL)
def test_international_forms(running, form):
    path, expected = INTERNATIONAL[form]
    octets = path if isinstance(path, bytes) else path.encode()
    with connected(running) as peer:
        begin(peer, parameters=b" SMTPUTF8")
        expect(peer.say(b"RCPT TO:<" + octets + b">"), expected)
        no_content(peer)


@pytest.mark.parametrize("form", LINES)
def test_lines(running, form):
    line, expected = LINES[form]
    with connected(running) as peer:
        begin(peer)
        expect(peer.say(line), expected)


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims(running, claim):
    lines, expected = CLAIMS[claim]
    with connected(running) as peer:
        for line in lines:
            peer.say(line)
        expect(peer.say(ELSEWHERE), expected)


@pytest.mark.parametrize("listener", ["mx", "early"])
@pytest.mark.parametrize("claim", FIRST)
def test_first_octets(running, claim, listener):
    with connected(running, listener=listener, greeting=False) as peer:
        peer.sock.sendall(FIRST[claim] + b"EHLO c.example\r\nMAIL FROM:<>\r\n" + ELSEWHERE)
        peer.sock.sendall(b"\r\nQUIT\r\n")
        answers = [line.decode() for line in peer.file]
    assert answers[-2].startswith(("550 5.7.1", "503")), answers
    assert not [line for line in answers if line.startswith("250 2.1.5")], answers


def test_starttls_and_lmtp_change_nothing(running):
    with connected(running, listener="lmtp") as peer:
        peer.say(b"LHLO c.example")
        assert peer.say(b"MAIL FROM:<>").startswith("250")
        expect(peer.say(ELSEWHERE), RELAY_DENIED)
    with connected(running, listener="submission") as peer:
        peer.say(b"EHLO c.example")
        expect(peer.say(b"MAIL FROM:<alice@example.org>"), "530")


@pytest.mark.parametrize("form", OURS)
def test_the_neighbours_that_anybody_may_send_to(running, form):
    with connected(running) as peer:
        begin(peer)
        expect(peer.say(b"RCPT TO:<" + OURS[form] + b">"), "250")


@pytest.mark.parametrize(
    ("listener", "source", "permitted"),
    [("mx", OFFICE, True), ("mx", GRANTED, True), ("mx", "127.0.0.5", False),
     ("mx", "127.0.0.30", False)],
)  # fmt: skip
def test_by_the_peer_s_address(running, listener, source, permitted):
    with connected(running, listener=listener, source=source) as peer:
        begin(peer, sender=b"alice@example.org")
        expect(peer.say(ELSEWHERE), "250" if permitted else RELAY_DENIED)


@pytest.mark.parametrize("form", GRANT_SENDERS)
def test_a_grant_is_for_its_account_s_senders(running, form):
    sender, expected = GRANT_SENDERS[form]
    with connected(running, source=GRANTED) as peer:
        begin(peer, sender=sender)
        expect(peer.say(ELSEWHERE), expected)
        expect(peer.say(b"RCPT TO:<bob@example.org>"), "250")


def test_a_sender_permitted_before_is_none_for_the_next(running):
    with connected(running, source=GRANTED) as peer:
        begin(peer, sender=b"alice@example.org")
        expect(peer.say(ELSEWHERE), "250")
        peer.say(b"RSET")
        expect(peer.say(b"MAIL FROM:<bob@example.org>"), "250")
        expect(peer.say(ELSEWHERE), RELAY_DENIED)
        no_content(peer)


@pytest.mark.parametrize("listener", ["mx", "submission"])
def test_by_a_login(running, listener):
    with connected(running, listener=listener) as peer:
        peer.say(b"EHLO c.example")
        secret = base64.b64encode(f"\0alice\0{PASSWORD}".encode())
        expect(peer.say(b"AUTH PLAIN " + secret), "235")
        expect(peer.say(b"MAIL FROM:<alice@example.org>"), "250")
        expect(peer.say(ELSEWHERE), "250")
        with connected(running) as other:  # the session's grant is for that session alone
            begin(other)
            expect(other.say(ELSEWHERE), RELAY_DENIED)


def test_a_permission_for_one_recipient_is_none_for_the_next(running):
    with connected(running) as peer:
        begin(peer)
        expect(peer.say(b"RCPT TO:<alice@example.org>"), "250")
        expect(peer.say(ELSEWHERE), RELAY_DENIED)
        expect(peer.say(b"DATA"), "354")
        expect(peer.say(b"Subject: x\r\n\r\nx\r\n."), "250")
    [record] = [r for r in running.server.journal() if r.get("outcome") == "stored"]
    assert record["recipients"] == ["alice@example.org"]


def queued(running):
    """What stands in the queue."""
    return trio.from_thread.run(running.queue.entries, trio_token=running.token)


def test_z_nothing_was_queued(running):
    """The last of this module: no refused form has left anything behind; a permitted one does."""
    assert not queued(running)
    with connected(running, source=OFFICE) as peer:
        begin(peer)
        expect(peer.say(ELSEWHERE), "250")
        expect(peer.say(b"DATA"), "354")
        expect(peer.say(b"Subject: x\r\n\r\nx\r\n."), "250")
    assert len(queued(running)) == 1
