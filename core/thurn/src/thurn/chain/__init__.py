"""Chains: ordered lists of rules. A failing rule never loses mail, and each decision is
journalled."""
