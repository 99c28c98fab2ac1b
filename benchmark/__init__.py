"""MicroRemed: cases, the methods that are compared, the oracle that judges them, and the table."""
