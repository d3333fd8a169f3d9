"""Chains: ordered lists of rules, run fail-safe, each decision journalled (design D4, D5)."""
