"""Mistakes in a file are reported with their lines, all at once, without secrets."""

from __future__ import annotations

import pytest
from thurn.plugin import ConfigError
from thurn_account_file.settings import FileSettings

HEAD = 'domains = ["example.org"]\n'


async def findings(opened, text, **settings):
    with pytest.raises(ConfigError) as caught:
        async with opened(text, **settings):
            pass
    return [text.partition("accounts: ")[2] for text in caught.value.findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[accounts.alice]\n[accounts.ALICE]\n",
            "line 3: there are two accounts with the name alice",
        ),
        ('[accounts."a b"]\n', "line 2: 'a b' cannot be a name"),
        ('[accounts."a\\u0000"]\n', "'a\\x00' cannot be a name"),
        ('[accounts.""]\n', "line 2: '' cannot be a name"),
        ('[accounts."a@b@c"]\n', "line 2: 'a@b@c' cannot be a name"),
        (
            '[accounts.alice]\naddresses = ["a@example.com"]\n',
            "line 3: the domain of a@example.com is not in domains; add it there",
        ),
        (
            '[accounts.alice]\naddresses = ["alice"]\n',
            "line 3: 'alice' is not an address: no domain",
        ),
        (
            '[accounts.alice]\n[accounts.bob]\naddresses = "Alice@example.org"\n',
            "line 3: alice@example.org is already an address of alice",
        ),
        (
            '[accounts.alice]\n[aliases]\nalice = "x@example.com"\n',
            "line 4: alice@example.org is already an address of alice",
        ),
        ('[aliases]\n"a" = "nobody"\n', "line 3: 'nobody' is neither an address nor an account"),
        ('[aliases]\n"a" = []\n', "line 3: the alias a has no targets"),
        (
            '[aliases]\n"a" = "a@example.org"\n',
            "line 3: the alias a@example.org leads back to itself",
        ),
        (
            '[aliases]\n"b" = ["x@example.com", "a+y@example.org"]\na = "b@example.org"\n',
            "line 3: the alias b@example.org leads back to itself: b@example.org",
        ),
        (
            '[aliases]\n"@example.org" = "nobody@example.org"\n',
            "line 3: the alias @example.org leads back to itself: @example.org -> @example.org",
        ),
        (
            '[aliases]\n"@example.com" = "x@example.com"\n',
            "line 3: the domain example.com is not in domains; add it there",
        ),
        (
            '[accounts.alice]\npassword = "{NO}x"\n',
            "line 3: the password of alice cannot be used: the scheme NO is not known",
        ),
        (
            '[accounts.alice]\npassword = "secret"\n',
            "line 3: the password of alice cannot be used: there is no {SCHEME}",
        ),
        (
            '[accounts.alice]\npassword = "{PLAIN}secret"\n',
            "line 3: the password of alice cannot be used: it is in clear text",
        ),
        (
            '[accounts.alice]\nstored_keys = {SCRAM-SHA-256 = "4096:c2VjcmV0$aa==:bb=="}\n',
            "line 3: stored_keys.SCRAM-SHA-256 does not have the form of RFC 5803",
        ),
        (
            '[accounts.alice.stored_keys]\nSCRAM-SHA-256 = "SCRAM-SHA-1$4096:aa==$aa==:bb=="\n',
            "line 2: stored_keys.SCRAM-SHA-256 does not have the form of RFC 5803",
        ),
        ("accounts = 3\n", "line 2: accounts: Input should be"),
        ("[acounts.alice]\n", "acounts: Extra inputs"),
    ],
)
async def test_a_mistake(opened, text, expected):
    lines = await findings(opened, HEAD + text)
    assert any(line.startswith(expected) for line in lines), lines
    assert "secret" not in "".join(lines)


async def test_all_mistakes_are_reported_at_once(opened):
    text = HEAD + "".join(f'[accounts.a{n}]\npassword = "x"\n' for n in range(5))
    assert len(await findings(opened, text)) == 5


async def test_at_most_twenty_mistakes_are_reported(opened):
    text = HEAD + "".join(f'[accounts.a{n}]\npassword = "x"\n' for n in range(5000))
    assert len(await findings(opened, text)) == 20


async def test_settings_that_name_nobody(opened):
    assert await findings(opened, HEAD, postmaster="alice", masters=("bob",)) == [
        "setting postmaster: there is no account 'alice'",
        "setting masters: there is no account 'bob'",
    ]


async def test_a_text_that_is_not_a_domain(opened):
    lines = await findings(opened, 'domains = ["example.org", "-"]\n')
    assert lines == ["line 1: '-' is not a domain: malformed domain"]


def test_what_thurn_check_reports(write, tmp_path):
    text = (
        'domains = ["d.example"]\n[accounts.ann]\n[aliases]\n'
        'all = ["ann", "gone@d.example", "away@elsewhere.example"]\nchain = "all@d.example"\n'
    )
    [warning] = FileSettings(file=write(text)).warnings(tmp_path)
    expected = "the alias all@d.example leads to gone@d.example, which nobody here has"
    assert warning == f"{tmp_path}/accounts: {expected}"
    [broken] = FileSettings(file=write("domains = 3")).findings(tmp_path)
    assert broken.startswith(f"{tmp_path}/accounts: line 1: domains: ")
    [missing] = FileSettings(file=tmp_path / "none").findings(tmp_path)
    assert "cannot be read" in missing
