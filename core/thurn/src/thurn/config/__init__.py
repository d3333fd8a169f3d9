"""Configuration: one TOML file per site (and overlays), checked whole, with file and line."""
