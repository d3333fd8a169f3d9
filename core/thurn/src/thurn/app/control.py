"""The control socket: `thurn status`, `reload` and `stop` of a running site.

Rules of this file:
1. The housekeeper serves it, never the supervisor, because root must not parse what others have
   written. The housekeeper asks the supervisor by words of a closed list.
2. The socket is in the data directory's `run`, with mode 0600, and each peer is checked
   (SO_PEERCRED): it must be root or the account that the site runs as.
3. It also answers while workers hang, and says which do. A peer that connects and sends nothing
   holds up nobody: there are few connections, small requests, and a deadline for each.

    request = {"command": "status" | "reload" | "stop"} LF
    answer  = one JSON object LF
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import trio

from thurn.app.opened import OpenSite
from thurn.app.worker import WorkerControl
from thurn.contracts.status import ReportsStatus
from thurn.log import backlog

NAME: Final = "control"
REQUEST_OCTETS: Final = 1024
"""Most octets of a request; the longest has about thirty."""
CONNECTIONS: Final = 16
"""Most connections at the same time; an operator has one."""
REQUEST_SECONDS: Final = 5.0
"""Seconds that a peer may take to send its request."""
ANSWER_SECONDS: Final = 3.0
"""Seconds that the supervisor, and each product, may take to report its status."""
RELOAD_SECONDS: Final = 330.0
"""Seconds that the answer to a reload may take: a little more than a generation may take to
start."""

Answer = dict[str, Any]


async def serve_control(site: OpenSite, control: WorkerControl) -> None:
    """Serve the control socket until the site drains; requests that came before are still answered.
    If the socket cannot be made, that is logged, and the site goes on without it."""
    limit = trio.CapacityLimiter(CONNECTIONS)

    async def accept(listening: trio.socket.SocketType, answers: trio.Nursery) -> None:
        while True:
            accepted, _ = await listening.accept()
            answers.start_soon(_answer_one, accepted, site, control, limit)

    try:
        async with _listening(site.data / "run") as listening, trio.open_nursery() as answers:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(accept, listening, answers)
                await control.draining.wait()
                accepting.cancel_scope.cancel()
            answers.cancel_scope.deadline = trio.current_time() + REQUEST_SECONDS
    except OSError as error:
        site.diagnostics.error("control.failed", failure=str(error))


@asynccontextmanager
async def _listening(directory: Path) -> AsyncIterator[trio.socket.SocketType]:
    """The listening socket. Its path is given by a descriptor of the directory, because the path of
    a data directory may be too long for a socket's address."""
    path = _freed(directory)
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            await listening.bind(f"/proc/self/fd/{fd}/{NAME}")
        finally:
            os.close(fd)
        path.chmod(0o600)
        listening.listen(CONNECTIONS)
        try:
            yield listening
        finally:
            with suppress(OSError):
                path.unlink()


def _freed(directory: Path) -> Path:
    """The socket's path, after the socket of a housekeeper that was killed has been removed. There
    is never a second housekeeper."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / NAME
    path.unlink(missing_ok=True)
    return path


async def _answer_one(
    accepted: trio.socket.SocketType,
    site: OpenSite,
    control: WorkerControl,
    limit: trio.CapacityLimiter,
) -> None:
    with accepted, suppress(OSError, trio.TooSlowError):
        if limit.available_tokens < 1 or not _may_command(accepted):
            return
        async with limit:
            with trio.fail_after(REQUEST_SECONDS):
                request = await _read(accepted)
            answer = await _obey(request, site, control)
            with trio.fail_after(REQUEST_SECONDS):
                await trio.SocketStream(accepted).send_all(
                    json.dumps(answer, default=str).encode() + b"\n"
                )


def _may_command(accepted: trio.socket.SocketType) -> bool:
    """Whether the peer is root, or the account that runs the site. unix(7), SO_PEERCRED."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack(
        "3i", accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return uid in (0, os.geteuid())


async def _read(accepted: trio.socket.SocketType) -> Any:  # noqa: ANN401 - any JSON
    octets = b""
    while b"\n" not in octets and len(octets) <= REQUEST_OCTETS:
        received = await accepted.recv(REQUEST_OCTETS)
        if not received:
            break
        octets += received
    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        return None


async def _obey(request: Any, site: OpenSite, control: WorkerControl) -> Answer:  # noqa: ANN401
    match request:
        case {"command": "status"}:
            return await _status(site, control)
        case {"command": "reload"}:
            return await _ask(control, "reload", RELOAD_SECONDS)
        case {"command": "stop"}:
            return await _ask(control, "stop", ANSWER_SECONDS)
        case _:
            return {"refused": "a request is one of status, reload, stop"}


async def _ask(control: WorkerControl, request: str, seconds: float) -> Answer:
    with trio.move_on_after(seconds):
        answer = await control.ask(request)
        return {key: fact for key, fact in answer.items() if key not in ("answer", "fds")}
    return {"refused": f"the supervisor did not answer within {seconds:g} s"}


async def _status(site: OpenSite, control: WorkerControl) -> Answer:
    """Everything that is known. A part that cannot answer says so, and the others are there."""
    parts: Answer = {}

    async def instance(name: str, product: ReportsStatus) -> None:
        parts[name] = await _status_of(product)

    async with trio.open_nursery() as nursery:
        for (role, name), product in site.products.items():
            if isinstance(product, ReportsStatus):
                nursery.start_soon(instance, f"{role}.{name}", product)
        processes = await _ask(control, "status", ANSWER_SECONDS)
    return {
        "processes": processes,
        "log": asdict(backlog(site.data / "log", site.clock.wall())),
        "disk": _disk(site.data),
        "instances": dict(sorted(parts.items())),
    }


async def _status_of(product: ReportsStatus) -> Mapping[str, object]:
    try:
        with trio.fail_after(ANSWER_SECONDS):
            return dict(await product.status())
    except trio.TooSlowError:
        return {"warning": f"no answer within {ANSWER_SECONDS:g} s"}
    except Exception as error:  # noqa: BLE001 - a product's error is part of the status
        return {"warning": f"{type(error).__name__}: {error}"}


def _disk(data: Path) -> Answer:
    status = os.statvfs(data)
    return {
        "free_octets": status.f_bavail * status.f_frsize,
        "total_octets": status.f_blocks * status.f_frsize,
        "free_files": status.f_favail,
    }
