"""The commands and tests of `vnd.thurn.testsuite`.

Commands:

    test "name" { ... }              a test; its result is empty at the start, and everything that
                                     it sets is restored at its end
    test_fail "reason";              ends the test, which has failed
    test_abort "reason";             ends the whole file
    test_set "message" text: ... ;   sets the message, or envelope.from, envelope.to,
                                     envelope.orig_to, envelope.auth, now, account, addresses,
                                     flags, reject ("protocol" or "report"), fails (the name of the
                                     action that fails), environment.NAME, setting.NAME
    test_advance 3600;               moves the clock by so many seconds
    test_mailbox [:use "Junk"] [:id "id"] [:readonly] "name";    creates a mailbox
    test_script [:global] "name" text: ... ;             puts a script where include finds it
    test_result_reset;                                   empties the result

Tests:

    test_script_compile [:allow [..]] text: ...          it compiles
    test_script_run [:append_result]                     the script compiled last runs well
    test_error [:index 1] [:code] [MATCH] "key"          errors of the last compile or run match
    test_warning [:index 1] [:code] [MATCH] "key"        warnings of the last compile or run match
    test_result_action [:index 1] [MATCH] "field" "key"  a field of the actions matches
    test_result_keep                                     the implicit keep is in force
    test_result_execute                                  all actions are carried out
    test_message [:mailbox "name" | :sent] [:index 1]    the message exists; it is the message now

The result is that of the script that this test ran last. Until it runs one, it is the result of the
file of tests itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from thurn_sieve.diagnostics import CompileError
from thurn_sieve.errors import RunError, Stop
from thurn_sieve.registry import Command, Extension, Namespace
from thurn_sieve.result import Result
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.testsuite.memory import Stored
from thurn_sieve.testsuite.state import CAPABILITY, SETTERS, Suite, save


class Failed(Exception):
    """Ends a test that has failed; the command `test` catches it."""


class Aborted(Exception):
    """Ends the whole file; it passes out of `evaluate`."""

    propagate = True


def _suite(rt: Runtime) -> Suite:
    suite: Suite = rt.context.locals[CAPABILITY]
    return suite


def _result(rt: Runtime) -> Result:
    return _suite(rt).result or rt.result


async def _test(rt: Runtime, args: Args, run_block: Callable[[], Awaitable[None]]) -> None:
    suite = _suite(rt)
    name = args.text(0)
    if name in suite.ran:
        raise Aborted(f"two tests have the name {name}")
    suite.ran.append(name)
    suite.current = name
    suite.result = suite.script = None
    suite.problems, suite.warnings = [], []
    _reset(rt, args)
    rt.steps = rt.limits.steps
    restore = save(rt.context)
    try:
        await run_block()
    except Failed as error:
        suite.failures[name] = str(error)
    except RunError as error:
        suite.failures[name] = f"line {rt.line}: run-time error: {error}"
    except Stop:
        pass
    finally:
        restore()


def _fail(rt: Runtime, args: Args) -> None:
    raise Failed(f"line {args.line}: {args.text(0)}")


def _abort(rt: Runtime, args: Args) -> None:
    raise Aborted(args.text(0))


def _reset(rt: Runtime, args: Args) -> None:
    suite = _suite(rt)
    suite.result = None
    result = rt.result
    result.actions.clear()
    result.flags.clear()
    result.errors.clear()
    result.keep = True


def _set_item(rt: Runtime, args: Args) -> None:
    context, item, value = rt.context, args.text(0), args.text(1)
    kind, _, name = item.partition(".")
    if item in SETTERS:
        SETTERS[item](context, value)
    elif kind == "environment":
        context.environment = {**context.environment, name: value}
    elif kind == "setting":
        context.settings = {**context.settings, name: int(value) if value.isdigit() else value}
    else:
        rt.error(f"test_set cannot set {item}")


def _advance(rt: Runtime, args: Args) -> None:
    rt.context.now += timedelta(seconds=args.number(0))


def _mailbox(rt: Runtime, args: Args) -> None:
    mailboxes, name = _suite(rt).mailboxes, args.text(0)
    mailboxes.stored.setdefault(name, [])
    if args.has("use"):
        mailboxes.uses.setdefault(args.text("use").lower(), []).append(name)
    if args.has("id"):
        mailboxes.ids[args.text("id")] = name
    if args.has("readonly"):
        mailboxes.read_only.add(name)


def _script(rt: Runtime, args: Args) -> None:
    location = "global" if args.has("global") else "personal"
    _suite(rt).repository.sources[location, args.text(0)] = args.text(1)


def _compile(rt: Runtime, args: Args) -> bool:
    suite = _suite(rt)
    allow = args.texts("allow") if args.has("allow") else None
    try:
        suite.script = rt.engine.compile(args.text(0), name="tested", allow=allow)
        diagnostics, compiled = list(suite.script.warnings), True
    except CompileError as error:
        suite.script, diagnostics, compiled = None, error.diagnostics, False
    suite.problems = [(str(d), d.code) for d in diagnostics if d.severity == "error"]
    suite.warnings = [(str(d), d.code) for d in diagnostics if d.severity == "warning"]
    return compiled


async def _run(rt: Runtime, args: Args) -> bool:
    suite = _suite(rt)
    if suite.script is None:
        raise Failed(f"line {args.line}: no script is compiled, so none can run")
    earlier = suite.result if args.has("append_result") else None
    result = await rt.engine.evaluate(suite.script, rt.context, result=earlier)
    suite.result = result
    suite.problems = [(str(fault), fault.code) for fault in result.errors]
    suite.warnings = [(str(fault), fault.code) for fault in result.warnings]
    return not result.errors


def _error(rt: Runtime, args: Args) -> bool:
    return _compare_problems(rt, args, _suite(rt).problems)


def _warning(rt: Runtime, args: Args) -> bool:
    return _compare_problems(rt, args, _suite(rt).warnings)


def _compare_problems(rt: Runtime, args: Args, problems: Sequence[tuple[str, str]]) -> bool:
    values = [problem[1 if args.has("code") else 0] for problem in problems]
    return args.match.test(rt, _indexed(args, values), args[0])


def _indexed(args: Args, values: Sequence[Any]) -> Sequence[Any]:
    """The value with the number of `:index`, counted from 1; without the tag, all values."""
    if not args.has("index"):
        return values
    index = args.number("index")
    return values[index - 1 : index] if index else ()


def _action(rt: Runtime, args: Args) -> bool:
    name = args.text(0)
    values: list[str] = []
    for action in _indexed(args, _result(rt).actions):
        value = getattr(action, name, None)
        if isinstance(value, bool):
            values.append("yes" if value else "no")
        elif isinstance(value, bytes):
            values.append(value.decode(errors="replace"))
        elif isinstance(value, str | int):
            values.append(str(value))
        elif value is not None:
            values += map(str, value)
    return args.match.test(rt, values, args[1])


def _keep(rt: Runtime, args: Args) -> bool:
    return _result(rt).keep


async def _execute(rt: Runtime, args: Args) -> bool:
    result = _result(rt)
    if result.context is None:
        return False
    outcome = await rt.engine.perform(result, _suite(rt).executor)
    if outcome.error is not None:
        _suite(rt).problems = [(str(outcome.error), "failed")]
    return outcome.ok


def _message(rt: Runtime, args: Args) -> bool:
    suite = _suite(rt)
    messages: Sequence[Any]
    if args.has("sent"):
        messages = suite.executor.sent
    else:
        messages = suite.mailboxes.stored.get(args.text("mailbox", "INBOX"), ())
    if args.has("index"):
        messages = _indexed(args, messages)
    if not messages:
        return False
    last = messages[-1]
    rt.context.message = last.message
    if isinstance(last, Stored):
        rt.context.message_flags = last.flags
    else:
        rt.context.envelope.sender = last.envelope_from
        rt.context.envelope.recipient = last.recipients[0]
    return True


def _get(rt: Runtime, name: str) -> str | None:
    return {"name": _suite(rt).current, "path": rt.script.name}.get(name)


_PROBLEM_TAGS: Final = {"index": "number", "code": None}

EXTENSION: Final = Extension(
    CAPABILITY,
    hidden=True,
    commands=(
        Command("test", ("string",), block=True, where="toplevel", run=_test),
        Command("test_fail", ("string",), run=_fail),
        Command("test_abort", ("string",), run=_abort),
        Command("test_set", ("string", "string"), run=_set_item),
        Command("test_advance", ("number",), run=_advance),
        Command(
            "test_mailbox",
            ("string",),
            tags={"use": "string", "id": "string", "readonly": None},
            run=_mailbox,
        ),
        Command("test_script", ("string", "string"), tags={"global": None}, run=_script),
        Command(
            "test_script_compile",
            ("string",),
            tags={"allow": "string-list"},
            kind="test",
            run=_compile,
        ),
        Command("test_script_run", tags={"append_result": None}, kind="test", run=_run),
        Command(
            "test_error", ("match", "string-list"), tags=_PROBLEM_TAGS, kind="test", run=_error
        ),
        Command(
            "test_warning", ("match", "string-list"), tags=_PROBLEM_TAGS, kind="test", run=_warning
        ),
        Command(
            "test_result_action",
            ("match", "string", "string-list"),
            tags={"index": "number"},
            kind="test",
            run=_action,
        ),
        Command("test_result_keep", kind="test", run=_keep),
        Command("test_result_execute", kind="test", run=_execute),
        Command("test_result_reset", run=_reset),
        Command(
            "test_message",
            tags={"mailbox": "string", "sent": None, "index": "number"},
            exclusive=(("mailbox", "sent"),),
            kind="test",
            run=_message,
        ),
    ),
    namespaces={"tst": Namespace(_get)},
)
