"""Passes events on to their subscribers in this worker."""

from __future__ import annotations

from collections.abc import Callable

from thurn.types.events import Event

Listener = Callable[[Event], None]


class EventFanout:
    """Calls every subscriber with each event. An error of one is logged, and it is still called."""

    __slots__ = ("_on_error", "_subscribers")

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._subscribers: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Add a subscriber, for the life of the worker."""
        self._subscribers.append(listener)

    def emit(self, event: Event) -> None:
        """Call every subscriber; never raises."""
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - whoever emits an event must not fail
                self._on_error(error)
