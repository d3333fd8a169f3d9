"""The command `thurn sieve`. Start reading at `group`."""
