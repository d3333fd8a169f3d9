"""Peers in listed networks may send (`relay.networks`). Start reading at `factory`."""
