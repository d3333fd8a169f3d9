"""The names that LIST and LSUB tell."""
