"""Functions as tests and actions of Sieve: the signature is the grammar."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from thurn.plugin import (
    Context,
    Delivery,
    Envelope,
    Match,
    Settings,
    Status,
    sieve_command,
    sieve_test,
)
from thurn.types.address import Address
from thurn.types.envelope import Recipient
from thurn.types.errors import PluginError, TemporaryFailure
from thurn_sieve.errors import RunError
from thurn_sieve.result import Store
from thurn_sieve.runtime import Args, Runtime
from thurn_testing.checks import check_sieve
from thurn_testing.fakes.account import FakeAccount
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext
from thurn_testing.script import ScriptFailed

MESSAGE = b"Subject: hello\r\nX-Key: one\r\nX-Key: two\r\n\r\nbody\r\n"


# the smallest useful ones, as an author writes them


@sieve_test("vnd.example.office-hours")
def office_hours(rt: Runtime, *, start: int = 9, end: int = 17) -> bool:
    """On a working day between these hours."""
    now = rt.context.now
    return now.isoweekday() < 6 and start <= now.hour < end


@sieve_command("vnd.example.archive", cancels_keep=True)
def archive(delivery: Delivery, folder: str, *, seen: bool = False) -> None:
    """Into a mailbox of the sender's domain."""
    sender = delivery.envelope.sender
    domain = sender.domain if sender else "nobody"
    delivery.file(f"{folder}/{domain}", flags=["\\Seen"] if seen else [])


def mailboxes(delivery):
    return [(one.mailbox, one.flags) for one in delivery.filings]


@pytest.mark.parametrize(
    ("tags", "hour", "kept"),
    [("", 10, False), ("", 18, True), (":end 19", 18, False), (":start 11 :end 12", 10, True)],
)
async def test_a_test_of_eight_lines(tags, hour, kept):
    clock = ManualClock(wall=datetime(2025, 6, 16, hour, tzinfo=UTC).timestamp())
    script = f'require "vnd.example.office-hours"; if office_hours {tags} {{ discard; }}'
    delivery = await check_sieve(office_hours, script, context=FakeContext(None, clock=clock))
    assert bool(delivery.filings) is kept


async def test_an_action_of_six_lines():
    script = 'require "vnd.example.archive"; archive :seen "Archive";'
    delivery = await check_sieve(archive, script, sender="x@example.net")
    assert mailboxes(delivery) == [("Archive/example.net", ("\\Seen",))]
    delivery = await check_sieve(archive, script.replace(":seen", ""), sender=None)
    assert mailboxes(delivery) == [("Archive/nobody", ())]


def test_the_names_of_a_plugin_follow_from_its_own():
    assert (archive.role, archive.type_name) == ("sieve", "archive")
    assert (office_hours.role, office_hours.type_name) == ("sieve", "office-hours")


# arguments

SEEN = []


@sieve_test("vnd.example.all")
async def everything(
    rt,
    args,
    text: str,
    texts: tuple[str, ...],
    number: int = 7,
    last: str | None = None,
    *,
    flag: bool = False,
    must: str,
    from_: str = "here",
    some: tuple[str, ...] = (),
    many: int | None = None,
) -> bool:
    assert isinstance(rt, Runtime)
    assert isinstance(args, Args)
    SEEN.append((text, texts, number, last, flag, must, from_, some, many))
    return True


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (':must "m" "a" "b"', ("a", ("b",), 7, None, False, "m", "here", (), None)),
        (':must "m" "a" ["b", "c"] 3', ("a", ("b", "c"), 3, None, False, "m", "here", (), None)),
        (
            ':flag :from "f" :some "s" :many 2K :must "m" "a" "b" 1 "z"',
            ("a", ("b",), 1, "z", True, "m", "f", ("s",), 2048),
        ),
        (':must "${v}" "${v}" ["x", "${v}"]', ("v!", ("x", "v!"), 7, None, False, "v!", "here", (),
            None)),
    ],
)  # fmt: skip
async def test_arguments_come_as_the_signature_says(call, seen):
    SEEN.clear()
    script = f"""require ["vnd.example.all", "variables"]; set "v" "v!";
        if everything {call} {{ discard; }}"""
    assert not (await check_sieve(everything, script)).filings
    assert [seen] == SEEN


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ('"a" "b"', "everything needs :must"),
        (':must "m" "a"', r"takes string, string-list, number\?, string\?; here it has 1"),
        (':must "m" "a" "b" "c"', "argument 3 of everything must be a number"),
        (':must 3 "a" "b"', ":must must be a string"),
        (':other :must "m" "a" "b"', "has no tag :other"),
        (':must "m" :must "m" "a" "b"', "given twice"),
        (':is :must "m" "a" "b"', "has no tag :is"),
    ],
)
async def test_a_script_that_does_not_fit_is_told_so(call, complaint):
    script = f'require "vnd.example.all";\nif everything {call} {{ discard; }}'
    with pytest.raises(ScriptFailed, match=complaint) as failed:
        await check_sieve(everything, script)
    assert "line 2" in str(failed.value)


