"""`thurn plugins new`: `command` is what is called, `render` writes, `skeleton` reads contracts."""
