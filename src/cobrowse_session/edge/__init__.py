"""Where bytes, clocks and files are met."""
