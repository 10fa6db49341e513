"""Benchmarks: what things cost, as ratios to a baseline in the same run. ``make bench``."""
