"""Settings name accounts as people do, also where their ids are random."""

from __future__ import annotations

import smtplib

import structlog.testing
from click.testing import CliRunner
from clients import TIMEOUT_SECONDS, unverified
from mailsite import PASSWORD, tables
from thurn.cli.check import check
from thurn_account_sqlite.changes.account import Properties, add_account
from thurn_account_sqlite.changes.change import Change
from thurn_account_sqlite.changes.credential import set_main
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.stored import make_stored
from thurn_testing.server import open_server


def site(tmp_path):
    one = tables(tmp_path)
    one["account"]["main"] = {"type": "sqlite"}
    one["queue"] = {"main": {"type": "spool"}}
    one["site"]["queue"] = "main"
    one["relay"]["authenticated"]["accounts"] = ["alice@example.org", "nobody"]
    return one


def fill(connection):
    change = Change(connection, "test", 0.0)
    add_domain(change, "example.org", separator=None, postmaster=None)
    for name in ("alice", "bob"):
        number, identifier = add_account(change, Properties(name), [f"{name}@example.org"])
        set_main(change, (number, identifier, name), make_stored(PASSWORD, (), 4096))


def send(port, name):
    with smtplib.SMTP("127.0.0.1", port, timeout=TIMEOUT_SECONDS) as client:
        client.starttls(context=unverified())
        client.login(name, PASSWORD)
        client.mail(f"{name}@example.org")
        return client.rcpt("x@elsewhere.example")[0]


async def test_a_relay_rule_by_name(tmp_path):
    with structlog.testing.capture_logs() as events:
        await use(tmp_path)
    told = [one for one in events if one["event"] == "settings.account_unknown"]
    assert len(told) == 1  # and none while there were no accounts at all, which is trouble
    assert told[0]["name"] == "nobody"
    assert told[0]["source"]


async def use(tmp_path):
    async with open_server(site(tmp_path), tmp_path) as server:
        await server.site.products["account", "main"].database.write(fill)
        port = server.port("submission")
        assert await server.in_thread(send, port, "alice") == 250
        assert await server.in_thread(send, port, "bob") == 550


def test_thurn_check_tells_aliases_of_nobody(tmp_path):
    accounts = tmp_path / "people.toml"
    accounts.write_text(
        'domains = ["d.example"]\n[accounts.ann]\n[aliases]\nteam = ["gone@d.example"]\n'
    )
    accounts.chmod(0o600)
    config = tmp_path / "thurn.toml"
    config.write_text(
        '[site]\ndata = "data"\nallow_root = true\naccounts = ["people"]\n'
        '[account.people]\ntype = "file"\nfile = "people.toml"\n'
    )
    answer = CliRunner().invoke(check, ["--config", str(config)])
    assert answer.exit_code == 0, answer.output
    told = "the alias team@d.example leads to gone@d.example, which nobody here has"
    assert f"{config}:5: account.people: {accounts}: {told}" in answer.output
