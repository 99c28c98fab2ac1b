"""Does the sandbox answer as a cluster does? Records what unmodified clients ask of a real API server and what it
answers, asks the sandbox the same, and compares field by field (docs/sandbox.md)."""
