"""Telemetry: the clock, the operator's log, events, and the journal that `thurn explain` reads."""
