"""Supervisor, templates and workers as real processes, serving an echo application."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def where(pid: int) -> str:
    """The system call that a process waits in, by the kernel's name for its place."""
    return Path(f"/proc/{pid}/wchan").read_text()


def pid_of(peer) -> int:
    return json.loads(peer.ask("who"))["pid"]


def family(site) -> set[int]:
    """The processes of a site, but the supervisor."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                words = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"thurn.app.template" in words and str(site.root).encode() in words:
                found.add(int(entry.name))
    return found


def test_it_serves_and_stops(site, eventually):
    site.run()
    peer = site.peer()
    assert peer.greeting == "one"
    assert peer.ask("hello") == "hello"
    facts = json.loads(peer.ask("who"))
    assert facts["umask"] == 0o077
    assert len(family(site)) == 4  # template, two workers, housekeeper
    [[_, pid, niceness]] = site.journal()
    assert int(niceness) == os.nice(0) + 10
    site.signal(signal.SIGTERM)
    site.wait("site.stopping")
    # Sessions that are under way go on and are reported.
    eventually(lambda: peer.ask("x") == "closing", "the last answer")
    assert peer.line() == ""
    peer.close()
    assert site.ended() == 0
    assert site.journal()[-1] == ["end", pid]
    assert not family(site)
    assert not (site.root / "s").exists()


def test_nobody_is_accepted_while_it_stops(site, eventually):
    site.run()
    peer = site.peer()
    site.signal(signal.SIGTERM)
    site.wait("site.stopping")
    with pytest.raises(OSError, match=r"refused|No such file"):
        site.peer()
    eventually(lambda: peer.ask("x") == "closing", "the last answer")


def test_a_stop_is_bounded(site):
    site.configure(stop_seconds=0.2)
    site.run()
    peer = site.peer()
    site.signal(signal.SIGTERM)
    assert peer.line() == "farewell closing"
    assert site.ended() == 0


def test_a_second_stop_ends_at_once(site):
    site.configure(stop_seconds=60)
    site.run()
    peer = site.peer()
    site.signal(signal.SIGINT)
    site.wait("site.stopping")
    site.signal(signal.SIGINT)
    assert site.ended() == 0
    assert peer.line() == ""


def new_peer(site):
    """An old worker may accept for an instant after the new ones are ready."""
    peer = site.peer()
    if peer.greeting == "two":
        return peer
    peer.close()
    return None


def test_a_reload_serves_new_code_and_lets_old_sessions_go_on(site, eventually):
    site.run()
    old = site.peer()
    old_pid = pid_of(old)
    site.speak("two")
    site.configure(workers=1, binds=[f"unix:{site.root}/s", f"unix:{site.root}/t"])
    site.signal(signal.SIGHUP)
    site.wait("generation.ready", 2)
    assert (site.root / "t").is_socket()
    new = eventually(lambda: new_peer(site), "the new code")
    assert pid_of(new) != old_pid
    for _ in range(5):
        assert site.peer().greeting == "two"
    eventually(lambda: old.ask("x") == "closing", "the last answer")
    old.close()
    site.wait("generation.drained")
    assert not alive(old_pid)
    assert new.ask("still") == "still"
    # The housekeeper of the old generation had ended before the new one's began.
    eventually(lambda: len(site.journal()) == 3, "the new housekeeper")
    assert [line[0] for line in site.journal()] == ["begin", "end", "begin"]


def test_a_reload_that_no_longer_listens_somewhere(site, eventually):
    site.configure(binds=[f"unix:{site.root}/s", f"unix:{site.root}/t"])
    site.run()
    old = site.peer()
    site.configure(binds=[f"unix:{site.root}/s"])
    site.signal(signal.SIGHUP)
    site.wait("generation.ready", 2)
    assert not (site.root / "t").exists()
    eventually(lambda: old.ask("x") == "closing", "the last answer")


def test_a_reload_from_one_address_to_all(site, eventually):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site.configure(binds=[f"unix:{site.root}/s", f"127.0.0.1:{port}"])
    site.run()
    unchanged = site.peer()
    for count, host in enumerate(("*", "127.0.0.1"), 2):
        site.speak(host)
        site.configure(binds=[f"unix:{site.root}/s", f"{host}:{port}"])
        site.signal(signal.SIGHUP)
        site.wait("generation.ready", count)
        with socket.create_connection(("127.0.0.1", port)) as peer, peer.makefile("rb") as lines:
            assert lines.readline().decode().strip() == host
        assert site.peer().greeting == host
    eventually(lambda: unchanged.ask("x") == "closing", "the last answer")


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        ("check", "site.toml:3"),
        ("import", "while filter.words (thurn-filter-words) was imported"),
        ("open", "site.toml:5"),
        ("crash", "while it started (status -6)"),
        ("crash within", "while it opened store.main (status -6)"),
    ],
)
def test_a_failing_reload_changes_nothing(site, broken, finding):
    site.run()
    peer = site.peer()
    before = family(site)
    site.speak("two")
    site.configure(broken=broken, binds=[f"unix:{site.root}/s", f"unix:{site.root}/t"])
    site.signal(signal.SIGHUP)
    assert finding in site.wait("generation.failed")["findings"][0]
    assert peer.ask("hello") == "hello"
    assert site.peer().greeting == "one"
    assert before <= family(site)
    assert not (site.root / "t").exists()


def test_a_reload_that_cannot_bind_changes_nothing(site):
    site.run()
    (site.root / "precious").write_text("mail")
    site.configure(binds=[f"unix:{site.root}/s", f"unix:{site.root}/precious"])
    site.signal(signal.SIGHUP)
    assert "in the way" in site.wait("generation.failed")["findings"][0]
    assert site.peer().greeting == "one"


def test_a_first_start_that_fails_says_all_and_ends(site):
    site.configure(broken="check")
    site.supervisor = site.start()
    assert site.ended() == os.EX_CONFIG
    assert len(site.events("generation.failed")[0]["findings"]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_must_be_allowed(site):
    site.configure(allow_root=False)
    site.supervisor = site.start()
    assert site.ended() == os.EX_CONFIG
    assert "started by root" in site.events("generation.failed")[0]["findings"][0]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_rights_are_dropped_for_good(public_site, eventually):
    site = public_site
    site.configure(allow_root=False, uid_name="nobody")
    site.run()
    facts = json.loads(site.peer().ask("who"))
    assert 0 not in facts["uids"]
    assert facts["privileged"] == 0  # what was opened before was opened by root
    assert (site.root / "data").stat().st_uid == facts["uids"][0]
    # Dropping rights undoes the parent-death signal; it is set again.
    all_ends_with(site, eventually)


def block(site, eventually) -> int:
    """Block a worker, which can notice nothing from then on; its pid."""
    peer = site.peer()
    pid = pid_of(peer)
    peer.socket.sendall(b"block\n")
    eventually(lambda: "nanosleep" in where(pid), "the block")
    return pid


def all_ends_with(site, eventually):
    block(site, eventually)
    site.supervisor.kill()
    site.ended()
    eventually(lambda: not family(site), "the end of all processes")


def test_a_blocked_worker_is_named_and_replaced(site, eventually):
    site.configure(worker_timeout_seconds=1.1, workers=1)
    site.run()
    peer, other = site.peer(), site.peer()
    pid = pid_of(other)
    peer.socket.sendall(b"block\n")
    blocked = site.wait("worker.blocked")
    assert blocked["worker"] == "worker-1"
    assert blocked["pid"] == pid
    assert "echo_app.py" in blocked["where"]
    assert "block_here" in blocked["where"]
    assert "block_here" in blocked["stack"]
    assert peer.line() == ""
    replacement = site.peer()  # waits in the backlog until the replacement takes it
    assert pid_of(replacement) != pid


def test_a_start_that_blocks_names_the_instance_and_the_line(site):
    site.configure(broken="block within", worker_timeout_seconds=0.5, workers=1)
    site.supervisor = site.start()
    assert site.ended() == 1
    (finding,) = site.events("generation.failed")[0]["findings"]
    assert "blocked at File" in finding
    assert "block_here" in finding
    assert finding.endswith(" while it opened store.main")


def test_a_killed_worker_is_replaced(site, eventually):
    site.configure(workers=1)
    site.run()
    pid = pid_of(site.peer())
    os.kill(pid, signal.SIGKILL)
    assert site.wait("worker.ended")["status"] == -9
    second = pid_of(site.peer())
    assert second != pid
    os.kill(second, signal.SIGKILL)
    assert site.wait("worker.ended", 2)["pause_seconds"] > 0  # twice in a row: with a pause
    assert pid_of(site.peer()) not in (pid, second)


def test_a_killed_template_is_replaced_by_a_new_generation(site, eventually):
    site.run()
    pid = block(site, eventually)
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    site.wait("template.ended")
    site.wait("generation.ready", 2)
    eventually(lambda: not alive(pid), "the end of the workers")
    assert site.peer().greeting == "one"


def test_all_ends_with_the_supervisor(site, eventually):
    site.run()
    assert len(family(site)) == 4
    all_ends_with(site, eventually)
    site.run()  # the lock is free, the stale socket is no obstacle
    assert site.peer().greeting == "one"


def test_a_second_instance_is_refused(site):
    site.run()
    site.configure(binds=[f"unix:{site.root}/t"])
    second = site.start()
    assert second.wait(100) == 1
    [failed] = site.events("generation.failed")
    assert f"process {site.supervisor.pid}" in failed["findings"][0]
    assert not (site.root / "t").exists()
    assert site.peer().greeting == "one"


def test_a_supervisor_without_descriptors_changes_nothing(site, eventually):
    site.run()
    peer = site.peer()
    pid = site.supervisor.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    site.signal(signal.SIGHUP)
    assert "Too many open files" in str(site.wait("generation.failed")["findings"])
    os.kill(pid_of(peer), signal.SIGKILL)
    assert "Too many open files" in site.wait("worker.not_started")["failure"]
    assert site.peer().ask("still") == "still"
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    eventually(lambda: len(family(site)) == 4, "the new worker")
    site.signal(signal.SIGHUP)
    site.wait("generation.ready", 2)


@pytest.mark.parametrize("nonsense", [b"x\n", b"7\n", b'{"fds": "x"}\n', b'{"failed": 7}\n'])
def test_a_worker_that_talks_nonsense_does_not_end_the_supervisor(site, eventually, nonsense):
    site.configure(workers=1)
    site.run()
    peer = site.peer()
    worker = pid_of(peer)
    peer.ask(f"tell {nonsense.hex()}")
    site.signal(signal.SIGHUP)
    site.wait("generation.ready", 2)

    def is_new():
        answer = site.peer().ask("who")  # "closing", where the old one still answered
        return answer.startswith("{") and json.loads(answer)["pid"] != worker

    assert eventually(is_new, "the new worker")
