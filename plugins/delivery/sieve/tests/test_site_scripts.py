"""The site's scripts before, after and in place of an account's; included and allowed ones."""

from __future__ import annotations

import pytest
from thurn.plugin import ConfigError


def filed(delivery):
    return [filing.mailbox for filing in delivery.filings]


def write(base, **scripts):
    for name, text in scripts.items():
        (base / f"{name}.sieve").write_text(text)


async def start_up_error(opening):
    """The findings that the operator sees."""
    with pytest.raises(ConfigError) as raised:
        async with opening:
            pass
    return "\n".join(raised.value.findings)


async def test_the_order(desk_opener, tmp_path):
    write(
        tmp_path,
        one='require "imap4flags"; addflag "one";',
        two='require ["imap4flags", "fileinto"]; if hasflag "mine" { fileinto "two"; }',
    )
    async with desk_opener(tmp_path, before=["one.sieve"], after=["two.sieve"]) as desk:
        delivery = await desk.deliver('require "imap4flags"; if hasflag "one" { addflag "mine"; }')
        assert filed(delivery) == ["two"]
        assert delivery.filings[0].flags == ("one", "mine")


async def test_after_runs_only_while_the_message_is_kept(desk_opener, tmp_path):
    write(tmp_path, two='require "fileinto"; fileinto "two";')
    async with desk_opener(tmp_path, after=["two.sieve"]) as desk:
        assert filed(await desk.deliver("discard;")) == []
        assert filed(await desk.deliver('require "fileinto"; fileinto "mine";')) == ["mine"]
        assert filed(await desk.deliver("keep;")) == ["two"]


async def test_the_site_comes_first(desk_opener, tmp_path):
    write(tmp_path, one='require "fileinto"; if header "x-spam" "yes" { fileinto "Junk"; stop; }')
    async with desk_opener(tmp_path, before=["one.sieve"]) as desk:
        await desk.activate('redirect "y@a.example";')
        assert filed(await desk.deliver(None, b"X-Spam: yes\r\n\r\n")) == ["Junk"]
        assert (await desk.deliver()).sendings


async def test_without_a_script_the_site_s_run(desk_opener, tmp_path):
    write(tmp_path, one='require "fileinto"; fileinto "one";', dflt="discard;")
    async with desk_opener(tmp_path, before=["one.sieve"]) as desk:
        assert filed(await desk.deliver()) == ["one"]
    async with desk_opener(tmp_path, default="dflt.sieve") as desk:
        assert (await desk.deliver()).decided
        assert filed(await desk.deliver()) == []
        assert filed(await desk.deliver("keep;")) == ["INBOX"]


async def test_a_failing_script_of_the_account_leaves_the_site_s_alone(desk_opener, tmp_path):
    write(tmp_path, one='require ["fileinto", "copy"]; fileinto :copy "one";')
    async with desk_opener(tmp_path, before=["one.sieve"]) as desk:
        delivery = await desk.deliver('require "fileinto"; fileinto "a"; fileinto "b//";')
        assert set(filed(delivery)) >= {"one", "INBOX"}


async def test_a_failing_script_of_the_site_is_not_the_account_s_business(desk_opener, tmp_path):
    write(tmp_path, one='require "fileinto"; fileinto "a//";')
    async with desk_opener(tmp_path, before=["one.sieve"]) as desk:
        delivery = await desk.deliver()
        assert filed(delivery) == ["INBOX"]
        assert "one" in delivery.notes[-1]


async def test_wrong_files_are_start_up_errors(desk_opener, tmp_path):
    write(tmp_path, one="keep;\nfrob;", two="discard;")
    text = await start_up_error(desk_opener(tmp_path, before=["one.sieve", "none.sieve"]))
    assert "one.sieve: line 2, column 1" in text
    assert "none.sieve: No such file" in text
    assert "nowhere" in await start_up_error(desk_opener(tmp_path, global_scripts="nowhere"))


