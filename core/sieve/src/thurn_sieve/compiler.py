"""Compiles nodes into code: finds each command's declaration, binds its arguments, joins blocks.

Rules of this file:
1. Inner nodes are compiled before outer ones, without recursion.
2. Everything that can be looked up when a script is compiled is looked up here, not at run time.
3. `if`, `elsif`, `else` and `require` belong to the grammar; all other commands come from the
   registry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from thurn_sieve.binding import Binder, Unknown, args_maker
from thurn_sieve.code import (
    NOTHING,
    TRUE,
    Code,
    call,
    call_block,
    choose,
    failing,
    guard,
    sequence,
)
from thurn_sieve.diagnostics import Diagnostics, Place
from thurn_sieve.registry import Command, Registered, Registry
from thurn_sieve.scope import Option, Scope, tag_table
from thurn_sieve.syntax import Node, Text, TextList

CHOICES: Final = {"if", "elsif", "else"}
"""The commands of the grammar that choose a block."""
IHAVE: Final = "ihave"
"""The test, and the capability, whose names the compiler has to know (RFC 5463 §4)."""


class Compiler:
    """Compiles one script.

    Attributes:
        scope: the extensions that it may use.
        stated: the capabilities in its `require` commands, each once, in order.
        builtin: the capabilities that need no `require`.
        done: the code of each compiled node, by the node's id.
        branches: the test and the block of each `if`, `elsif` and `else`, by the node's id.
    """

    def __init__(
        self,
        registry: Registry,
        diag: Diagnostics,
        tables: dict[int, Mapping[str, list[Option]]],
        allow: Collection[str] | None,
    ) -> None:
        self.registry = registry
        self.diag = diag
        self.tables = tables
        self.allow = allow
        self.scope = Scope(registry, diag)
        self.builtin = frozenset(n for n, ext in registry.extensions.items() if ext.builtin)
        self.stated: list[str] = []
        self.done: dict[int, Code] = {}
        self.branches: dict[int, tuple[Code, Code]] = {}

    def compile(self, root: list[Node]) -> Code:
        """The code of the script; errors go to `diag`."""
        order = _inside_out(root)
        for node in order:
            if node.name == "else" and node.tests and node.tests[0].name in CHOICES:
                self.diag.error('write "elsif" for "else if"', node.tests[0], "unknown-test")
                node.broken = node.tests[0].broken = True
        self._requires(root, order)
        for node in order:
            if self.diag.full:
                break
            self.done[id(node)] = self._node(node)
        return self._block(root)

    # require

    def _requires(self, root: list[Node], order: list[Node]) -> None:
        stated: list[str] = []
        leading = True
        for node in root:
            if node.name != "require":
                leading = False
                continue
            if not leading:
                # RFC 5228 §3.2: require must come before any other command.
                message = "require must stand before all other commands"
                self.diag.error(message, node, "late-require")
            stated += self._required(node)
        self.stated = list(dict.fromkeys(stated))
        everything = self._with_implied(self.stated)
        conditional: frozenset[str] = frozenset()
        if IHAVE in everything:
            asked = self._asked(order)
            known = [name for name in asked if self.may_switch_on(name)]
            conditional = self._with_implied(known) - everything - self.builtin
            # RFC 5463 §4: a use of what only a failing ihave could enable is left to run time.
            self.scope.unavailable = asked - conditional - everything - self.builtin
        self.scope.require(everything, conditional)

    def _required(self, node: Node) -> list[str]:
        first = node.arguments[0] if len(node.arguments) == 1 else None
        if node.broken and isinstance(first, Text | TextList):
            pass  # the capabilities that could be read count, so that no other errors follow
        elif node.tests and self._is_command(node.tests[0]) and isinstance(first, Text | TextList):
            pass  # `_unknown` reports the command after it
        elif node.tests or node.block is not None or not isinstance(first, Text | TextList):
            self.diag.error("require takes a string list", node, "wrong-arguments")
            return []
        items = first.items if isinstance(first, TextList) else (first,)
        return [item.value for item in items if self._may_require(item)]

    def _may_require(self, item: Text) -> bool:
        if item.value not in self.registry.extensions:
            shown = ascii(item.value[:60])[1:-1]
            message = f'there is no extension "{shown}"'
            self.diag.error(message, item, "unknown-extension")
            return False
        if not self._allowed(item.value):
            message = f'the extension "{item.value}" is not allowed here'
            self.diag.error(message, item, "extension-not-allowed")
            return False
        return True

    def _allowed(self, name: str) -> bool:
        return self.allow is None or name in self.allow or self.registry.extensions[name].builtin

    def _with_implied(self, names: Sequence[str]) -> frozenset[str]:
        capabilities: set[str] = set()
        queue = list(names)
        while queue:
            name = queue.pop()
            if name not in capabilities and name in self.registry.extensions:
                capabilities.add(name)
                queue += self.registry.extensions[name].implies
        return frozenset(capabilities)

    def _asked(self, order: list[Node]) -> frozenset[str]:
        """The capabilities that `ihave` tests of the script name."""
        names: list[str] = []
        for node in order:
            if node.kind == "test" and node.name == IHAVE:
                for argument in node.arguments:
                    items = argument.items if isinstance(argument, TextList) else (argument,)
                    names += [item.value for item in items if isinstance(item, Text)]
        return frozenset(names)

    def may_switch_on(self, name: str) -> bool:
        """Whether an `ihave` test of this capability can be true. RFC 5463 §4."""
        extension = self.registry.extensions.get(name)
        return extension is not None and extension.by_ihave and self._allowed(name)

    # nodes

    def _node(self, node: Node) -> Code:
        if node.broken:
            self._block(node.block or [])
            return NOTHING
        if node.kind == "command" and node.name in CHOICES:
            return self._choice(node)
        if node.kind == "command" and node.name == "require":
            return NOTHING  # `_requires` has read it; `misplaced` reports one inside a block
        table = self.registry.commands if node.kind == "command" else self.registry.tests
        entry = table.get(node.name)
        if entry is None:
            return self._unknown(node, table)
        guards: set[str] = set()
        if not self.scope.may_use(entry.extension):
            if entry.extension in self.scope.unavailable:
                message = f"the extension {entry.extension} of {node.name} is not available"
                return failing(message, "not-enabled", node.line)
            if entry.extension not in self.scope.conditional:
                message = f'{node.name} needs require "{entry.extension}"'
                self.diag.error(message, node, "missing-require")
                return NOTHING
            guards.add(entry.extension)
        return self._call(node, entry.thing, guards)

    def _call(self, node: Node, command: Command, guards: set[str]) -> Code:
        tests = self._tests(node, command)
        self._shape(node, command)
        table = self.tables.get(id(command))
        if table is None:
            table = self.tables[id(command)] = tag_table(self.registry, command)
        try:
            bound = Binder(self.scope, node, command, table).bind()
        except Unknown as unknown:
            self.diag.warn(str(unknown), unknown.place, unknown.code)
            return failing(str(unknown), unknown.code, node.line)
        if bound is None or tests is None:
            return NOTHING
        bound.tests = tuple(test.run for test in tests)
        if command.compose is not None:
            code = command.compose(tests)
        elif command.run is None:
            code = NOTHING
        elif command.block:
            code = call_block(command.run, args_maker(bound), self._block(node.block or []))
        else:
            waits = bound.match is not None and bound.match.match_type.waits
            code = call(command.run, args_maker(bound), waits=waits)
        guards |= bound.guards
        return guard(code, frozenset(guards)) if guards else code

    def _tests(self, node: Node, command: Command) -> list[Code] | None:
        given, wanted = node.tests, command.tests
        if wanted == 0 and given and self._is_command(given[0]):
            return None  # `_unknown` has reported it
        if wanted == 0 and given:
            message = f'{node.name} takes no test; is a ";" missing before {given[0].name}?'
            self.diag.error(message, given[0], "wrong-tests")
            return None
        if (wanted == 1 and (len(given) != 1 or node.listed)) or (wanted < 0 and not given):
            number = "one test" if wanted == 1 else "a list of tests"
            self.diag.error(f"{node.name} takes {number}", node, "wrong-tests")
            return None
        if wanted < 0 and not node.listed:
            message = f"the tests of {node.name} must stand in parentheses"
            self.diag.error(message, node, "wrong-tests")
            return None
        return [self.done[id(test)] for test in given]

    def _shape(self, node: Node, command: Command) -> None:
        if node.kind == "test":
            return
        if command.block and node.block is None:
            self.diag.error(f"{node.name} takes a block", node, "missing-block")
        if not command.block and node.block is not None:
            self.diag.error(f"{node.name} takes no block", node, "unexpected-block")

    def _is_command(self, node: Node) -> bool:
        """Whether a node in the place of a test has the name of a command and not of a test."""
        known = node.name in self.registry.commands or node.name in CHOICES
        return known and node.name not in self.registry.tests

    def _unknown(self, node: Node, table: Mapping[str, Registered]) -> Code:
        what = "command" if node.kind == "command" else "test"
        message = f"unknown {what} {node.name[:40]}"
        code = f"unknown-{what}"
        if self.scope.unavailable:
            # RFC 5463 §4: the check is left to run time.
            self.diag.warn(message, node, code)
            return failing(message, code, node.line)
        known = [*table, *CHOICES] if node.kind == "command" else [*table]
        close = get_close_matches(node.name[:40], known, 1)
        if what == "test" and self._is_command(node):
            message += f'; is a ";" missing before the command {node.name}?'
        elif close and node.name:
            message += f"; did you mean {close[0]}?"
        if node.name:  # the parser has reported one without a name
            self.diag.error(message, node, code)
        return NOTHING

    # blocks

    def _choice(self, node: Node) -> Code:
        tests = 0 if node.name == "else" else 1
        if node.arguments or len(node.tests) != tests or node.listed or node.block is None:
            shape = "a block" if node.name == "else" else "one test and a block"
            self.diag.error(f"{node.name} takes {shape}", node, "wrong-arguments")
            return NOTHING
        test = self.done[id(node.tests[0])] if node.tests else TRUE
        if node.tests and test.constant is not None:
            message = f"this test is always {str(test.constant).lower()}"
            self.diag.warn(message, node.tests[0], "constant-test")
        self.branches[id(node)] = (test, self._block(node.block))
        return NOTHING

    def _block(self, nodes: list[Node]) -> Code:
        steps: list[Code] = []
        chain: list[tuple[Code, Code]] = []
        chained = ended = False
        for node in nodes:
            if ended:
                message = "this is never reached: stop ends the script"
                self.diag.warn(message, node, "unreachable")
                ended = False
            if node.name in CHOICES:
                chained = self._link(node, chain, steps, chained=chained)
                continue
            chained = False
            self._close(chain, steps)
            steps.append(self.done.get(id(node), NOTHING))
            ended = node.name == "stop"
        self._close(chain, steps)
        return sequence(steps)

    def _link(
        self, node: Node, chain: list[tuple[Code, Code]], steps: list[Code], *, chained: bool
    ) -> bool:
        """Add a branch to its chain, and return whether another branch may follow."""
        if node.name == "if":
            self._close(chain, steps)
        elif not chained:
            # RFC 5228 §3.1: elsif and else follow an if or an elsif.
            message = f"there is no if before this {node.name}"
            self.diag.error(message, node, "misplaced-else")
        branch = self.branches.get(id(node))
        if branch is not None:
            chain.append(branch)
        return node.name != "else"

    def _close(self, chain: list[tuple[Code, Code]], steps: list[Code]) -> None:
        if chain:
            steps.append(choose(chain))
            chain.clear()


def _inside_out(root: list[Node]) -> list[Node]:
    """All nodes, children before parents, in the order of the script."""
    order: list[Node] = []
    stack = list(root)
    while stack:
        node = stack.pop()
        order.append(node)
        stack += node.tests
        stack += node.block or ()
    order.reverse()
    return order


def misplaced(root: list[Node], registry: Registry, diag: Diagnostics) -> None:
    """Report commands inside blocks that may stand at the top level only."""
    stack: list[Node] = [inner for node in root for inner in node.block or ()]
    while stack:
        node = stack.pop()
        entry: Any = registry.commands.get(node.name)
        if node.name == "require" or (entry is not None and entry.thing.where == "toplevel"):
            place: Place = node
            diag.error(f"{node.name} must not stand inside a block", place, "not-toplevel")
        stack += node.block or ()
