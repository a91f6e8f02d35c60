"""Payloads of platforms, turned into events: one package for each platform, and the registry that asks them."""

from cobrowse_session.sources.registry import BUILT_IN, convert, known_sources, sources_named
from cobrowse_session.sources.repeats import without_repeats
from cobrowse_session.sources.source import Converted, Source

__all__ = ["BUILT_IN", "Converted", "Source", "convert", "known_sources", "sources_named", "without_repeats"]
