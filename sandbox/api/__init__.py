"""The simulated API server: what a request does to the store, and what it answers."""
