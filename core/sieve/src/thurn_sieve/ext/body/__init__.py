"""Tests of the body: raw, by content type, and as text. RFC 5173."""
