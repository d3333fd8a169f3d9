"""Compiling, evaluating, performing: the engine from Python."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from thurn_message.scanner import scan
from thurn_sieve.context import Context, Envelope, MessageView
from thurn_sieve.diagnostics import CompileError
from thurn_sieve.engine import Engine
from thurn_sieve.errors import Stop
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.registry import (
    AddressPart,
    Command,
    Comparator,
    Extension,
    MatchType,
    Modifier,
    Namespace,
    Registry,
    RegistryError,
    SideEffect,
    Tag,
)
from thurn_sieve.result import Action, Keep, Result, Store
from thurn_sieve.script import DumpError
from thurn_sieve.testsuite.memory import MemoryDuplicates, MemoryExecutor, MemoryMailboxes

MESSAGE = b"From: a@example.com\r\nSubject: hello\r\nX: 1\r\nX: 2\r\n\r\nbody\r\n"


@pytest.fixture
def context():
    return Context(MESSAGE, envelope=Envelope("a@example.com", "me@example.org"))


def executor(context):
    return MemoryExecutor(MemoryMailboxes(), MemoryDuplicates(context))


def codes(engine, source, **more):
    with pytest.raises(CompileError) as caught:
        engine.compile(source, **more)
    return [
        diagnostic.code for diagnostic in caught.value.diagnostics if diagnostic.severity == "error"
    ]


async def run(engine, source, context, **more):
    return await engine.evaluate(engine.compile(source), context, **more)


# compile


def test_all_errors_are_told_with_places(engine):
    with pytest.raises(CompileError) as caught:
        engine.compile('require "x";\nfoo;\nif header "a" {\n  redirect "b";\n}\n')
    assert [(d.line, d.column, d.code) for d in caught.value.diagnostics] == [
        (1, 9, "unknown-extension"),
        (2, 1, "unknown-command"),
        (3, 4, "wrong-arguments"),
        (4, 12, "invalid-address"),
    ]


def test_errors_are_bounded():
    engine = Engine(shipped(), limits=Limits(diagnostics=5))
    assert len(codes(engine, "foo;\n" * 1000)) == 5


def test_bounds_of_the_source():
    engine = Engine(shipped(), limits=Limits(source_octets=100, nodes=5, list_items=2))
    assert codes(engine, " " * 101) == ["too-large"]
    assert codes(engine, "#" + "ä" * 50) == ["too-large"]  # 101 octets, 51 characters
    assert engine.compile("#" + "ä" * 49).source
    assert codes(engine, "keep;" * 6) == ["too-large"]
    assert "too-large" in codes(engine, 'if exists ["a","b","c"] {}')


def test_octets_and_text_and_byte_order_mark(engine):
    assert engine.compile(b"\xef\xbb\xbfkeep;\r\n").source == "keep;\r\n"
    assert engine.compile("keep;").requires == ()
    assert codes(engine, b"keep; # \xe4\n") == ["not-utf-8"]
    assert codes(engine, "keep; # \ud800\n") == ["not-utf-8"]


def test_warnings_and_folding(engine):
    script = engine.compile("if allof (true, not false) { keep; } elsif true { discard; }")
    assert [warning.code for warning in script.warnings] == ["constant-test"] * 2
    assert script.requires == ()


def test_a_test_that_never_waits_makes_no_coroutine(engine):
    script = engine.compile('if allof (header "a" "b", exists "c") { keep; } else { stop; }')
    assert not script.waits
    assert not inspect.iscoroutinefunction(script.code.run)
    assert engine.compile('require "include"; include "a";').waits


def test_capabilities(engine):
    capabilities = engine.registry.capabilities()
    assert "fileinto" in capabilities
    assert "rfc5228" not in capabilities
    assert not [name for name in capabilities if name.startswith("vnd.")]
    assert engine.registry.capabilities({"envelope", "copy"}) == ["envelope", "copy"]


# dumps


async def test_a_dump_is_loaded_by_an_equal_engine(engine, context):
    source = 'require "fileinto"; if header "subject" "HELLO" { fileinto "ü"; }'
    script = engine.compile(source, name="one", allow={"fileinto", "copy"})
    again = Engine(shipped()).load(script.dump())
    assert (again.name, again.source, again.allow) == ("one", source, {"fileinto", "copy"})
    result = await Engine(shipped()).evaluate(again, context)
    assert result.actions[0].mailbox == "ü"


def test_a_dump_is_loaded_in_another_process(engine):
    code = (
        "import sys; from thurn_sieve.engine import Engine;"
        "from thurn_sieve.ext.extensions import shipped;"
        "sys.stdout.buffer.write(Engine(shipped()).compile('stop;').dump())"
    )
    dump = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert engine.load(dump).source == "stop;"


def test_a_dump_of_another_engine_is_refused(engine):
    dump = engine.compile("keep;").dump()
    for other in (
        Engine(shipped().without("copy")),
        Engine(shipped(), limits=Limits(nesting=16)),
        Engine(Registry([*shipped().extensions.values(), Extension("vnd.x")])),
    ):
        with pytest.raises(DumpError):
            other.load(dump)
    with pytest.raises(DumpError):
        engine.load(dump.replace(b"keep;", b"stop;"))


async def test_a_script_of_another_engine_is_refused(engine, context):
    with pytest.raises(ValueError, match="another engine"):
        await Engine(shipped().without("copy")).evaluate(engine.compile("keep;"), context)


# evaluate


async def test_evaluating_has_no_effect_and_may_be_repeated(engine, context):
    script = engine.compile('require "fileinto"; fileinto "a";')
    first, second = await engine.evaluate(script, context), await engine.evaluate(script, context)
    assert len(first.actions) == len(second.actions) == 1
    assert first.actions[0] is not second.actions[0]
    assert first.actions[0].message == MESSAGE
    assert first.message == MESSAGE


def test_nowait(engine, context):
    result = engine.evaluate_nowait(engine.compile("discard;"), context)
    assert not result.keep
    with pytest.raises(ValueError, match="wait"):
        engine.evaluate_nowait(engine.compile('require "include"; include "a";'), context)


async def test_a_result_may_be_continued(engine, context):
    result = await run(engine, 'require "fileinto"; fileinto "a";', context)
    await run(engine, 'require "fileinto"; fileinto "b"; fileinto "a";', context, result=result)
    assert [action.mailbox for action in result.actions] == ["a", "b"]
    await run(engine, 'require "reject"; reject "no";', context, result=result)
    assert result.errors[0].code == "conflict"


async def test_the_trace(engine, context):
    result = await run(
        engine,
        'if header "subject" "x" {\n keep; }\nelsif exists "x" {\n discard; }',
        context,
        trace=True,
    )
    assert result.trace == [(1, "header: false"), (3, "exists: true"), (4, "discard")]


async def test_the_budget(context):
    engine = Engine(shipped(), limits=Limits(steps=50))
    result = await run(engine, "keep;" * 60, context)
    assert [fault.code for fault in result.errors] == ["too-many-steps"]
    assert result.keep
    long = Context(b"Subject: " + b"a" * 60_000 + b"\r\n\r\n")
    result = await run(engine, 'if header :contains "subject" ["b"] { discard; }', long)
    assert result.errors[0].code == "too-many-steps"


async def test_growing_strings_are_bounded(context):
    engine = Engine(shipped())
    source = (
        'require "variables"; set "a" "0123456789";'
        + 'set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";' * 8
        + 'if string "'
        + "${a}" * 1000
        + '" "b" { discard; }'
    )
    result = await run(engine, source, context)
    assert result.errors[0].code == "string-too-long"


async def test_actions_are_bounded(context):
    engine = Engine(shipped(), limits=Limits(actions=3))
    source = 'require "fileinto";' + "".join(f'fileinto "{n}";' for n in range(4))
    result = await run(engine, source, context)
    assert result.errors[0].code == "too-many-actions"
    assert len(result.actions) == 3
    assert result.keep


async def test_a_header_full_of_odd_octets(engine):
    message = bytes(range(256)) * 20 + b"\r\nSubject: =?x?q?=ff?=\xff\0\r\n\r\n"
    result = await run(
        engine,
        'require ["variables","fileinto"]; if header :matches "subject" "*" { fileinto "${1}"; }'
        'if address :contains ["from","to"] "a" { keep; }',
        Context(message),
    )
    assert result.keep or result.actions


# perform


async def test_perform_stops_at_a_failure_and_goes_on_later(engine, context):
    result = await run(
        engine,
        'require ["fileinto", "copy"]; redirect :copy "a@b.example"; fileinto "a"; keep;',
        context,
    )
    hand = executor(context)
    hand.fails = "store"
    outcome = await engine.perform(result, hand)
    assert not outcome.ok
    assert outcome.failed is result.actions[1]
    assert isinstance(outcome.error, OSError)
    assert [action.executed for action in result.actions] == [True, False, False]
    hand.fails = ""
    outcome = await engine.perform(result, hand)
    assert outcome.ok
    assert len(hand.sent) == 1
    assert len(hand.mailboxes.stored["a"]) == len(hand.mailboxes.stored["INBOX"]) == 1
    assert not (await engine.perform(result, hand)).executed


async def test_the_implicit_keep(engine, context):
    hand = executor(context)
    result = await run(engine, "stop;", context)
    assert not (await engine.perform(result, hand, implicit_keep=False)).kept
    assert (await engine.perform(result, hand)).kept
    assert not (await engine.perform(result, hand)).kept
    assert len(hand.mailboxes.stored["INBOX"]) == 1


async def test_an_ignored_redirect_cancels_no_keep(engine, context):
    class Loop(MemoryExecutor):
        async def redirect(self, action):
            return False

    hand = Loop(MemoryMailboxes(), MemoryDuplicates(context))
    result = await run(engine, 'redirect "a@b.example";', context)
    outcome = await engine.perform(result, hand)
    assert outcome.kept
    result = await run(engine, 'redirect "a@b.example"; discard;', context)
    assert not (await engine.perform(result, hand)).kept


async def test_perform_needs_a_run(engine, context):
    with pytest.raises(ValueError, match="no script has run"):
        await engine.perform(Result(), executor(context))


# chains


@pytest.mark.parametrize(
    ("scripts", "stored"),
    [
        (["keep;", 'fileinto "a";'], {"a": 1}),
        (["", 'fileinto "a";', ""], {"a": 1}),
        (["discard;", 'fileinto "a";'], {}),
        (['fileinto "a";', 'fileinto "b";'], {"a": 1}),
        (['fileinto :copy "a";', 'fileinto "a";', 'fileinto "b";'], {"a": 1}),
        (['fileinto :copy "a";', "discard;"], {"a": 1}),
        (["stop;", "keep;", "keep;"], {"INBOX": 1}),
        (['error "x";', 'fileinto "a";'], {"INBOX": 1}),
    ],
)
async def test_chains(engine, context, scripts, stored):
    head = 'require ["fileinto", "copy", "ihave"];'
    phases = []
    chain = [(engine.compile(head + text), f"phase{n}") for n, text in enumerate(scripts)]
    hand = executor(context)
    result, outcome = await engine.run_chain(chain, context, hand)
    phases.append(context.phase)
    assert outcome.ok
    counts = {name: len(messages) for name, messages in hand.mailboxes.stored.items() if messages}
    assert counts == stored
    assert not result.keep or not outcome.ok


# extensions of third parties


class Beep(Action):
    name = "beep"

    async def perform(self, executor, context):
        executor.discards += 10


class PassOn(Exception):
    propagate = True


def third_party():
    def say(rt, args):
        rt.context.locals.setdefault("said", []).append(
            (args.text(0, "-"), list(args.texts(1)), args.number("times", 1), args.has("loud"))
        )

    async def wait(rt, args):
        return args.text(0) == "yes"

    async def twice(rt, args, run_block):
        await run_block()
        await run_block()

    async def both(rt, args):
        return await rt.test(args.tests[0]) and await rt.test(args.tests[1])

    def fail(rt, args):
        return 1 // 0

    def pass_on(rt, args):
        raise PassOn(args.text(0))

    def end(rt, args):
        raise Stop

    async def run_other(rt, args):
        script = rt.engine.compile(args.text(0))
        inner = await rt.engine.evaluate(script, rt.context)
        rt.warn(",".join(action.name for action in inner.actions))
        return not inner.errors

    async def on_list(value):
        return value == "hello"

    return Extension(
        "vnd.acme",
        commands=[
            Command("say", ("string?", "string-list"), {"loud": None, "times": "number"}, run=say),
            Command("wait", ("string",), kind="test", run=wait),
            Command("twice", block=True, run=twice),
            Command("both", kind="test", tests=-1, run=both),
            Command("fail", kind="both", run=fail),
            Command("pass_on", ("string",), run=pass_on),
            Command("end", run=end),
            Command("odd", run=end, validate=lambda call, diag: 1 // 0),
            Command("beep", run=lambda rt, args: rt.act(Beep(), args)),
            Command("run_other", ("string",), kind="test", run=run_other),
            Command("top", where="toplevel", run=say, positional=("string?", "string-list")),
        ],
        comparators=[Comparator("vnd;reversed", lambda text: text[::-1])],
        match_types=[MatchType("onlist", lambda comparator, key, operand: on_list, waits=True)],
        address_parts=[AddressPart("initial", lambda rt, address: address.text[:1])],
        namespaces={"acme": Namespace(lambda rt, name: f"<{name}>")},
        environment={"vnd.acme.item": lambda rt: "value"},
        modifiers=[
            Modifier({"nth": "number"}, ["header"], lambda rt, args, names, fields: fields[-1:])
        ],
        side_effects=[
            SideEffect(
                "create",
                None,
                ["fileinto"],
                lambda rt, action, args: setattr(action, "create", True),
            ),
            SideEffect("mark", "string", ["keep", "fileinto"], _mark, always=True),
        ],
        tags_for={"redirect": {"sure": None}, "size": {"about": Tag("number", "copy")}},
    )


def _mark(rt, action, args):
    flag = args.text("mark", "-") if args is not None else "implicit"
    action.flags.append(flag)


@pytest.fixture
def acme():
    registry = shipped()
    registry.add(third_party())
    return Engine(registry)


HEAD = 'require ["vnd.acme", "fileinto", "variables", "environment"];'


async def test_arguments_and_tags(acme, context):
    await run(
        acme, HEAD + 'set "a" "b"; say ["x", "${a}"]; say :loud :times 2 "${a}c" "y";', context
    )
    assert context.locals["said"] == [("-", ["x", "b"], 1, False), ("bc", ["y"], 2, True)]


async def test_waiting_tests_and_match_types(acme, context):
    source = HEAD + 'if anyof (not wait "yes", header :onlist "subject" "k") { discard; }'
    assert acme.compile(source).waits
    assert not (await run(acme, source, context)).keep
    assert (await run(acme, HEAD + 'if header :onlist "x" "k" { discard; }', context)).keep


async def test_blocks_and_tests_of_extensions(acme, context):
    result = await run(
        acme, HEAD + 'twice { say "a"; } if both (wait "yes", true) { beep; }', context
    )
    assert len(context.locals["said"]) == 2
    assert [action.name for action in result.actions] == ["beep"]
    assert result.keep
    hand = executor(context)
    await acme.perform(result, hand)
    assert hand.discards == 10


async def test_failures_of_extensions(acme, context):
    result = await run(acme, HEAD + '\nif fail { discard; } say "never";', context)
    fault = result.errors[0]
    assert (fault.line, fault.code) == (2, "internal")
    assert isinstance(fault.cause, ZeroDivisionError)
    assert result.keep
    with pytest.raises(PassOn, match="out"):
        await run(acme, HEAD + 'pass_on "out";', context)
    assert not (await run(acme, HEAD + 'beep; end; say "never";', context)).errors
    assert "said" not in context.locals


async def test_scripts_that_run_scripts(acme, context):
    result = await run(acme, HEAD + 'if run_other "keep;" { discard; }', context)
    assert [fault.message for fault in result.warnings] == ["keep"]
    assert [action.name for action in result.actions] == ["discard"]
    result = await run(acme, HEAD + 'if run_other "keep" { discard; }', context)
    assert isinstance(result.errors[0].cause, CompileError)


async def test_comparators_parts_namespaces_items_modifiers(acme, context):
    source = (
        HEAD
        + """
      if allof (header :comparator "vnd;reversed" "subject" "hello",
                header :comparator "vnd;reversed" :contains "subject" "ell",
                address :initial "from" "a",
                string "${acme.x.y}" "<x.y>",
                environment "vnd.acme.item" "value",
                not header :nth 2 "x" "1", header :nth 2 "x" "2") { discard; }"""
    )
    assert not (await run(acme, source, context)).keep


async def test_side_effects(acme, context):
    result = await run(acme, HEAD + 'fileinto :create :mark "a" "x"; keep;', context)
    assert [(action.name, action.flags) for action in result.actions] == [
        ("store", ["a"]),
        ("keep", ["-"]),
    ]
    assert result.actions[0].create
    result = await run(acme, HEAD, context)
    assert result.implicit.flags == ["implicit"]
    assert (await run(acme, 'require "fileinto"; fileinto "x";', context)).actions[0].flags == []


def test_what_extensions_need_is_checked(acme):
    assert codes(acme, "beep;") == ["missing-require"]
    assert codes(acme, 'require "fileinto"; fileinto :mark "a" "x";') == ["missing-require"]
    assert codes(acme, HEAD + "if size :about 1 :over 1 { keep; }") == ["missing-require"]
    assert codes(acme, HEAD + 'if true { top "a"; }') == ["not-toplevel"]
    assert codes(acme, HEAD + "twice;") == ["missing-block"]
    assert codes(acme, HEAD + 'say "a" { keep; }') == ["unexpected-block"]
    assert codes(acme, HEAD + "odd;") == ["internal"]
    assert acme.compile(HEAD + 'redirect :sure "a@b.example"; top "a";')


def test_registries_refuse_what_does_not_go_together():
    registry = shipped()
    with pytest.raises(RegistryError, match="declare keep"):
        registry.add(Extension("vnd.x", commands=[Command("keep", run=print)]))
    with pytest.raises(RegistryError, match="two extensions"):
        registry.add(Extension("copy"))
    with pytest.raises(RegistryError, match="argument type"):
        Command("x", ("strings",))
    with pytest.raises(RegistryError, match="capitals"):
        Command("X")
    with pytest.raises(RegistryError, match="async"):
        Command("x", block=True, run=print)


async def test_implied_capabilities(context):
    registry = shipped()
    registry.add(Extension("vnd.more", implies=("fileinto",)))
    engine = Engine(registry)
    script = engine.compile('require "vnd.more"; fileinto "a";')
    assert script.requires == ("vnd.more",)
    assert (await engine.evaluate(script, context)).actions[0].mailbox == "a"


async def test_always_means_when_enabled(acme, context):
    source = 'require ["ihave"]; if not true { if ihave "vnd.acme" { stop; } } keep;'
    assert (await run(acme, source, context)).actions[0].flags == []
    source = 'require ["ihave"]; if ihave "vnd.acme" { keep :mark "a"; }'
    assert (await run(acme, source, context)).actions[0].flags == ["a"]


async def test_a_view_may_be_shared(engine):
    view = MessageView(MESSAGE, scan(MESSAGE))
    script = engine.compile('if header "subject" "hello" { discard; }')
    for _ in range(2):
        assert not (await engine.evaluate(script, Context(MESSAGE, view=view))).keep


async def test_settable_context(engine, context):
    script = engine.compile('if header "subject" "hello" { discard; }')
    assert not (await engine.evaluate(script, context)).keep
    context.message = b"Subject: other\r\n\r\n"
    assert (await engine.evaluate(script, context)).keep
    assert context.original == MESSAGE


def test_keep_and_inbox_are_one():
    result = Result()
    kept = result.add(Keep(message=b"m", flags=["a"]))
    assert result.add(Store(mailbox="inbox", message=b"m", flags=["b"])) is kept
    assert kept.flags == ["a", "b"]
    assert result.add(Store(mailbox="INBOX", message=b"edited")) is not kept
