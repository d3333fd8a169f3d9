"""Adds and deletes header fields: addheader, deleteheader. RFC 5293."""
