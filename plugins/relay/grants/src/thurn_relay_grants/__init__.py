"""The rule that permits by the grant table (`relay.grants`), and the command `thurn relay`.

Start reading at `factory`.
"""
