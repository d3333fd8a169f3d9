"""The parts of the supervisor that need no processes."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from thurn.app import rights
from thurn.app.channel import LINE_MAXIMUM_OCTETS, Channel, channel_pair
from thurn.app.generation import blocked_in
from thurn.app.plan import ProcessPlan
from thurn.types.errors import ConfigError


def plan(**changes):
    facts = {"hostname": "h", "data": Path("/d"), "workers": 2, "binds": ("*:25", "unix:/s")}
    return ProcessPlan(**{**facts, "config_paths": (Path("/c"),), **changes})


def test_a_plan_survives_the_channel():
    ours, end = channel_pair()
    theirs = Channel(end)
    ours.send({"plan": plan().to_message()})
    [message] = theirs.receive()
    assert ProcessPlan.from_message(message["plan"]) == plan()
    ours.close()
    theirs.close()


def test_descriptors_go_with_their_message(tmp_path):
    ours, end = channel_pair()
    theirs = Channel(end)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with (tmp_path / "a").open() as a, (tmp_path / "b").open() as b:
        ours.send({"plain": 1})
        ours.send({"one": 1}, [a.fileno()])
        ours.send({"two": 2}, [b.fileno(), a.fileno()])
    messages = []
    while len(messages) < 3:
        messages += theirs.receive()
    assert [len(one["fds"]) for one in messages] == [0, 1, 2]
    assert [os.pread(fd, 1, 0) for one in messages for fd in one["fds"]] == [b"a", b"b", b"a"]
    for fd in [fd for one in messages for fd in one["fds"]]:
        assert not os.get_inheritable(fd)
        os.close(fd)
    assert theirs.receive() == []
    ours.close()
    assert theirs.receive() is None
    theirs.send({"nobody": "hears"})
    theirs.close()


def test_heartbeats_are_lost_rather_than_waited_for():
    ours, end = channel_pair()
    theirs = Channel(end)
    for _ in range(10_000):
        ours.send_nowait({"beat": True})
    assert theirs.receive()[0] == {"beat": True, "fds": []}
    ours.close()
    theirs.close()


def test_an_endless_line_ends_the_channel():
    ours, end = channel_pair()
    theirs = Channel(end)
    answer = []
    for _ in range(LINE_MAXIMUM_OCTETS // 60_000 + 2):
        end_of_ours = ours._end
        end_of_ours.send(b"x" * 60_000)
        answer = theirs.receive()
        if answer is None:
            break
    assert answer is None
    ours.close()
    theirs.close()


def test_where_it_is_blocked():
    library = Path(os.__file__)
    stack = (
        'Thread 0x1 (most recent call first):\n  File "/site/other.py", line 1 in other\n\n'
        "Current thread 0x2 (most recent call first):\n"
        f'  File "{library.parent}/socket.py", line 2 in recv\n'
        f'  File "{library.parent}/site-packages/thurn_filter_x/filter.py", line 3 in scan\n'
        '  File "/site/main.py", line 4 in run\n'
    )
    assert blocked_in(stack).endswith('filter.py", line 3 in scan')
    assert blocked_in("") == ""


def test_rights(monkeypatch):
    with pytest.raises(ConfigError, match="no-such-account"):
        rights.find_rights(plan(uid_name="no-such-account"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match="allow_root"):
        rights.find_rights(plan())
    assert rights.find_rights(plan(allow_root=True)) is None
    assert rights.find_rights(plan(uid_name="nobody")).uid > 0
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert rights.find_rights(plan()) is None
    with pytest.raises(ConfigError, match="only root"):
        rights.find_rights(plan(uid_name="nobody"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_rights_of_who_owns_the_data(tmp_path, monkeypatch):
    data = tmp_path / "data"
    assert rights.owner_rights(data) is None
    data.mkdir()
    assert rights.owner_rights(data) is None  # root's own
    os.chown(data, 54321, 54322)
    assert rights.owner_rights(data) == rights.Rights(54321, 54322, (54322,))
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    assert rights.owner_rights(data).uid == nobody.pw_uid
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert rights.owner_rights(data) is None


@pytest.mark.slow
def test_the_supervisor_is_small():
    code = "import sys, thurn.app.supervisor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"trio", "pydantic", "structlog", "ssl", "asyncio", "thurn.contracts"}
    assert not heavy & set(done.stdout.split())
