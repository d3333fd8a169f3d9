"""Mail messages as bytes: scanner, MIME tree, addresses, dates. Pure, no I/O."""
