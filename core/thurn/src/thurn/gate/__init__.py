"""The gate: login for every listener, and the site's directory (design D9)."""
