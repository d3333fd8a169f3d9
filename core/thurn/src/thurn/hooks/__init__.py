"""Hooks: how plugins are found, and what they are asked at start. Nothing here runs per message."""