async def test_without_require_there_is_no_such_test():
    with pytest.raises(ScriptFailed, match="everything"):
        await check_sieve(everything, "if everything { discard; }")


@sieve_test("vnd.example.key", word="any_key")
def key(rt: Runtime, match: Match, keys: tuple[str, ...]) -> bool:
    return match(rt.view.texts("x-key")) or match("constant")


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        ('"TWO"', True),
        (':comparator "i;octet" "TWO"', False),
        (':contains ["x", "w"]', True),
        (':is "constant"', True),
        (':is "tw"', False),
        (':count "eq" "2"', True),
        (':matches "t*"', True),
    ],
)
async def test_a_match_compares_as_the_script_asks(call, fits):
    script = f"""require ["vnd.example.key", "relational", "comparator-i;ascii-numeric"];
        if any_key {call} {{ discard; }}"""
    assert bool((await check_sieve(key, script, MESSAGE)).filings) is not fits


async def test_a_match_sets_the_match_values():
    script = """require ["vnd.example.key", "variables", "fileinto"];
        if any_key :matches "t*" { fileinto "${1}"; }"""
    assert mailboxes(await check_sieve(key, script, MESSAGE)) == [("wo", ())]


@sieve_test("vnd.example.fields")
def fields(rt: Runtime, match: Match, names: tuple[str, ...], keys: tuple[str, ...]) -> bool:
    return match([text for name in names for text in rt.view.texts(name)])


async def test_the_keys_are_the_last_argument():
    script = 'require "vnd.example.fields"; if fields ["x-key", "subject"] "HELLO" { discard; }'
    assert not (await check_sieve(fields, script, MESSAGE)).filings
    assert (await check_sieve(fields, script.replace("HELLO", "subject"), MESSAGE)).filings


class Hours(Settings):
    end: int = 17


@sieve_test("vnd.example.configured")
def configured(config: Hours, context: Context, *, end: int | None = None) -> bool:
    return context.name == "sieve.test" and (end or config.end) == 18


async def test_config_and_context():
    script = 'require "vnd.example.configured"; if configured { discard; }'
    assert (await check_sieve(configured, script)).filings
    assert not (await check_sieve(configured, script, config={"end": 18})).filings


# actions


@sieve_command("vnd.example.verbs", cancels_keep=True)
async def verbs(delivery: Delivery, what: tuple[str, ...]) -> None:
    to = Envelope(None, (Recipient(Address.parse("b@elsewhere.example")),))
    for word in what:
        match word:
            case "send":
                delivery.send(to, delivery.content)
            case "reject":
                delivery.reject(Status(550, "5.7.1", "no"))
            case "discard":
                delivery.discard("unwanted")
            case "once":
                first = await delivery.once("key", lifetime_seconds=60)
                delivery.note(f"first {first}")
            case "after":
                delivery.after_commit(lambda: None)
            case "refuse":
                raise RunError("not with me")
            case "raise":
                raise ValueError("broken")
            case "trouble":
                raise TemporaryFailure("later")
            case _:
                delivery.file(word)


