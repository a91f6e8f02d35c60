"""The layer that reads bytes, clocks and files, and keeps what is live."""
