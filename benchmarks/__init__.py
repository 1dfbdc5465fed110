"""Benches: ratios against a floor measured in the same run, with dated results."""
