"""thurn: a mail gateway that a site assembles from plugins. This distribution is the host.

Start reading at `thurn.plugin` (what a plugin author needs) or at `thurn.mailflow` (what happens
to a message). The layers, each importing only those below it:

    cli > app > mailflow > delivery > net | log > config | hooks | telemetry > contracts > types
"""
