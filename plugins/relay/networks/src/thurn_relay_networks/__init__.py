"""Listed networks may send (`relay.networks`). Start reading at `factory`."""
