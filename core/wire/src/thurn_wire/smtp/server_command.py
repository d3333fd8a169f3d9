"""How the server reads commands and SASL responses, one method for each.

Rules of this file: octets first, then sequence, then grammar, then what is offered; the first that
fails is the reply. BDAT alone is read before its place in the sequence is judged, since its octets
must be read away (RFC 3030 §2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from thurn_wire.smtp import answer, command, event, limits, parameter
from thurn_wire.smtp.command import CommandError, refusal
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.dialogue import Discard
from thurn_wire.smtp.event import Event, Pause, Reason
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.server_content import ContentReading
from thurn_wire.smtp.state import SERVER, Input, State, follow

_COMMANDS: Final = {
    given.value.encode(): given
    for given in (
        Input.MAIL,
        Input.RCPT,
        Input.DATA,
        Input.BDAT,
        Input.RSET,
        Input.NOOP,
        Input.QUIT,
        Input.VRFY,
        Input.EXPN,
        Input.HELP,
        Input.STARTTLS,
        Input.AUTH,
    )
}
_VERBS: Final[Mapping[Profile, Mapping[bytes, Input]]] = {
    Profile.SMTP: {**_COMMANDS, b"EHLO": Input.HELLO, b"HELO": Input.HELLO},
    Profile.SUBMISSION: {**_COMMANDS, b"EHLO": Input.HELLO, b"HELO": Input.HELLO},
    # RFC 2033 §4.1: HELO and EHLO must not be taken.
    Profile.LMTP: {**_COMMANDS, b"LHLO": Input.HELLO},
}
_LINE_OCTETS: Final = {
    Input.MAIL: limits.PATH_LINE_OCTETS,
    Input.RCPT: limits.PATH_LINE_OCTETS,
    Input.AUTH: limits.AUTH_LINE_OCTETS,
}
_JUNK: Final = frozenset({Input.HELLO, Input.RSET, Input.NOOP, Input.VRFY, Input.EXPN, Input.HELP})


class CommandReading(ContentReading):
    """Reads in the states that take commands, and in AUTHENTICATING."""

    def read_command(self) -> Event | Pause | None:
        """The next command: an event, or None where its reply is given already."""
        if self._foreign:  # no reply: it would be read by another protocol's client
            self._close(Reason.FOREIGN)
            return None
        if self._discarding is not None:
            return self._discard()
        try:
            line = self._next_line(answer.LINE_TOO_LONG)
            return self._need_data() if line is None else self._command(line)
        except CommandError as error:
            self._refuse(error.reply)
            return None

    def _command(self, line: bytes) -> Event | None:
        """The line as a command, if there is such a one and we still serve."""
        if self._draining:
            self._out.append(answer.DRAINING.encode())
            self._close(Reason.DRAINED)
            return None
        line = line.rstrip(b" \t")  # RFC 5321 §4.1.1: trailing white space is tolerated
        verb, _, argument = line.partition(b" ")
        given = _VERBS[self.config.profile].get(verb.upper())
        if given is None:
            self._unknown(verb.upper())
            return None
        if len(line) + 2 > _LINE_OCTETS.get(given, limits.COMMAND_LINE_OCTETS):
            raise CommandError(answer.LINE_TOO_LONG)
        return self._run(given, verb, argument)

    def _run(self, given: Input, verb: bytes, argument: bytes) -> Event | None:
        """The command, if its octets and the state allow it."""
        command.check_octets(argument, paths=given in {Input.MAIL, Input.RCPT})
        if given is Input.BDAT:
            return self._bdat(argument)
        if SERVER[self.state, given] is None:
            raise CommandError(
                answer.out_of_sequence(self.state, given, refused=self._no_valid_recipients())
            )
        if given in _JUNK:
            self._count_junk()
            if self.state is State.CLOSED:
                return None
        if given is Input.HELLO:
            return self._hello(verb, argument)
        return self._RUN[given](self, argument)

    def _unknown(self, verb: bytes) -> None:
        if verb in answer.HTTP_METHODS:  # cross-protocol: not one more line is read
            self._out.append(answer.NOT_HTTP.encode())
            self._close(Reason.FOREIGN)
        else:
            raise CommandError(answer.UNKNOWN)

    # --- commands

    def _hello(self, verb: bytes, argument: bytes) -> Event:
        if not argument or b" " in argument:
            raise refusal(501, "5.5.4", "Syntax: " + verb.decode().upper() + " hostname")
        self._awaiting = Input.HELLO
        self._hello_verb = verb.decode().upper()
        return event.Hello(self._hello_verb, argument.decode())

    def _mail(self, argument: bytes) -> Event:
        path, given = command.path_and_parameters(argument, "FROM")
        size = None
        smtputf8 = False
        if given:
            size = parameter.check_mail(given, self._mail_words, self.config.size_octets)
            smtputf8 = "SMTPUTF8" in given
        parameter.check_octets(path, given, smtputf8=smtputf8, enhanced="5.1.7")
        self._awaiting = Input.MAIL
        self._smtputf8 = smtputf8
        return event.Mail(path or None, given, size, smtputf8)

    def _rcpt(self, argument: bytes) -> Event | None:
        path, given = command.path_and_parameters(argument, "TO")
        if not path:
            raise refusal(501, "5.1.3", "Syntax: TO:<address>")
        if given:
            parameter.check_known(given, self._recipient_words)
        parameter.check_octets(path, given, smtputf8=self._smtputf8, enhanced="5.1.3")
        if self.accepted_recipients >= self.config.recipients:
            # RFC 5321 §4.5.3.1.10: 452, and what was accepted stays; no error of the client, unless
            # it goes on for ever.
            self._overshoot += 1
            if self._overshoot > limits.RECIPIENTS_OVERSHOOT:
                raise CommandError(answer.TOO_MANY_RECIPIENTS)
            self._out.append(answer.TOO_MANY_RECIPIENTS.encode())
            return None
        self._awaiting = Input.RCPT
        return event.Recipient(path, given)

    def _data(self, argument: bytes) -> Event:
        command.no_argument("DATA", argument)
        self._awaiting = Input.DATA
        return event.DataBegin(chunked=False)

    def _bdat(self, argument: bytes) -> Event | None:
        size, last = command.chunk_size(argument)
        self._left_octets, self._last = size, last
        if SERVER[self.state, Input.BDAT] is None or not self.config.chunking:
            # RFC 3030 §2: the octets announced are read all the same, then comes the refusal.
            reply = (
                answer.out_of_sequence(self.state, Input.BDAT, refused=self._no_valid_recipients())
                if self.config.chunking
                else answer.NOT_OFFERED
            )
            self._discarding = Discard([reply], counts=True)
        elif self.state is State.RECIPIENT:
            self._awaiting = Input.BDAT
            return event.DataBegin(chunked=True)
        else:
            if not size and not last:  # a chunk of nothing could be sent for ever
                self._count_junk()
            if self.state is not State.CLOSED:
                self.state = follow(SERVER, self.state, Input.BDAT)
        return None

    def _rset(self, argument: bytes) -> Event:
        command.no_argument("RSET", argument)
        self.state = follow(SERVER, self.state, Input.RSET)
        self._forget_transaction()
        self._out.append(answer.RESET.encode())
        return event.Reset()

    def _noop(self, _argument: bytes) -> None:
        self._out.append(answer.NOOP.encode())

    def _help(self, _argument: bytes) -> None:
        self._out.append(answer.HELP.encode())

    def _quit(self, argument: bytes) -> None:
        command.no_argument("QUIT", argument)
        self._out.append(answer.goodbye(self.config).encode())
        self._close(Reason.QUIT)

    def _vrfy(self, argument: bytes) -> Event | None:
        if not argument:
            raise refusal(501, "5.5.4", "Syntax: VRFY address")
        if not self.config.verify:
            self._out.append(answer.USUAL[Input.VRFY].encode())
            return None
        self._awaiting = Input.VRFY
        return event.Verify(argument.decode())

    def _expn(self, argument: bytes) -> Event | None:
        if not self.config.verify:
            raise CommandError(answer.NOT_OFFERED)
        if not argument:
            raise refusal(501, "5.5.4", "Syntax: EXPN list")
        self._awaiting = Input.EXPN
        return event.Expand(argument.decode())

    def _start_tls(self, argument: bytes) -> Event | None:
        command.no_argument("STARTTLS", argument)
        if self.tls_active:
            raise CommandError(answer.TLS_ACTIVE)
        if not self._starttls:
            raise CommandError(answer.NOT_OFFERED)
        self._awaiting = Input.STARTTLS
        return event.StartTls(len(self._lines))

    def _auth(self, argument: bytes) -> Event | None:
        if self.authenticated:  # RFC 4954 §4
            raise CommandError(answer.AUTHENTICATED)
        if not self._mechanisms:
            raise CommandError(
                answer.TLS_FIRST if self._starttls and not self.tls_active else answer.NOT_OFFERED
            )
        name, initial = command.mechanism(argument)
        if name not in self._mechanisms:
            raise CommandError(answer.UNKNOWN_MECHANISM)
        self._awaiting = Input.AUTH
        return event.Auth(name, initial)

    # --- SASL

    def read_response(self) -> Event | Pause | None:
        """The peer's answer to a challenge."""
        try:
            line = self._next_line(answer.AUTH_LINE_TOO_LONG)
            if line is None:
                return self._need_data()
            if line == b"*":
                return self._cancel(answer.AUTH_CANCELLED)
            octets = command.base64(line)
        except CommandError as error:
            return self._cancel(error.reply)
        self._awaiting = Input.AUTH
        return event.AuthResponse(octets)

    def _cancel(self, reply: Reply) -> Event:
        self.state = follow(SERVER, self.state, Input.AUTH_ENDED)
        self._refuse(reply)
        return event.AuthCancelled()

    _RUN: ClassVar[Mapping[Input, Callable[[CommandReading, bytes], Event | None]]] = {
        Input.MAIL: _mail,
        Input.RCPT: _rcpt,
        Input.DATA: _data,
        Input.RSET: _rset,
        Input.NOOP: _noop,
        Input.QUIT: _quit,
        Input.VRFY: _vrfy,
        Input.EXPN: _expn,
        Input.HELP: _help,
        Input.STARTTLS: _start_tls,
        Input.AUTH: _auth,
    }
