"""The command `thurn sieve`, run as a person types it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from importlib_metadata import EntryPoint
from thurn.cli.main import main
from thurn.hooks import registry
from thurn_delivery_sieve.command.group import sieve

MESSAGE = "From: x@example.net\nTo: alice@example.org\nSubject: Der Kongress\n\nbody\n"
SCRIPT = 'require "fileinto";\nif header :contains "subject" "kongress" {\n    fileinto "K";\n}\n'


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "good.sieve").write_text(SCRIPT)
    (tmp_path / "bad.sieve").write_text("keep;\nfrob;\n")
    (tmp_path / "message.eml").write_text(MESSAGE)

    def command(*words, code=0, **facts):
        outcome = CliRunner().invoke(main, ["sieve", *words], **facts)
        assert outcome.exit_code == code, outcome.output + str(outcome.exception)
        return outcome.output

    return command


@pytest.fixture
def site(tmp_path, run):
    (tmp_path / "accounts.toml").write_text(
        'domains = ["example.org"]\n[accounts.alice]\npassword = "$argon2id$v=19$m=64,t=1,p=1$'
        'c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"\n'
    )
    (tmp_path / "accounts.toml").chmod(0o600)
    (tmp_path / "thurn.toml").write_text(
        '[site]\nhostname = "mx.example.org"\nstate = "main"\nstore = "main"\n'
        'accounts = ["main"]\npostmaster = "alice@example.org"\ndata = "data"\n'
        '[state.main]\ntype = "sqlite"\n[store.main]\ntype = "spool"\n'
        '[account.main]\ntype = "file"\nfile = "accounts.toml"\npostmaster = "alice"\n'
        '[delivery.sieve]\ntype = "sieve"\nallow = ["fileinto"]\n'
        '[listener.lmtp]\ntype = "smtp"\nprofile = "lmtp"\nbind = ["127.0.0.1:10024"]\n'
        'delivery = ["sieve"]\n'
    )
    return run


def test_check(run):
    assert "is a Sieve script" in run("check", "good.sieve")
    assert "bad.sieve: line 2, column 1: error" in run("check", "bad.sieve", code=1)
    (printed,) = json.loads(run("check", "bad.sieve", "--json", code=1))
    assert (printed["line"], printed["severity"]) == (2, "error")


def test_a_semicolon_that_is_missing_is_guessed(run, tmp_path):
    (tmp_path / "bad.sieve").write_text('require "fileinto"\nif true { keep; }\n')
    output = run("check", "bad.sieve", code=1)
    assert 'unknown test if; is a ";" missing before the command if?' in output


def test_run_shows_actions_and_why(run):
    output = run("run", "good.sieve", "message.eml")
    assert "fileinto" in output
    assert "mailbox: K" in output
    assert "header: true" in output


def test_run_for_programs(run):
    printed = json.loads(run("run", "good.sieve", "message.eml", "--json"))
    assert printed["actions"] == [{"line": 3, "action": "fileinto", "mailbox": "K"}]
    assert {"line": 2, "text": "header: true"} in printed["trace"]
    assert not printed["errors"]


def test_run_reads_standard_input(run):
    printed = json.loads(run("run", "good.sieve", "-", "--json", input="Subject: other\n\nx\n"))
    assert printed["actions"][0]["action"] == "keep (implicit)"


def test_run_shows_what_would_be_sent(run, tmp_path):
    (tmp_path / "away.sieve").write_text('require "vacation"; vacation "gone";')
    words = ["run", "away.sieve", "message.eml", "--json", "--to", "alice@example.org"]
    printed = json.loads(run(*words, "--from", "boss@example.net"))
    sent = next(one for one in printed["actions"] if one["action"] == "send")
    assert (sent["from"], sent["to"]) == ("<>", ["boss@example.net"])
    assert "Subject: Auto: Der Kongress\n" in sent["message"]
    printed = json.loads(run(*words, "--from", ""))
    assert [one["action"] for one in printed["actions"]] == ["keep (implicit)"]


def test_run_keeps_after_a_run_time_error(run, tmp_path):
    (tmp_path / "fails.sieve").write_text(
        'redirect "x@y.example";' + "".join(f'redirect "{n}@y.example";' for n in range(9))
    )
    printed = json.loads(run("run", "fails.sieve", "message.eml", "--json", code=1))
    assert printed["errors"]
    assert [one["action"] for one in printed["actions"]] == ["keep (implicit)"]


TESTS = """
require ["vnd.thurn.testsuite", "include"];
test "kongress goes where it belongs" {
  test_set "message" "Subject: Der Kongress
";
  include :personal "main";
  if not test_result_action "mailbox" "K" { test_fail "elsewhere"; }
}
test "others stay" {
  include :personal "main";
  if not test_result_keep { test_fail "it does not stay"; }
}
"""


def test_tests_beside_scripts(run, tmp_path):
    (tmp_path / "good.svtest").write_text(TESTS)
    output = run("test", "good.svtest", "--script", "main=good.sieve")
    assert output.count(": ok") == 2
    (tmp_path / "other.sieve").write_text("discard;")
    words = ["test", "good.svtest", "--script", "main=other.sieve", "--json"]
    printed = json.loads(run(*words, code=1))
    assert printed["good.svtest"]["others stay"].endswith("it does not stay")
    assert "NAME=FILE" in run("test", "good.svtest", "--script", "main", code=2)
    (tmp_path / "bad.svtest").write_text("frob;")
    assert "line 1" in run("test", "bad.svtest", code=1)


LIMITED = """
require ["vnd.thurn.testsuite", "include", "subaddress", "envelope"];
test "the detail begins where the site says" {
  test_set "envelope.to" "alice-lists@example.org";
  if not envelope :detail "to" "lists" { test_fail "elsewhere"; }
}
test "two redirects are permitted" {
  redirect "a@example.net"; redirect "b@example.net";
}
"""


def test_tests_use_the_limits_and_settings_of_the_site(site, tmp_path):
    text = (tmp_path / "thurn.toml").read_text()
    changed = text.replace('allow = ["fileinto"]', 'redirects = 1\nseparator = "-"')
    (tmp_path / "strict.toml").write_text(changed)
    (tmp_path / "limited.svtest").write_text(LIMITED)
    words = ["test", "limited.svtest", "--json"]
    printed = json.loads(site(*words, "--config", "strict.toml", code=1))
    (failure,) = printed["limited.svtest"].items()
    assert failure[0] == "two redirects are permitted"
    assert "more than 1 redirects" in failure[1]
    printed = json.loads(site(*words, code=1))
    assert [*printed["limited.svtest"]] == ["the detail begins where the site says"]


def test_run_refuses_what_is_no_script_or_address(run):
    assert "line 2" in run("run", "bad.sieve", "message.eml", code=1)
    assert "no domain" in run("run", "good.sieve", "message.eml", "--to", "alice", code=2)


def test_terminals_get_no_controls(run, tmp_path):
    (tmp_path / "odd.sieve").write_text('require "vacation"; vacation "a\x1b[2Jb";')
    output = run("run", "odd.sieve", "message.eml", "--to", "alice@example.org")
    assert "a?[2Jb" in output
    assert "\x1b" not in output


PLUGIN = """
from thurn.plugin import sieve_command, sieve_test

