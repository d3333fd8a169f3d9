"""`thurn demo`: a whole site in one command. Start reading at `command`."""
