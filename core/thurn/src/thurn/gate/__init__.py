"""The gate: login for every listener, with the accounts and login policies of each."""
