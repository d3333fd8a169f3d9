"""Fakes of what the host gives to plugins, for tests of plugins: no host, no network, no waiting.

`clock` has a clock that the test moves, `context` a `Context` on a directory of the test,
`resolver` a DNS of names that the test gives.
"""
