"""One question to one nameserver, by UDP or TCP, until its response.

Rules of this file:
1. Nobody but the nameserver is heard: the socket is connected, its port is the kernel's choice and
   new for each question, and a datagram counts only with the right number and question
   (RFC 5452 §9). After a few that do not, the question is asked by TCP, where nobody can guess.
2. A closed port is known at once, for a connected socket is told.
3. A truncated response is never used: the question is asked again by TCP (RFC 7766 §5).
4. There is no time-out here; callers have one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

import trio
from trio import socket

from thurn_resolver_dns.message import (
    MESSAGE_OCTETS,
    Flag,
    MalformedMessage,
    Question,
    Response,
    is_for,
    read_response,
    write_query,
)
from thurn_resolver_dns.nameserver import Nameserver

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
WRONG_DATAGRAMS: Final = 8
"""Datagrams on one socket that are not the response; more look like guesses."""
READ_INLINE_OCTETS: Final = 4_096
"""Largest response that is read in the loop, in about a millisecond whatever is in it; a larger one
is read in a thread."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a question is asked.

    Attributes:
        flags: of the query, besides RD.
        payload_octets: the largest datagram; None: without EDNS.
        tcp: by TCP from the start.
    """

    flags: int = 0
    payload_octets: int | None = None
    tcp: bool = False


async def exchange(server: Nameserver, question: Question, manner: Manner) -> Response:
    """The nameserver's response, which is never truncated.

    Raises:
        MalformedMessage: what has come is not a response to the question.
        OSError: the nameserver cannot be reached, or has closed the connection.
    """
    number = secrets.randbits(16)
    query = write_query(number, question, manner.flags, manner.payload_octets)
    response = None
    if not manner.tcp:
        response = await _ask_by_udp(server, question, number, query)
    if response is None or response.has(Flag.TRUNCATED):
        response = await _ask_by_tcp(server, question, number, query)
    return response


async def _ask_by_udp(
    server: Nameserver, question: Question, number: int, query: bytes
) -> Response | None:
    """The response; None when too many datagrams were something else."""
    with socket.socket(FAMILIES[server.address.version], socket.SOCK_DGRAM) as connected:
        await connected.connect((str(server.address), server.port))
        await connected.send(query)
        for _ in range(WRONG_DATAGRAMS):
            octets = await connected.recv(MESSAGE_OCTETS)
            if is_for(octets, number):
                response = await _read(octets, question)
                if response is not None:
                    return response
    return None


async def _ask_by_tcp(
    server: Nameserver, question: Question, number: int, query: bytes
) -> Response:
    with socket.socket(FAMILIES[server.address.version], socket.SOCK_STREAM) as connected:
        await connected.connect((str(server.address), server.port))
        stream = trio.SocketStream(connected)
        try:
            await stream.send_all(len(query).to_bytes(2, "big") + query)
            length = int.from_bytes(await _receive(stream, 2), "big")
            octets = await _receive(stream, length)
        except trio.BrokenResourceError as error:
            raise ConnectionResetError("the nameserver has broken the connection") from error
    response = await _read(octets, question) if is_for(octets, number) else None
    if response is None or response.has(Flag.TRUNCATED):
        raise MalformedMessage("a response by TCP that is not one to the question")
    return response


async def _receive(stream: trio.SocketStream, size_octets: int) -> bytes:
    """So many octets. Raises OSError when the connection ends before them."""
    received = bytearray()
    while len(received) < size_octets:
        octets = await stream.receive_some(size_octets - len(received))
        if not octets:
            raise ConnectionResetError("the nameserver has closed the connection")
        received += octets
    return bytes(received)


async def _read(octets: bytes, question: Question) -> Response | None:
    if len(octets) <= READ_INLINE_OCTETS:
        return read_response(octets, question)
    return await trio.to_thread.run_sync(read_response, octets, question)