async def test_include(desk_opener, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    write(shared, lists='require "fileinto"; fileinto "lists";')
    async with desk_opener(tmp_path, global_scripts="shared") as desk:
        handle = await desk.account()
        await handle.put_document("sieve", "mine", b'require "fileinto"; fileinto "mine";')
        script = 'require "include"; include :personal "mine"; include :global "lists";'
        assert filed(await desk.deliver(script)) == ["mine", "lists"]
        failing = 'require "include"; include :global "../accounts";'
        assert filed(await desk.deliver(failing)) == ["INBOX", "INBOX"]


async def test_what_is_not_allowed_cannot_be_required(desk_opener, tmp_path):
    write(tmp_path, one='require "editheader"; addheader "X-Site" "1";')
    async with desk_opener(tmp_path, allow=["fileinto"], before=["one.sieve"]) as desk:
        assert filed(await desk.deliver('require "fileinto"; fileinto "a";')) == ["a"]
        delivery = await desk.deliver('require "editheader"; addheader "X" "1";')
        assert filed(delivery) == ["INBOX", "INBOX"]
        assert delivery.filings[0].content.read().startswith(b"X-Site: 1\r\n")


async def test_after_a_failing_script_the_site_s_go_on(desk_opener, tmp_path):
    (tmp_path / "one.sieve").write_text(
        'require ["fileinto", "imap4flags"]; if not hasflag "x" { fileinto "after"; }'
    )
    async with desk_opener(tmp_path, after=["one.sieve"], actions=1) as desk:
        failing = 'require ["imap4flags", "fileinto"]; addflag "x"; fileinto "a"; fileinto "b";'
        for script in ("frob;", failing):
            assert filed(await desk.deliver(script)) == ["after", "INBOX"]


async def test_a_wrong_script_that_is_included(desk):
    handle = await desk.account()
    await handle.put_document("sieve", "mine", b"keep;\nfrob;")
    delivery = await desk.deliver('require "include"; include "mine";')
    assert filed(delivery) == ["INBOX", "INBOX"]
    assert "mine" in delivery.notes[-1]
    assert "line 2" in delivery.notes[-1]


async def test_the_site_s_scripts_may_more_than_the_account_s(desk_opener, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    write(shared, edit='require "editheader"; addheader "X-Shared" "1";')
    async with desk_opener(tmp_path, allow=["include"], global_scripts="shared") as desk:
        delivery = await desk.deliver('require "include"; include :global "edit";')
        assert delivery.filings[0].content.read().startswith(b"X-Shared: 1\r\n")


async def test_a_long_script(desk):
    script = 'require "fileinto";\n' + "".join(
        f'if header :contains "subject" "word{number}" {{ fileinto "m{number}"; }}\n'
        for number in range(400)
    )
    delivery = await desk.deliver(script + 'fileinto "end";')
    assert filed(delivery) == ["end"]
    assert filed(await desk.deliver()) == ["end"]


@pytest.mark.parametrize("script", ["", "keep;", "frob;", 'fileinto "a";', "stop;"])
async def test_flags_of_the_site_stay_on_what_is_kept(desk_opener, tmp_path, script):
    write(tmp_path, one='require "imap4flags"; addflag "$site";')
    async with desk_opener(tmp_path, before=["one.sieve"], notify_errors=False) as desk:
        delivery = await desk.deliver(script)
        wanted = [] if script == "keep;" else ["$site"]  # RFC 5232: it knows no flags, it says keep
        assert [list(filing.flags) for filing in delivery.filings] == [wanted]


async def test_a_failed_script_leaves_the_actions_of_the_site_as_they_were(desk_opener, tmp_path):
    """RFC 5228 §2.10.6: nothing of a failed script stays, not even a flag on another's action."""
    write(tmp_path, one='require ["fileinto", "copy"]; fileinto :copy "archive";')
    async with desk_opener(tmp_path, before=["one.sieve"], notify_errors=False) as desk:
        delivery = await desk.deliver(
            'require ["fileinto", "imap4flags", "ihave"];'
            'fileinto :flags "\\\\Deleted" "archive"; error "no";'
        )
        assert [(one.mailbox, one.flags) for one in delivery.filings] == [
            ("archive", ()),
            ("INBOX", ()),
        ]
