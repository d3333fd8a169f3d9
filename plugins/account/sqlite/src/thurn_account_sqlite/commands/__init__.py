"""`thurn account`, `thurn alias`, `thurn domain`; one file for each group of commands."""
