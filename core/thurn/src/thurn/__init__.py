"""A plugin-architecture mail gateway: the host."""
