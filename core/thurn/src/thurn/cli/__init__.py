"""The command line: parses arguments and prints; what it shows is made elsewhere."""
