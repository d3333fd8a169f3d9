from __future__ import annotations

import socket
import tomllib

from thurn_command_demo.site import HOST, DemoSite, find_port_base, write_site


def make(directory, **changes):
    facts = {
        "directory": directory,
        "port_base": 3000,
        "accounts": 2,
        "domain": "example.net",
        "password": "pw",
        "workers": 1,
        **changes,
    }
    return DemoSite(**facts)


def test_the_site_is_written_and_continued(tmp_path):
    site = make(tmp_path / "demo")
    path, password = write_site(site)
    tables = tomllib.loads(path.read_text())
    assert tables["listener"]["smtp"]["bind"] == ["127.0.0.1:3025"]
    accounts = path.with_name("accounts.toml")
    assert accounts.stat().st_mode & 0o777 == 0o600
    assert set(tomllib.loads(accounts.read_text())["accounts"]) == {
        "alice",
        "bob",
        "carol",
        "u1",
        "u2",
        "proof",
    }
    before = accounts.read_text()
    assert write_site(site) == (path, password)
    assert accounts.read_text() == before  # hashed once
    write_site(make(tmp_path / "demo", password="other"))
    assert accounts.read_text() != before


def test_a_port_base_with_a_port_in_use_is_passed_over(tmp_path):
    base = find_port_base()
    with socket.socket() as taken:
        taken.bind((HOST, make(tmp_path, port_base=base).ports["pop3"]))
        taken.listen()
        found = find_port_base()
    assert found > base
    assert found % 1000 == 0
