"""Drops rights for good before a worker reads its first octet, and ends workers with the
supervisor.

Rules of this file: standard library only. After rights were dropped, that is verified.
"""

from __future__ import annotations

import ctypes
import grp
import json
import os
import pwd
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from thurn.app.plan import ProcessPlan
from thurn.types.errors import ConfigError

T = TypeVar("T")

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Rights:
    """The account, group and supplementary groups that a worker runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def find_rights(plan: ProcessPlan) -> Rights | None:
    """The rights to change to; None: keep the present ones.

    Raises:
        ConfigError: a name is unknown, or root has started the site and the configuration does not
            say what to do then.
    """
    if plan.uid_name is None:
        if os.geteuid() == 0 and not plan.allow_root:
            text = 'started by root: write user = "…", the account to become, or allow_root = true'
            raise ConfigError([plan.at("user", text)])
        return None
    try:
        account = pwd.getpwnam(plan.uid_name)
        gid = account.pw_gid if plan.gid_name is None else grp.getgrnam(plan.gid_name).gr_gid
    except KeyError:
        text = f"this machine has no account {plan.uid_name}, or no such group"
        raise ConfigError([plan.at("user", text)]) from None
    if os.geteuid() == account.pw_uid:
        return None
    if os.geteuid() != 0:
        raise ConfigError([plan.at("user", f"only root can become {plan.uid_name}")])
    groups = os.getgrouplist(plan.uid_name, gid)
    return Rights(account.pw_uid, gid, tuple(sorted(set(groups))))


def owner_rights(data: Path) -> Rights | None:
    """For root, the rights of the owner of a data directory. If the configuration names no account,
    that is who serves it (systemd's `User=`). None: root owns it, or this process is not root's."""
    if os.geteuid() != 0 or not data.exists() or not (status := data.stat()).st_uid:
        return None
    try:
        groups = os.getgrouplist(pwd.getpwuid(status.st_uid).pw_name, status.st_gid)
    except KeyError:  # a number without a name
        groups = [status.st_gid]
    return Rights(status.st_uid, status.st_gid, tuple(sorted(set(groups))))


def drop_rights(rights: Rights) -> None:
    """Become this account, for good.

    Raises:
        PermissionError: the rights were not dropped, or could be regained.
    """
    os.setgroups(rights.groups)
    os.setresgid(rights.gid, rights.gid, rights.gid)
    os.setresuid(rights.uid, rights.uid, rights.uid)
    held = (os.getresuid(), os.getresgid(), tuple(sorted(os.getgroups())))
    if held != ((rights.uid,) * 3, (rights.gid,) * 3, rights.groups):
        raise PermissionError(f"rights were not dropped: {held}")
    if rights.uid == 0:
        return
    for regain in (os.setuid, os.setgid):
        try:
            regain(0)
        except PermissionError:
            continue
        raise PermissionError("rights of root can be had back")


def with_rights(rights: Rights | None, look: Callable[[], T]) -> T:
    """What a function finds with the rights of another account; None: with our own.

    It runs in a child process, and its result comes back as JSON. Not for a process with threads.

    Raises:
        RuntimeError: the child died, or could not drop its rights.
    """
    if rights is None:
        return look()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 1
        try:
            drop_rights(rights)
            with os.fdopen(writing, "w") as pipe:
                json.dump(look(), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise RuntimeError(f"nothing could be looked at with the rights of uid {rights.uid}")
    result: T = json.loads(text)
    return result


def die_with(parent_pid: int) -> None:
    """Be killed when the parent ends, however it ends; after dropping rights, which undoes it.

    Where the kernel does not offer it, the closed channel ends the worker, unless it is blocked.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before we asked
        os._exit(1)