@sieve_test("vnd.example.partner")
def partner(rt) -> bool:
    return rt.context.envelope.sender.endswith("@example.net")

@sieve_command("vnd.example.desk", cancels_keep=True)
async def desk(delivery, mailbox: str) -> None:
    raise AssertionError("nothing is done")
"""
EXTENDED = 'require ["vnd.example.partner", "vnd.example.desk"]; if partner { desk "X"; }'


@pytest.fixture
def extended(site, tmp_path, monkeypatch):
    """The same site with two extensions of another distribution."""
    (tmp_path / "office_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    names = ("partner", "desk")
    points = [EntryPoint(f"sieve.{name}", f"office_plugin:{name}", "thurn") for name in names]
    installed = registry.installed

    def all_of(group="thurn"):
        return (*installed(group), *(points if group == "thurn" else ()))

    monkeypatch.setattr(registry, "installed", all_of)
    text = (tmp_path / "thurn.toml").read_text()
    text = text.replace('allow = ["fileinto"]', 'extensions = ["partner", "desk"]')
    more = "".join(f'[sieve.{name}]\ntype = "{name}"\n' for name in ("partner", "desk"))
    (tmp_path / "thurn.toml").write_text(text + more)
    (tmp_path / "office.sieve").write_text(EXTENDED)
    return site


def test_extensions_of_the_site_are_known(extended, tmp_path):
    assert "is a Sieve script" in extended("check", "office.sieve")
    words = ["run", "office.sieve", "message.eml", "--json", "--from"]
    printed = json.loads(extended(*words, "x@example.net"))
    desk = {"line": 1, "action": "desk", "by": "another plugin; it is not called here"}
    assert printed["actions"] == [desk]
    printed = json.loads(extended(*words, "x@example.com"))
    assert [one["action"] for one in printed["actions"]] == ["keep (implicit)"]
    (tmp_path / "office.svtest").write_text(
        'require ["vnd.thurn.testsuite", "vnd.example.partner"];'
        'test "nobody" { if partner { test_fail "a partner"; } }'
    )
    assert ": ok" in extended("test", "office.svtest")


def test_the_site_s_rules_are_those_of_a_delivery(site, tmp_path):
    (tmp_path / "away.sieve").write_text('require "vacation"; vacation "gone";')
    assert "vacation" in site("check", "away.sieve", code=1)  # not among what it allows
    assert "not allowed" in site("run", "away.sieve", "message.eml", code=1)
    assert "cannot be read" in site("check", "good.sieve", "--config", "other.toml", code=1)


def test_documents_of_an_account(site):
    assert "version 1, not active" in site("put", "alice", "main", "good.sieve")
    assert "version 2, active" in site("put", "alice", "main", "good.sieve", "--activate")
    assert site("get", "alice") == SCRIPT
    assert site("get", "alice", "main", "--version", "1") == SCRIPT
    (printed,) = json.loads(site("list", "alice", "--json"))
    assert (printed["name"], printed["version"], printed["active"]) == ("main", 2, True)
    assert len(json.loads(site("history", "alice", "main", "--json"))) == 2
    assert "main" in site("list", "alice")
    assert "is active" in site("delete", "alice", "main", code=1)
    site("activate", "alice", "--none")
    assert "no active script" in site("get", "alice", code=1)
    assert "deleted" in site("delete", "alice", "main")
    assert json.loads(site("list", "alice", "--json")) == []
    assert len(json.loads(site("history", "alice", "main", "--json"))) == 2


def test_an_account_is_called_as_it_logs_in(site, tmp_path):
    """The id of an account in a database is not its name."""
    path = tmp_path / "thurn.toml"
    database = path.read_text().replace('type = "file"\nfile = "accounts.toml"', 'type = "sqlite"')
    path.write_text(database.replace('type = "sqlite"\npostmaster = "alice"', 'type = "sqlite"'))
    for words in (["domain", "add", "example.org"], ["account", "add", "alice", "--no-password"]):
        assert not CliRunner().invoke(main, words).exit_code
    assert "active" in site("put", "alice", "main", "good.sieve", "--activate")
    assert site("get", "alice@example.org") == SCRIPT


def test_put_refuses_what_a_delivery_would(site, tmp_path):
    assert "not stored" in site("put", "alice", "main", "bad.sieve", code=1)
    (tmp_path / "edit.sieve").write_text('require "editheader"; addheader "X" "y";')
    assert "editheader" in site("put", "alice", "main", "edit.sieve", code=1)
    assert "controls" in site("put", "alice", "a\nb", "good.sieve", code=1)


def test_mistakes_say_what_is_wrong(site):
    assert "no account 'nobody'" in site("list", "nobody", code=1)
    assert "no script none" in site("activate", "alice", "none", code=1)
    assert "no script none" in site("delete", "alice", "none", code=1)
    assert "no script none" in site("history", "alice", "none", code=1)
    assert "--none" in site("activate", "alice", code=2)


def test_every_command_that_prints_has_json():
    for name in ("put", "activate", "list", "history", "delete", "check", "run"):
        options = [option for one in sieve.commands[name].params for option in one.opts]
        assert "--json" in options, name
