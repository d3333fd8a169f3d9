"""Peers that have logged in may send (`relay.authenticated`). All of it is in `factory`."""
