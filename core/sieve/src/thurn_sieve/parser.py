"""Turns the tokens of a script into nodes. RFC 5228 §8.2.

    commands  = *command
    command   = identifier arguments (";" / block)
    arguments = *argument [ test / test-list ]
    argument  = string-list / number / tag
    test-list = "(" test *("," test) ")"
    block     = "{" commands "}"

Rules of this file:
1. There is no recursion: open commands, tests and blocks are on a stack. Each token is looked at
   once, and once more for each test that it ends.
2. After an error the rest of the command is skipped, but its block is read, so that all errors are
   found.
3. Reading stops with an error where a bound is passed; that error is the only one about the
   commands that are open there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.lexer import Lines, Token, read_source, tokens
from thurn_sieve.limits import Limits
from thurn_sieve.syntax import Node, Number, TagWord, Text, TextList

_SHOWN: Final = {"word": "a name", "text": "a string", "tag": "a tag", "number": "a number"}


@dataclass(frozen=True, slots=True)
class _Spot:
    line: int
    column: int


class _TooMuchError(Exception):
    """A bound is passed, or enough errors are collected; reading ends here."""


class _Block:
    """An open block, or the script itself (without a node)."""

    __slots__ = ("commands", "node")

    def __init__(self, commands: list[Node], node: Node | None) -> None:
        self.commands = commands
        self.node = node


class _Tests:
    """An open list of tests in parentheses."""

    __slots__ = ("node", "wants_test")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.wants_test = True


def parse(source: bytes | str, limits: Limits, diag: Diagnostics) -> tuple[str, list[Node]]:
    """The script's text and its commands; errors go to `diag`, and nothing is raised."""
    if _is_larger(source, limits.source_octets):
        # RFC 5228 §2.10.7 leaves the largest size to the implementation.
        message = f"the script is larger than {limits.source_octets} octets"
        diag.error(message, _Spot(1, 1), "too-large")
        return "", []
    text, bad = read_source(source)
    parser = _Parser(text, limits, diag)
    if bad is not None:
        diag.error("the script is not UTF-8", parser.spot(bad), "not-utf-8")
    with suppress(_TooMuchError):
        parser.read()
    return text, parser.root


def _is_larger(source: bytes | str, limit_octets: int) -> bool:
    if isinstance(source, bytes) or source.isascii() or len(source) > limit_octets:
        return len(source) > limit_octets
    return len(source.encode("utf-8", "replace")) > limit_octets


