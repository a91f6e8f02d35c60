"""Pictures as PNG. The extra `png` brings the library that draws them."""

from importlib import import_module
from typing import Any

from cobrowse_session.errors import MissingExtraError

ZOOM = 2
"""Pixels for each pixel of the SVG."""


def png(svg: str) -> bytes:
    """Return an SVG as PNG, on white, with the fonts of the system.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    drawn = renderer().svg_to_bytes(svg_string=svg, zoom=ZOOM, background="white")
    return bytes(drawn)


def renderer() -> Any:  # a module without types
    """Return the library.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        return import_module("resvg_py")
    except ModuleNotFoundError:
        raise MissingExtraError("a PNG", "png") from None
