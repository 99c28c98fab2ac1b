"""The controllers of the simulated cluster: each a function that brings one object nearer to what it asks for."""
