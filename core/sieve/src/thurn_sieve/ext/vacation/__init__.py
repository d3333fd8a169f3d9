"""Automatic replies. RFC 5230, RFC 6131, RFC 3834. Start reading at `rules`, then `reply`."""
