"""The client side of SMTP and LMTP: commands out, octets in, answers out.

    engine = SmtpClient()
    engine.receive_data(octets)          b"" when the server has ended the stream
    engine.next_event()                  Answered, Closed or NEED_DATA
    engine.hello("client.example.net"); engine.mail(b"a@example.net"); …
    engine.data_to_send()                everything said since the last call

Rules of this file:
1. Each answer names the command that it answers. Commands may be said before the last is answered
   if the server has PIPELINING, and those that must be last in a group are. RFC 2920 §3.1.
2. What leaves holds no control inside a command, and content is stuffed, with CRLF line ends only.
3. Octets behind the answer to STARTTLS are an error: they came from before TLS. CVE-2021-38371.
4. A reply that is none, or has no command, ends it: `RemoteProtocolError`. 421 ends it, too.

This file knows no socket. RFC 5321, RFC 2033, RFC 2920, RFC 3030, RFC 3207, RFC 4954.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from thurn_wire.enddata import stuff
from thurn_wire.linebuffer import LineBuffer
from thurn_wire.smtp import command, extension
from thurn_wire.smtp.command import NO_PARAMETERS
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.smtp.event import NEED_DATA, Closed, Pause, Reason
from thurn_wire.smtp.reply import Reply, ReplyReader
from thurn_wire.smtp.state import CLIENT, Input, State, follow

_LAST_IN_GROUP: Final = frozenset(
    {
        Input.GREETED,
        Input.HELLO,
        Input.DATA,
        Input.AUTH,
        Input.STARTTLS,
        Input.NOOP,
        Input.QUIT,
        Input.VRFY,
        Input.EXPN,
        Input.HELP,
    }
)
_ASKS: Final = {Input.DATA: 354, Input.AUTH: 334}
"""The only answers of the 3xx kind. RFC 5321 §4.3.2, RFC 4954 §4."""
_MOVED_BY_ANSWER: Final = frozenset({Input.HELLO, Input.STARTTLS, Input.AUTH, Input.QUIT})


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply has come.

    Attributes:
        given: the command; GREETED is the greeting, MESSAGE_ENDED the end of content, STOPPED a
            421 that nobody asked for.
        reply: what the server said.
        path: the recipient it is about: after RCPT, and after content in LMTP.
    """

    given: Input
    reply: Reply
    path: bytes | None = None


