"""What is done about each command, one module for each command or small group of them.

Every function that `table.BASE_COMMANDS` names takes the conversation and the command, writes
untagged responses, and returns the tagged answer. Commands that go on with events of the engine
(AUTHENTICATE, APPEND, IDLE) return None, and the function for the last event ends them
(`answering.finish`).
"""
