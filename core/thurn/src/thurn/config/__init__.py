"""Configuration: one TOML file per site, and overlays; all errors are found, with file and line."""
