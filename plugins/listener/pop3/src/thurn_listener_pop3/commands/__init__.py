"""What is done about each event of the engine, one module for each command or small group of them.

Every function that `session.REACTIONS` names takes the conversation and the event, and answers the
event exactly once (see `thurn_wire.pop3.event`).
"""
