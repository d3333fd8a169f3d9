"""Who holds a grant may send (`relay.grants`), and `thurn relay`. Start reading at `factory`."""
