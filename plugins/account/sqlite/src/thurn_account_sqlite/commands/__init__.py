"""`thurn account`, `thurn alias` and `thurn domain`; a file for each group of commands."""