def perform(*what, before=""):
    return f"""require ["vnd.example.verbs", "fileinto", "editheader"]; {before}
        verbs [{", ".join(f'"{one}"' for one in what)}];"""


async def test_all_verbs_are_there():
    delivery = await check_sieve(verbs, perform("send", "once", "after", "A", "inbox", "A"))
    assert mailboxes(delivery) == [("A", ()), ("INBOX", ())]
    assert [
        str(envelope.recipients[0].address)
        for envelope in (one.envelope for one in delivery.sendings)
    ] == ["b@elsewhere.example"]
    assert list(delivery.remembered) == ["key"]
    assert len(delivery.actions) == 1
    assert "first True" in delivery.notes
    assert any("script line 2: verbs" in note for note in delivery.notes)
    assert (await check_sieve(verbs, perform("reject"))).rejection == Status(550, "5.7.1", "no")
    delivery = await check_sieve(verbs, perform("discard"))
    assert (delivery.decided, delivery.filings) == (True, [])


async def test_who_cancels_the_keep_and_does_nothing_has_kept():
    assert mailboxes(await check_sieve(verbs, perform("once"))) == [("INBOX", ())]
    assert mailboxes(await check_sieve(verbs, perform("send"))) == []


@sieve_command("vnd.example.beside")
def beside(delivery: Delivery) -> None:
    delivery.file("Copies")


async def test_without_cancels_keep_the_message_is_kept_too():
    delivery = await check_sieve(beside, 'require "vnd.example.beside"; beside;')
    assert mailboxes(delivery) == [("Copies", ()), ("INBOX", ())]


async def test_an_action_has_the_message_as_the_script_had_it():
    before = 'addheader "X-A" "b";'
    delivery = await check_sieve(verbs, perform("A", before=before))
    assert delivery.filings[0].content.scan.get(b"x-a") == b"b"
    delivery = await check_sieve(verbs, f'{perform("A")} addheader "X-A" "b";')
    assert delivery.filings[0].content is delivery.content


@pytest.mark.parametrize("word", ["refuse", "", "a//b", "../x", "\x01"])
async def test_what_cannot_be_done_is_told_and_has_done_nothing(word):
    with pytest.raises(
        ScriptFailed, match=r"line 2: (?:not with me|the action uses a name that)"
    ) as failed:
        await check_sieve(verbs, perform("A", "reject", "send", word))
    delivery = failed.value.delivery
    assert (mailboxes(delivery), delivery.rejection, delivery.sendings) == (
        [("INBOX", ())],
        None,
        [],
    )


async def test_too_many_new_mailboxes():
    names = [f"new{number}" for number in range(11)]
    with pytest.raises(ScriptFailed, match="create at most 10 mailboxes"):
        await check_sieve(verbs, perform(*names))
    delivery = await check_sieve(verbs, perform(*names), account=FakeAccount(["new1"]))
    assert len(delivery.filings) == 11


@pytest.mark.parametrize(("word", "error"), [("raise", ValueError), ("trouble", TemporaryFailure)])
async def test_what_an_action_raises_is_trouble(word, error):
    with pytest.raises(error):
        await check_sieve(verbs, perform("A", word))


async def test_a_second_message_of_an_account():
    account = FakeAccount()
    delivery = await check_sieve(verbs, perform("once", "A"), account=account)
    for deposit in delivery.remembered.values():
        await deposit.commit()
    delivery = await check_sieve(verbs, perform("once", "A"), account=account)
    assert "first False" in delivery.notes


@sieve_command("vnd.example.now")
def now(rt: Runtime, args: Args, name: str) -> None:
    rt.act(Store(mailbox=f"Now/{name}"), args)


@sieve_command("vnd.example.later")
async def later(rt: Runtime) -> None:
    rt.variables.set("found", "it")


async def test_a_command_may_act_while_the_script_runs():
    delivery = await check_sieve(now, 'require "vnd.example.now"; now "a";')
    assert mailboxes(delivery) == [("Now/a", ())]
    assert "script line 1: store" in delivery.notes
    script = 'require ["vnd.example.later", "variables", "fileinto"]; later; fileinto "${found}";'
    assert mailboxes(await check_sieve(later, script)) == [("it", ())]


