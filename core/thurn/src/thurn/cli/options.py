"""Options that several commands have."""

from __future__ import annotations

from thurn.plugin.commands import config_option

__all__ = ["config_option"]
