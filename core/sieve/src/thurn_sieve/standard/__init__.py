"""RFC 5228 itself, as an extension that needs no `require`."""
