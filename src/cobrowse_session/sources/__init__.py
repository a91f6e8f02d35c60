"""Vendor payloads to events: one package for each platform."""
