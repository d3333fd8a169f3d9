"""RFC 5228 itself, as one extension that needs no `require`."""
