"""A failing script keeps the message; an internal failure makes it come again. RFC 5228 §2.10.6."""

from __future__ import annotations

import pytest
from thurn.plugin import LOCAL_ERROR, StorageTrouble, TemporaryFailure

RUN_TIME = 'require "fileinto";\nfileinto "done";\nfileinto "a//b";\n'
WRONG = 'keep;\nfrobnicate "x";\n'


def filed(delivery):
    return [filing.mailbox for filing in delivery.filings]


def notice_of(delivery):
    (content,) = [
        filing.content
        for filing in delivery.filings
        if filing.content.scan.get(b"auto-submitted") == b"auto-generated"
    ]
    return content


async def test_a_wrong_script_keeps_and_tells(desk):
    delivery = await desk.deliver(WRONG)
    assert filed(delivery) == ["INBOX", "INBOX"]
    assert delivery.filings[0].content is delivery.content
    text = notice_of(delivery).read().decode()
    assert "line 2, column 1" in text
    assert "frobnicate" in text
    assert "<1@example.net>" in text
    assert "To: alice@example.org\r\n" in text
    assert "line 2" in delivery.notes[0]


async def test_a_name_that_is_none_keeps_and_tells(desk):
    delivery = await desk.deliver(RUN_TIME)
    assert "INBOX" in filed(delivery)
    assert "line 3" in notice_of(delivery).read().decode()
    assert "a//b" in delivery.notes[-1]


async def test_what_a_failed_run_wanted_is_not_done(desk):
    script = 'require "fileinto"; fileinto "a"; redirect "x@y.example";' + "".join(
        f'redirect "r{number}@y.example";' for number in range(9)
    )
    delivery = await desk.deliver(script)
    assert filed(delivery) == ["INBOX", "INBOX"]
    assert not delivery.sendings


async def test_edits_of_a_failed_run_are_taken_back(desk):
    script = 'require ["editheader", "variables"]; addheader "X" "y"; addheader "${a}" "b";'
    delivery = await desk.deliver(script)
    assert delivery.filings[0].content is delivery.content
    assert len(delivery.filings) == 2


async def test_one_notice_a_day_and_script(desk):
    await desk.commit(await desk.deliver(WRONG))
    assert filed(await desk.deliver()) == ["INBOX"]
    desk.clock.advance(86_401)
    assert filed(await desk.deliver()) == ["INBOX", "INBOX"]
    await desk.commit(await desk.deliver())
    assert filed(await desk.deliver(WRONG + "# changed")) == ["INBOX", "INBOX"]


async def test_notices_can_be_off(desk_opener, tmp_path):
    async with desk_opener(tmp_path, notify_errors=False) as desk:
        delivery = await desk.deliver(WRONG)
        assert filed(delivery) == ["INBOX"]
        assert delivery.notes


async def test_octets_that_are_no_text_are_a_wrong_script(desk):
    await desk.activate(b'keep; # \xff\xfe\n"')
    assert filed(await desk.deliver()) == ["INBOX", "INBOX"]


async def test_too_many_steps(desk_opener, tmp_path):
    async with desk_opener(tmp_path, steps=1000) as desk:
        script = 'if header :contains "subject" "x" {}\n' * 2000
        delivery = await desk.deliver(script + "discard;")
        assert filed(delivery) == ["INBOX", "INBOX"]


async def test_too_many_mailboxes(desk_opener, tmp_path):
    async with desk_opener(tmp_path, creates=3) as desk:
        handle = await desk.account()
        await handle.create("there")
        script = 'require "fileinto";' + "".join(
            f'fileinto "{name}";' for name in ("there", "there/a", "b", "c")
        )
        assert filed(await desk.deliver(script)) == ["there", "there/a", "b", "c"]
        delivery = await desk.deliver(script + 'fileinto "d/e";')
        assert "INBOX" in filed(delivery)
        assert "d/e" not in filed(delivery)
        assert "3 mailboxes" in delivery.notes[-1]


async def test_too_many_actions(desk_opener, tmp_path):
    async with desk_opener(tmp_path, actions=2) as desk:
        script = 'require "fileinto"; fileinto "a"; fileinto "b"; fileinto "c";'
        assert filed(await desk.deliver(script)) == ["INBOX", "INBOX"]


@pytest.mark.parametrize(
    "error", [StorageTrouble(), TemporaryFailure("state"), OSError(5, "input/output error")]
)
async def test_our_own_trouble_is_raised(desk, error, monkeypatch):
    delivery = await desk.delivery()
    await desk.activate('require "duplicate"; if duplicate { discard; }')

    async def seen(key):
        raise error

    monkeypatch.setattr(delivery.account, "seen", seen)
    with pytest.raises(type(error)):
        await desk.filter.deliver(delivery)
    assert not delivery.decided


async def test_trouble_at_a_redirect_is_raised(desk, monkeypatch):
    delivery = await desk.delivery()
    await desk.activate('redirect "x@y.example";')

    async def resolve(address):
        raise TemporaryFailure("directory", LOCAL_ERROR)

    monkeypatch.setattr(
        type(desk.site.directory), "resolve", lambda self, address: resolve(address)
    )
    with pytest.raises(TemporaryFailure):
        await desk.filter.deliver(delivery)


async def test_a_dear_script_is_turned_off(desk_opener, tmp_path):
    async with desk_opener(tmp_path, cpu="1ms", cpu_pause="1h") as desk:
        script = 'require "body";' + 'if body :contains "never there" { discard; }\n' * 300
        body = b"Subject: x\r\n\r\n" + b"lorem ipsum " * 20_000 + b"\r\n"
        for _ in range(50):
            delivery = await desk.commit(await desk.deliver(script, body))
            if any("is off" in note for note in delivery.notes):
                break
        else:
            pytest.fail("never turned off")
        delivery = await desk.deliver()
        assert filed(delivery)[0] == "INBOX"
        assert "processor time" in notice_of(delivery).read().decode()
        # Another account, and a changed script, are other scripts.
        await desk.activate(script, account="bob")
        other = await desk.deliver(account="bob", recipient="bob@example.org")
        assert filed(other) == ["INBOX"]
        assert filed(await desk.deliver('require "fileinto"; fileinto "x";')) == ["x"]
        await desk.activate(script)
        desk.clock.advance(3_601)
        assert filed(await desk.deliver()) == ["INBOX"]
