"""The language model: prompt, grammar, engine, worker and client.

Imports on the standard library and PyYAML alone; torch, transformers and llguidance load when an
engine is made.
"""
