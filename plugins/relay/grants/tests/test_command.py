"""`thurn relay` on a whole site, in the command's own process."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from thurn.cli.main import main
from thurn.config.files import read
from thurn.config.instances import load

SITE = """
[site]
hostname = "mail.test"
data = "data"
state = "shared"
accounts = ["people"]
allow_root = true

[state.shared]
type = "sqlite"

[account.people]
type = "file"
file = "people.toml"

[listener.mx]
type = "smtp"
bind = ["127.0.0.1:0"]
relay = ["office", "logins", "table"]

[relay.office]
type = "networks"
networks = ["10.0.0.0/8"]

[relay.logins]
type = "authenticated"

[relay.table]
type = "grants"
"""
PEOPLE = """
domains = ["mail.test"]

[accounts.ann]
addresses = ["ann@mail.test"]

[accounts.ben]
enabled = false

[aliases]
team = ["ann", "x@elsewhere.example"]
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE)
    (tmp_path / "people.toml").chmod(0o600)
    (tmp_path / "thurn.toml").write_text(SITE)

    def call(*words, fails=False):
        arguments = ["relay", *words, "-c", str(tmp_path / "thurn.toml")]
        result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
        assert (result.exit_code != 0) == fails, result.output
        return json.loads(result.stdout) if "--json" in words and not fails else result.output

    call.tmp_path = tmp_path
    return call


def test_grant_who_revoke(run):
    assert run("who") == "There is no grant.\n"
    [made] = run(
        "grant",
        "192.0.2.7",
        "--account",
        "ann",
        "--for",
        "2h",
        "--to",
        "B.example",
        "--to",
        "*.a.example",
        "--why",
        "moving house",
        "--json",
    )
    assert made["remaining_seconds"] == 7200
    [listed] = run("who", "--json")
    assert {key: listed[key] for key in ("source", "account", "destinations", "granted_by")} == {
        "source": "192.0.2.7",
        "account": "ann",
        "destinations": ["*.a.example", "b.example"],
        "granted_by": "command.relay",
    }
    assert listed["reason"].startswith("moving house (by ")
    assert run("who", "--json", "--kind", "network") == []
    table = run("who")
    assert all(
        word in table for word in ("ann", "192.0.2.7", "b.example", "moving house", "(120m)")
    )
    assert "192.0.2.7" in run("revoke", "192.0.2.7", "--account", "ann")
    assert run("who", "--json") == []


def test_revoke_by_account(run):
    for source in ("192.0.2.7", "192.0.2.8"):
        run("grant", source, "--account", "ann", "--for", "1h", "--why", "x")
    run("grant", "192.0.2.7", "--for", "1h", "--why", "x")
    assert len(run("revoke", "--account", "ann", "--json")) == 2
    assert [grant["account"] for grant in run("who", "--json")] == [None]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grant", "192.0.2.7", "--why", "x"], "Missing option '--for'"),
        (["grant", "192.0.2.7", "--for", "1h"], "Missing option '--why'"),
        (["grant", "192.0.2.7", "--for", "soon", "--why", "x"], "a duration is a number"),
        (["grant", "192.0.2.7", "--for", "500d", "--why", "x"], "400 days"),
        (["grant", "10.0.0.1/8", "--for", "1h", "--why", "x"], "host bits"),
        (["grant", "session:abc", "--for", "1h", "--why", "x"], "give its address"),
        (["grant", "0.0.0.0/0", "--for", "1h", "--why", "x"], "open relay"),
        (["grant", "::/0", "--for", "1h", "--why", "x"], "open relay"),
        (["grant", "::1", "--for", "1h", "--why", "x", "--account", "zoe"], "no account 'zoe'"),
        (["grant", "::1", "--for", "1h", "--why", "x", "--to", "a b"], "is not a domain"),
        (["revoke"], "give an ADDRESS"),
        (["revoke", "192.0.2.7"], "no grant for exactly 192.0.2.7"),
        (["explain", "10.0.0.0/8"], "give a single address"),
        (["explain", "192.0.2.7", "--to", "ann@mail.test"], "is at a domain of this site"),
        (["explain", "192.0.2.7", "--to", "nobody@mail.test"], "is at a domain of this site"),
        (["explain", "192.0.2.7", "--to", "team@mail.test"], "is at a domain of this site"),
        (["explain", "192.0.2.7", "--to", "@a:b@c"], "is not an address"),
        (["explain", "192.0.2.7", "--account", "zoe"], "no account 'zoe'"),
    ],
)
def test_errors_say_what_to_change(run, words, says):
    assert says in run(*words, fails=True)
    assert run("who", "--json") == []


def test_networks_one_by_one_open_no_relay(run):
    run("grant", "8.0.0.0/8", "--for", "1h", "--why", "x")
    assert "open relay" in run("grant", "9.0.0.0/8", "--for", "1h", "--why", "x", fails=True)


def test_revoke_means_exactly_what_was_said(run):
    run("grant", "192.0.2.0/24", "--for", "1h", "--why", "x")
    assert "the address is in 192.0.2.0/24" in run("revoke", "192.0.2.7", fails=True)


