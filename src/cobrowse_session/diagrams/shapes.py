"""The parts of drawings: the colours of both themes, boxes, lines and their heads."""

import re
from math import dist
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from cobrowse_session.printable import printable

Point = tuple[float, float]
RINGED = re.compile("([\u2460-\u2473])")
"""Numbers in a ring; fonts draw them small."""

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "soft": "#59636e",
    "plain": "#f6f8fa",
    "pending": "#9a6700",
    "pending-fill": "#fff8e1",
    "live": "#1a7f37",
    "live-fill": "#e9fbee",
    "final": "#0969da",
    "final-fill": "#eaf4ff",
    "refused": "#cf222e",
}
DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "soft": "#9198a1",
    "plain": "#161b22",
    "pending": "#d29922",
    "pending-fill": "#2a2211",
    "live": "#3fb950",
    "live-fill": "#12281a",
    "final": "#58a6ff",
    "final-fill": "#101f36",
    "refused": "#ff7b72",
}


FONTS = 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif'
"""Programs that draw without a browser know no `system-ui`, and need a font by its name."""

REGULAR, BOLD, DIGIT = 0.54, 0.62, 0.7
"""The usual width of a character, and that of a bold digit, in DejaVu Sans, the broadest font. Parts of its size."""

_VARIABLE = re.compile(r"var\(--([a-z-]+)\)")


def themed(name: str, rules: str) -> str:
    """Return the style of a drawing: literal colours, and the theme of the page on top.

    A browser takes dark colours if the reader's system does, and either theme if the page has `data-theme`. Other programs do not
    know variables: a rule with `var()` is black there, or drawn not at all. They skip what `@supports` asks for.

    Args:
        name: the drawing's id.
        rules: CSS rules for `#ID`, with the colours as variables.
    """
    rules = f"#ID {{ color: var(--ink); max-width: 100%; height: auto; }}\n{rules}".replace("#ID", f"#{name}")
    light, dark = ("; ".join(f"--{key}: {color}" for key, color in theme.items()) for theme in (LIGHT, DARK))
    return (
        _VARIABLE.sub(lambda found: LIGHT[found[1]], rules) + "@supports (color: var(--a)) {\n"
        f"#{name} {{ {light}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ #{name} {{ {dark}; }} }}\n"
        f'[data-theme="light"] #{name} {{ {light}; }}\n'
        f'[data-theme="dark"] #{name} {{ {dark}; }}\n{rules}}}\n'
    )


@frozen
class Place:
    """A box: its centre and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """Its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper side."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height / 2


def rect(place: Place, radius: float, kind: str = "") -> str:
    """A box with round corners."""
    of = f' class="{kind}"' if kind else ""
    size = f'width="{place.width:g}" height="{place.height:g}"'
    return f'<rect{of} x="{place.left:g}" y="{place.top:g}" {size} rx="{radius:g}"/>'


def hexagon(place: Place) -> str:
    """The outline of a box with pointed sides."""
    slant = 14
    return (
        f"M{place.left:g} {place.y:g}L{place.left + slant:g} {place.top:g}H{place.right - slant:g}"
        f"L{place.right:g} {place.y:g}L{place.right - slant:g} {place.bottom:g}H{place.left + slant:g}Z"
    )


def text(line: str, x: float, y: float, kind: str = "", size: float | None = None) -> str:
    """Return one line of text, with its size in pixels if it is not that of its kind."""
    of = f" class={quoteattr(kind)}" if kind else ""
    sized = f' style="font-size: {size:g}px"' if size else ""
    ringed = RINGED.sub(r'<tspan class="ring">\1</tspan>', escape(printable(line)))
    # `dominant-baseline` would centre it in a browser only.
    return f'<text{of}{sized} x="{x:g}" y="{y:g}" dy="0.35em">{ringed}</text>'


def fitting(line: str, size: float, room: float, broad: float) -> float | None:
    """Return the size at which a line fits into its room, in pixels, or None if it fits at its own size.

    Args:
        line: the text.
        size: its own size, in pixels.
        room: in pixels.
        broad: `REGULAR`, `BOLD` or `DIGIT`.
    """
    needed = broad * size * len(printable(line))
    return None if needed <= room else round(size * room / needed, 1)


def straight(source: Place, target: Place) -> tuple[Point, Point]:
    """Return a line from border to border. It is vertical if one box is above the other."""
    if source.bottom <= target.top:
        return (source.x, source.bottom), (target.x, target.top)
    if target.bottom <= source.top:
        return (source.x, source.top), (target.x, target.bottom)
    if source.right <= target.left:
        return (source.right, source.y), (target.left, target.y)
    return (source.left, source.y), (target.right, target.y)


def polyline(route: tuple[Point, ...]) -> str:
    """A route with round corners that ends where its arrow's head begins."""
    route = (*route[:-1], towards(route[-1], route[-2], 7))
    line = f"M{route[0][0]:g} {route[0][1]:g}"
    for before, corner, after in zip(route, route[1:], route[2:], strict=False):
        radius = min(10, dist(before, corner) / 2, dist(corner, after) / 2)
        (x1, y1), (x2, y2) = towards(corner, before, radius), towards(corner, after, radius)
        line += f"L{x1:g} {y1:g}Q{corner[0]:g} {corner[1]:g} {x2:g} {y2:g}"
    return line + f"L{route[-1][0]:g} {route[-1][1]:g}"


def towards(point: Point, other: Point, length: float) -> Point:
    """A point at some distance, in the direction of another."""
    (x, y), (to_x, to_y) = point, other
    whole = dist(point, other)
    return round(x + (to_x - x) * length / whole, 1), round(y + (to_y - y) * length / whole, 1)


def head(before: Point, tip: Point) -> str:
    """Return the arrow's head. A marker would need a colour of its own."""
    (x, y), (back_x, back_y) = tip, towards(tip, before, 9)
    side_x, side_y = (y - back_y) * 0.45, (back_x - x) * 0.45
    return (
        f'<path class="head" d="M{x:g} {y:g}L{back_x + side_x:g} {back_y + side_y:g}L{back_x - side_x:g} {back_y - side_y:g}Z"/>'
    )