class _Parser:
    def __init__(self, source: str, limits: Limits, diag: Diagnostics) -> None:
        self.limits = limits
        self.diag = diag
        self.lines = Lines(source)
        self.tokens: Iterator[Token] = tokens(source, limits)
        self.root: list[Node] = []
        self.stack: list[_Block | _Tests | Node] = [_Block(self.root, None)]
        self.blocks = self.tests = self.nodes = 0

    def spot(self, offset: int) -> _Spot:
        return _Spot(*self.lines.place(offset))

    def error(self, message: str, token: Token, code: str = "syntax") -> None:
        self.diag.error(message, self.spot(token.start), code)
        self.spoil()
        if self.diag.full:
            self.give_up()

    def spoil(self) -> None:
        """Mark the open command and its tests as broken, but not the commands around it."""
        for item in reversed(self.stack):
            if isinstance(item, _Block):
                return
            if isinstance(item, Node):
                item.broken = True

    def give_up(self) -> NoReturn:
        """Stop reading; every command and test that is open is broken."""
        for item in self.stack:
            if isinstance(item, Node):
                item.broken = True
        raise _TooMuchError

    def read(self) -> None:
        for token in self.tokens:
            if token.kind == "error":
                self.error(token.value, token, token.code)
                if token.code != "number-too-large":
                    self.skip(token)
                continue
            while not self.take(token):
                pass

    def take(self, token: Token) -> bool:
        """Whether the token is used up; if not, it has closed something and is looked at again."""
        top = self.stack[-1]
        if isinstance(top, _Block):
            return self.in_block(top, token)
        if isinstance(top, _Tests):
            return self.in_tests(top, token)
        return self.in_node(top, token)

    def in_block(self, top: _Block, token: Token) -> bool:
        if token.kind == "word":
            self.open_node(token, "command", top.commands)
        elif token.kind == "}" and top.node is not None:
            self.stack.pop()
            self.blocks -= 1
            self.stack.pop()  # the command is complete
        elif token.kind == "end":
            if top.node is not None:
                self.error("a block is never closed", token, "unterminated-block")
                self.give_up()
        elif token.kind == ";":
            self.error("there is no command before this semicolon", token)
        elif token.kind == "}":
            self.error("this brace closes no block", token)
        else:
            self.error(f"expected a command, not {_show(token)}", token)
            self.skip(token)
        return True

    def in_tests(self, top: _Tests, token: Token) -> bool:
        if token.kind == "word" and top.wants_test:
            top.wants_test = False
            self.open_node(token, "test", top.node.tests)
        elif token.kind == "," and not top.wants_test:
            top.wants_test = True
        elif token.kind == ")" and not top.wants_test:
            self.stack.pop()
        elif top.wants_test:
            self.error(f"expected a test, not {_show(token)}", token)
            self.skip(token)
        else:
            self.error(f'expected "," or ")", not {_show(token)}', token)
            self.skip(token)
        return True

    def in_node(self, top: Node, token: Token) -> bool:
        kind = token.kind
        if kind in _SHOWN or kind == "[":
            if top.tests or top.listed:
                self.error(f"{_show(token)} after the tests of {top.name}", token)
                self.skip(token)
            elif kind == "word":
                self.open_node(token, "test", top.tests)
            else:
                self.argument(top, token)
        elif kind == "(" and not top.tests and not top.listed:
            top.listed = True
            self.stack.append(_Tests(top))
        elif top.kind == "test":
            self.stack.pop()
            self.tests -= 1
            return False
        elif kind == ";":
            self.stack.pop()
        elif kind == "{":
            self.open_block(top, token)
        else:
            self.error(f'expected ";" after {top.name}, not {_show(token)}', token)
            self.skip(token)
        return True

    def argument(self, top: Node, token: Token) -> None:
        line, column = self.lines.place(token.start)
        if token.kind == "text":
            top.arguments.append(Text(token.value, line, column))
        elif token.kind == "number":
            top.arguments.append(Number(token.number, line, column))
        elif token.kind == "tag":
            top.arguments.append(TagWord(token.value, line, column))
        else:
            self.read_list(top, line, column)

    def read_list(self, top: Node, line: int, column: int) -> None:
        """Read a string list after its opening bracket: `[` string *(`,` string) `]`."""
        items: list[Text] = []
        wants_text = True
        for token in self.tokens:
            if token.kind == "text" and wants_text:
                items.append(Text(token.value, *self.lines.place(token.start)))
                wants_text = False
                if len(items) > self.limits.list_items:
                    message = f"this list has more than {self.limits.list_items} strings"
                    self.error(message, token, "too-large")
                    self.give_up()
            elif token.kind == "," and not wants_text:
                wants_text = True
            elif token.kind == "]" and not wants_text:
                top.arguments.append(TextList(tuple(items), line, column))
                return
            else:
                wanted = "a string" if wants_text else '"," or "]"'
                message = token.value if token.kind == "error" else ""
                message = message or f"expected {wanted}, not {_show(token)}"
                top.arguments.append(TextList(tuple(items), line, column))
                self.error(message, token, token.code or "syntax")
                self.skip(token)
                return

    def open_node(self, token: Token, kind: str, siblings: list[Node]) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            message = f"the script has more than {self.limits.nodes} commands and tests"
            self.error(message, token, "too-large")
            self.give_up()
        line, column = self.lines.place(token.start)
        if kind == "test":
            self.deeper_tests(token)
            node = Node(token.value, "test", line, column)
        else:
            node = Node(token.value, "command", line, column)
        siblings.append(node)
        self.stack.append(node)

    def deeper_tests(self, token: Token) -> None:
        self.tests += 1
        if self.tests > self.limits.nesting:
            message = f"tests are nested more than {self.limits.nesting} levels deep"
            self.error(message, token, "nesting-too-deep")
            self.give_up()

    def open_block(self, top: Node, token: Token) -> None:
        self.blocks += 1
        if self.blocks > self.limits.nesting:
            message = f"blocks are nested more than {self.limits.nesting} levels deep"
            self.error(message, token, "nesting-too-deep")
            self.give_up()
        top.block = []
        self.stack.append(_Block(top.block, top))

    def skip(self, token: Token) -> None:
        """Skip the rest of the open command: go on after its semicolon, or inside its block."""
        while isinstance(self.stack[-1], _Tests) or (
            isinstance(self.stack[-1], Node) and self.stack[-1].kind == "test"
        ):
            self.stack.pop()
        self.tests = 0
        while token.kind not in {";", "{", "}", "end"}:
            token = next(self.tokens)
        top = self.stack[-1]
        if token.kind == "{":
            if not isinstance(top, Node):
                # The block of a command whose name could not be read.
                top = Node("", "command", *self.lines.place(token.start))
                self.stack.append(top)
            self.open_block(top, token)
            return
        if isinstance(top, Node):
            self.stack.pop()
        if token.kind in {"}", "end"}:
            self.take(token)


def _show(token: Token) -> str:
    if token.kind == "end":
        return "the end of the script"
    return _SHOWN.get(token.kind) or f'"{token.kind}"'