def test_explain(run):
    refused = run("explain", "192.0.2.7", "--json")
    assert not refused["permitted"]
    assert refused["verdict"].endswith("refused: 550 5.7.1, no rule permits it")
    assert [(rule["name"], rule["decision"]) for rule in refused["rules"]] == [
        ("office", "no opinion"),
        ("logins", "no opinion"),
        ("table", "no opinion"),
    ]
    hints = "\n".join(refused["would_pass_if"])
    assert "logged in (SMTP AUTH) where the listener asks relay.logins" in hints
    assert "thurn relay grant 192.0.2.7" in hints
    office = run("explain", "10.1.2.3")
    assert "10.1.2.3 from <> to anybody@elsewhere.invalid: permits: office" in office
    assert f"10.0.0.0/8 ({run.tmp_path}/thurn.toml:23)" in office
    assert "permits: logins" in run("explain", "192.0.2.7", "--account", "ann")
    run("grant", "192.0.2.7", "--for", "1h", "--to", "a.example", "--why", "trial")
    assert "permits: table" in run("explain", "192.0.2.7", "--to", "x@a.example")
    text = run("explain", "192.0.2.7", "--from", "y@c.example", "--to", "x@b.example")
    assert "refused" in text
    assert "not to b.example, only to a.example" in text


def test_explain_a_grant_whose_account_is_locked(run):
    run("grant", "192.0.2.7", "--account", "ben", "--for", "1h", "--why", "x")
    text = run("explain", "192.0.2.7")
    assert "refused" in text
    assert "would pass if the account of its grant (ben) were enabled for smtp" in text
    assert "the sender were" not in text


def test_explain_as_whom_a_grant_is_for(run):
    run("grant", "192.0.2.7", "--account", "ann", "--for", "1h", "--why", "x")
    text = run("explain", "192.0.2.7")
    assert "192.0.2.7 from ann@mail.test to anybody@elsewhere.invalid: permits: table" in text
    assert run("explain", "192.0.2.7", "--json")["sender"] == "ann@mail.test"
    assert "permits: table" in run("explain", "192.0.2.7", "--from", "ANN@mail.test")
    for sender in ("ben@mail.test", "x@elsewhere.invalid", "<>"):
        text = run("explain", "192.0.2.7", "--from", sender)
        shown = "the null sender" if sender == "<>" else sender
        assert f"from {sender} to anybody@elsewhere.invalid: refused: 550 5.7.1" in text
        assert f"a grant of ann covers 192.0.2.7, but ann does not own {shown} (" in text
        assert "would pass if the sender were one of ann's addresses" in text
    assert "permits: logins" in run("explain", "192.0.2.7", "--from", "<>", "--account", "ann")
    assert "is not an address" in run("explain", "192.0.2.7", "--from", "a@b@c", fails=True)


def test_explain_two_behind_one_address(run):
    for name in ("ben", "ann"):
        run("grant", "192.0.2.7", "--account", name, "--for", "1h", "--why", "x")
    story = run("explain", "192.0.2.7", "--from", "x@elsewhere.invalid", "--json")
    assert any(
        hint
        in (
            "the sender were one of ann's or ben's addresses",
            "the sender were one of ben's or ann's addresses",
        )
        for hint in story["would_pass_if"]
    )
    for name, permitted in (("ann", True), ("ben", False)):
        story = run("explain", "192.0.2.7", "--from", f"{name}@mail.test", "--json")
        assert story["permitted"] == permitted


def test_explain_leaves_no_traces(run):
    run("explain", "10.1.2.3", "--account", "ann")
    assert run("who", "--json") == []


def test_an_open_relay_is_refused_with_its_line(run):
    path = run.tmp_path / "thurn.toml"
    path.write_text(SITE.replace("10.0.0.0/8", "0.0.0.0/0"))
    with pytest.raises(Exception, match=r"thurn\.toml:23: relay\.office\.networks: .*open relay"):
        load(read([path]))


def test_accounts_are_called_as_they_log_in(run):
    """In a database an account's id is not its name."""
    site = SITE.replace('type = "file"\nfile = "people.toml"', 'type = "sqlite"')
    (run.tmp_path / "thurn.toml").write_text(site)
    config = ("-c", str(run.tmp_path / "thurn.toml"))
    for words in (["domain", "add", "mail.test"], ["account", "add", "ann", "--no-password"]):
        assert not CliRunner().invoke(main, [*words, *config]).exit_code
    for name in ("ann", "ann@mail.test"):
        run("grant", "192.0.2.7", "--account", name, "--for", "1h", "--why", "x")
    [made] = run("who", "--json")
    assert made["account"] != "ann"  # the id: what programs compare
    assert "ann@mail.test" in run("who")
    told = run("explain", "192.0.2.7", "--account", "ann")
    assert "grant: ann@mail.test from 192.0.2.7" in told
    assert "ann@mail.test" in run("revoke", "--account", "ann")
