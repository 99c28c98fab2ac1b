"""A simulated Kubernetes with a seeded virtual clock.

It imports the standard library and PyYAML alone, and nothing else of this collection, so that it can judge
the rest as a cluster would.
"""
