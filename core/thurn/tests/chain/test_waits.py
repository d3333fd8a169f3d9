"""What cannot wait is known from its code; what is not known may wait."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from thurn.chain.waits import never_waits


async def at_once():
    if trio.current_time() < 0:
        raise KeyError
    try:
        return sorted(-one for one in range(3))
    finally:
        pass


class Product:
    async def at_once(self):
        """Nothing."""

    async def waits(self):
        await trio.lowlevel.checkpoint()


def plain():
    return at_once()


async def loops():
    async for _ in Product():
        pass


async def enters():
    async with trio.open_nursery():
        pass


async def gathers():
    return [one async for one in Product()]


async def gives():
    yield 1


async def nests():
    async def within():
        await trio.lowlevel.checkpoint()

    return within


@pytest.mark.parametrize("function", [at_once, Product.at_once, nests])
def test_without_an_await_it_never_waits(function):
    assert never_waits(function)


@pytest.mark.parametrize(
    "function",
    [Product.waits, loops, enters, gathers, gives, plain, partial(at_once), Product().at_once,
     trio.sleep, print, None],
)  # fmt: skip
def test_anything_else_may_wait(function):
    assert not never_waits(function)
