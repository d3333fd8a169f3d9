"""addheader and deleteheader. RFC 5293."""
