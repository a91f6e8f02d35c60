"""The layer that reads bytes, clocks and files."""
