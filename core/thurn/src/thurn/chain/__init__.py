"""Chains: ordered lists of rules, run fail-safe, each decision journalled."""
