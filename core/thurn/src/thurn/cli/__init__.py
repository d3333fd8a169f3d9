"""The command line: parses arguments and prints. Other packages compute what it shows."""
