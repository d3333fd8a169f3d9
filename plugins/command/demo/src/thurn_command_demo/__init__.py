"""`thurn demo`: a whole site in one command (design D19). Start reading at `command`."""