@sieve_test("vnd.example.broken")
def broken(rt: Runtime, *, softly: bool = False) -> bool:
    if softly:
        rt.error("cannot be known")
    raise ValueError("broken")


async def test_a_check_shows_what_an_extension_raises():
    script = 'require "vnd.example.broken"; if broken { discard; }'
    with pytest.raises(ValueError, match="broken"):
        await check_sieve(broken, script)
    with pytest.raises(ScriptFailed, match="line 1: cannot be known"):
        await check_sieve(broken, script.replace("broken {", "broken :softly {"))


# wrong signatures


def refused(decorator, function, complaint):
    with pytest.raises(PluginError, match=rf"test_sieve\.py:\d+: .*{complaint}"):
        decorator(function)


def _flag(rt, quick: bool = False) -> bool: ...
def _true(rt, *, quick: bool = True) -> bool: ...
def _bare(rt, what) -> bool: ...
def _float(what: float) -> bool: ...
def _either(what: str | int) -> bool: ...
def _star(*what: str) -> bool: ...
def _stars(**what: str) -> bool: ...
def _keys(match: Match, keys: str) -> bool: ...
def _no_keys(match: Match) -> bool: ...
def _default_keys(match: Match, keys: tuple[str, ...] = ()) -> bool: ...
def _two(match: Match, other: Match, keys: tuple[str, ...]) -> bool: ...
def _clash(match: Match, keys: tuple[str, ...], *, contains: str = "") -> bool: ...
def _twice(*, from_: str = "", from__: str = "") -> bool: ...
def _model(config: dict) -> bool: ...
def _unknown(what: Nowhere) -> bool: ...  # noqa: F821
def _deliver(delivery: Delivery) -> None: ...
def _both(delivery: Delivery, rt: Runtime) -> None: ...
def _runs(rt: Runtime) -> None: ...
def größe() -> bool: ...  # noqa: PLC2401


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (_flag, "'quick' is a flag and must be a tag"),
        (_true, "'quick' must have the default False"),
        (_bare, "annotate 'what' with str, int"),
        (_float, "annotate 'what'"),
        (_either, "annotate 'what'"),
        (_star, "must be an ordinary one"),
        (_stars, "must be an ordinary one"),
        (_keys, "the last argument is the keys"),
        (_no_keys, "the last argument is the keys"),
        (_default_keys, "have no default"),
        (_two, "'other' is a second Match"),
        (_clash, "two tags are called 'contains'"),
        (_twice, "two tags are called 'from'"),
        (_model, "annotate `config`"),
        (_unknown, "cannot read the signature"),
        (
            _deliver,
            "annotate 'delivery' with str.*not arguments of the script: args, config, context",
        ),
        (größe, "is not a word of Sieve"),
    ],
)
def test_a_wrong_test_is_an_error_at_import(function, complaint):
    refused(sieve_test("vnd.example.wrong"), function, complaint)


def test_a_wrong_action_is_an_error_at_import():
    refused(sieve_command("vnd.example.wrong"), _both, "take one")
    refused(sieve_command("vnd.example.wrong", cancels_keep=True), _runs, "with `delivery`")
    refused(sieve_command("vnd.example.wrong"), key_command, "for tests")
    refused(sieve_command("vnd.example.wrong", word="Wrong-word"), _runs, "not a word of Sieve")


def key_command(match: Match, keys: tuple[str, ...]) -> None: ...


@pytest.mark.parametrize("capability", ["", "vnd.", "Vnd.x", 'a"b', "a b"])
def test_a_wrong_capability_is_an_error_at_import(capability):
    refused(sieve_test(capability), _ok, "not a capability")


def _ok() -> bool: ...


def test_who_has_no_sieve_plugin_imports_nothing_of_it():
    code = "import sys, thurn.plugin; print([m for m in sys.modules if 'thurn_sieve' in m])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "[]"
