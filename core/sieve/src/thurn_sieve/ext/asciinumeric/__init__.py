"""comparator-i;ascii-numeric. RFC 4790 §9.1."""
