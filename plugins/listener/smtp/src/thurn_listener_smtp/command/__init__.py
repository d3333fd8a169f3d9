"""What is done about each event of the engine, one module for each command.

Every function here takes the conversation and the event, and answers the event exactly once if it
waits for an answer (see `thurn_wire.smtp.event`). Decisions are the mail flow's and the gate's.
"""