class SmtpClient:
    """One dialogue; see the head of this file.

    Args:
        profile: LMTP changes the hello and the replies after content.
        tls_active: TLS is there from the first octet.
    """

    def __init__(self, profile: Profile = Profile.SMTP, *, tls_active: bool = False) -> None:
        self.state = State.CONNECTED
        self.tls_active = tls_active
        self.authenticated = False
        self.capabilities: Mapping[str, tuple[str, ...]] = {}
        """EHLO keyword (upper case) to its parameters; empty before EHLO and after STARTTLS."""
        self._lmtp = profile is Profile.LMTP
        self._lines = LineBuffer()
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._expected: deque[tuple[Input, bytes | None]] = deque([(Input.GREETED, None)])
        self._accepted: list[bytes] = []
        self._go_ahead = False  # 354 is there
        self._reason: Reason | None = None
        self._eof = False

    # --- the four verbs and what belongs to them

    def receive_data(self, octets: bytes) -> None:
        """Take what the server sent; b"" is the end of its stream."""
        if not octets:
            self._eof = True
        elif self.state is not State.CLOSED:
            self._lines.receive(octets)

    def next_event(self) -> Answered | Closed | Pause:
        """The next answer.

        Raises:
            RemoteProtocolError: see rule 4; afterwards `Closed`.
        """
        if self.state is State.CLOSED:
            return Closed(self._reason or Reason.PEER_CLOSED)
        if self.state is State.SECURING:
            return NEED_DATA
        try:
            reply = self._reader.next_reply(self._lines)
            if reply is not None:
                return self._take(reply)
        except RemoteProtocolError:
            self._close(Reason.FOREIGN)
            raise
        if not self._eof:
            return NEED_DATA
        self._close(Reason.PEER_CLOSED)
        return Closed(Reason.PEER_CLOSED)

    def data_to_send(self) -> bytes:
        """Everything said since the last call."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def send_failed(self) -> None:
        """What `data_to_send` gave did not go out: the dialogue is over."""
        self._out.clear()
        self._close(Reason.SEND_FAILED)

    @property
    def waits(self) -> bool:
        """At least one answer is missing."""
        return bool(self._expected)

    # --- commands

    def hello(self, name: str, *, extended: bool = True) -> None:
        """EHLO (LHLO for LMTP), or HELO for a server that does not know it. RFC 5321 §4.1.1.1."""
        verb = "LHLO" if self._lmtp else "EHLO" if extended else "HELO"
        self._say(Input.HELLO, command.command(verb, command.encode(name)))

    def start_tls(self) -> None:
        """STARTTLS; after 220: shake hands, then `tls_started`. RFC 3207 §4."""
        if self.tls_active or "STARTTLS" not in self.capabilities:
            raise LocalProtocolError("STARTTLS is not offered")
        self._say(Input.STARTTLS, b"STARTTLS\r\n")

    def tls_started(self) -> None:
        """The handshake is done: what was said and read before it is forgotten. RFC 3207 §4.2.

        Raises:
            RemoteProtocolError: octets from before it were read: give the connection up.
        """
        self.state = follow(CLIENT, self.state, Input.TLS_STARTED)
        if self._lines.discard():
            self._close(Reason.FOREIGN)
            raise RemoteProtocolError("octets before the handshake")
        self._reader = ReplyReader()
        self.tls_active, self.authenticated = True, False
        self.capabilities = {}

    def auth(self, mechanism: str, initial_response: bytes | None = None) -> None:
        """AUTH; a challenge (334) is answered with `respond` or `cancel`. RFC 4954 §4."""
        words = [command.encode(mechanism)]
        if initial_response is not None:
            words.append(command.encode_base64(initial_response) or b"=")
        self._say(Input.AUTH, command.command("AUTH", *words))

    def respond(self, octets: bytes) -> None:
        """Answer a challenge."""
        self._exchange(command.encode_base64(octets) + b"\r\n")

    def cancel(self) -> None:
        """Give an exchange up. RFC 4954 §4."""
        self._exchange(b"*\r\n")

    def mail(
        self, path: bytes | None, parameters: Mapping[str, str | None] = NO_PARAMETERS
    ) -> None:
        """MAIL; None is `<>`. RFC 5321 §4.1.1.2."""
        self._say(Input.MAIL, command.path_command("MAIL", path, parameters))

    def recipient(self, path: bytes, parameters: Mapping[str, str | None] = NO_PARAMETERS) -> None:
        """RCPT. RFC 5321 §4.1.1.3."""
        self._say(Input.RCPT, command.path_command("RCPT", path, parameters), path)

    def data(self) -> None:
        """DATA; `content` after 354. RFC 5321 §4.1.1.4."""
        self._say(Input.DATA, b"DATA\r\n")

    def content(self, octets: bytes) -> None:
        """The whole message, stuffed and ended here."""
        if not self._go_ahead:
            raise LocalProtocolError("content before 354")
        self._go_ahead = False
        self._end(stuff(octets))

    def chunk(self, octets: bytes, *, last: bool) -> None:
        """BDAT with these octets, as they are. RFC 3030 §2."""
        words = (str(len(octets)).encode(), b"LAST") if last else (str(len(octets)).encode(),)
        line = command.command("BDAT", *words) + octets
        if not last:
            self._say(Input.BDAT, line)
            return
        self._may_say(Input.BDAT)
        self.state = follow(CLIENT, self.state, Input.BDAT)
        self._end(line)

    def reset(self) -> None:
        """RSET. RFC 5321 §4.1.1.5."""
        self._say(Input.RSET, b"RSET\r\n")

    def noop(self) -> None:
        """NOOP. RFC 5321 §4.1.1.9."""
        self._say(Input.NOOP, b"NOOP\r\n")

    def quit(self) -> None:
        """QUIT; `Closed` follows the answer. RFC 5321 §4.1.1.10."""
        self._say(Input.QUIT, b"QUIT\r\n")

    # --- within

    def _may_say(self, given: Input) -> None:
        if self._expected:
            if self._expected[-1][0] in _LAST_IN_GROUP:  # RFC 2920 §3.1
                raise LocalProtocolError(f"{given.name} before an answer that must come first")
            if "PIPELINING" not in self.capabilities:
                raise LocalProtocolError(f"{given.name}: the server takes one at a time")

    def _say(self, given: Input, octets: bytes, path: bytes | None = None) -> None:
        self._may_say(given)
        state = follow(CLIENT, self.state, given)
        if given not in _MOVED_BY_ANSWER:
            self.state = state
        self._out.append(octets)
        self._expected.append((given, path))

    def _exchange(self, octets: bytes) -> None:
        if self.state is not State.AUTHENTICATING or self._expected:
            raise LocalProtocolError("no challenge waits for a response")
        self._out.append(octets)
        self._expected.append((Input.AUTH, None))

    def _end(self, octets: bytes) -> None:
        self.state = follow(CLIENT, self.state, Input.MESSAGE_ENDED)
        self._out.append(octets)
        self._expected.append((Input.MESSAGE_ENDED, None))

    def _take(self, reply: Reply) -> Answered:
        """What this reply answers, and what follows for the state."""
        if reply.code == 421:  # RFC 5321 §3.8: at any time
            given, path = self._expected[0] if self._expected else (Input.STOPPED, None)
            self._close(Reason.REFUSED)
            return Answered(given, reply, path)
        if not self._expected:
            raise RemoteProtocolError("reply without a command")
        given, path = self._expected.popleft()
        if 300 <= reply.code < 400 and _ASKS.get(given) != reply.code:
            raise RemoteProtocolError(f"{reply.code} does not answer {given.name}")
        if given is Input.MESSAGE_ENDED and path is None and self._lmtp and self._accepted:
            # RFC 2033 §4.2: one reply per accepted recipient, in order.
            path, *others = self._accepted
            self._accepted = []
            self._expected.extendleft((given, each) for each in reversed(others))
        if given is Input.GREETED:
            self.state = follow(CLIENT, self.state, _greeting(reply))
        elif given in _MOVED_BY_ANSWER:
            self._moved(given, reply)
        else:
            self._transaction(given, reply, path)
        return Answered(given, reply, path)

    def _moved(self, given: Input, reply: Reply) -> None:
        """The answers to HELLO, STARTTLS, AUTH and QUIT."""
        if given is Input.QUIT:
            self._close(Reason.QUIT)
        elif given is Input.AUTH:
            self._authentication(reply)
        elif reply.is_positive:
            self.state = follow(CLIENT, self.state, given)
            if given is Input.HELLO:
                self.capabilities = extension.read_keywords(reply.text[1:])
            elif len(self._lines):
                raise RemoteProtocolError("octets behind the answer to STARTTLS")

    def _authentication(self, reply: Reply) -> None:
        if reply.code == 334:
            self.state = follow(CLIENT, self.state, Input.AUTH)
            return
        if self.state is State.AUTHENTICATING:
            self.state = follow(CLIENT, self.state, Input.AUTH_ENDED)
        self.authenticated = self.authenticated or reply.is_positive

    def _transaction(self, given: Input, reply: Reply, path: bytes | None) -> None:
        if given in {Input.MAIL, Input.RSET}:
            self._accepted = []
        elif given is Input.RCPT and reply.is_positive:
            self._accepted.append(path or b"")
        elif given is Input.BDAT and not reply.is_positive:
            self._accepted = []
        if given is Input.DATA and reply.is_positive:
            if reply.code != 354:
                raise RemoteProtocolError(f"{reply.code} answers DATA")
            self._go_ahead = True
        elif not reply.is_positive and _failed(given, self.state):
            # RFC 3030 §2: a refused BDAT is the end of the transaction; a refused MAIL began none.
            self.state = follow(CLIENT, self.state, Input.TRANSACTION_FAILED)

    def _close(self, reason: Reason) -> None:
        if self._reason is None:
            self._reason = reason
        self.state = follow(CLIENT, self.state, Input.STOPPED)
        self._lines.discard()
        self._expected.clear()


def _greeting(reply: Reply) -> Input:
    if reply.code == 220:
        return Input.GREETED
    if reply.is_positive:
        raise RemoteProtocolError(f"{reply.code} is no greeting")
    return Input.REFUSED


def _failed(given: Input, state: State) -> bool:
    return (given, state) in {
        (Input.MAIL, State.SENDER),
        (Input.DATA, State.CONTENT),
        (Input.BDAT, State.CHUNKS),
    }
