"""The two markers of pluggy for the project "thurn"."""

from __future__ import annotations

import pluggy

PROJECT = "thurn"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
