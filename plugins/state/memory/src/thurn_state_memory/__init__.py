"""Shared small state in the memory of one process (`state.memory`). Start reading at `table`."""
