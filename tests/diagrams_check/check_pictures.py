"""Compare how Chromium, rsvg-convert and resvg draw every SVG: `python check_pictures.py FILE...`.

Chromium measures where each box and each label is. There all three must show the same colours and about as much ink. Three faults
are planted: colours that only a browser finds, a font that nobody has, and an empty file. Each must be found.
"""

import html
import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

import resvg_py
from PIL import Image, ImageChops  # type: ignore[import-not-found]  # installed by `make diagrams-check` only

MOST_PIXELS = 120_000_000
"""The pixels of a page. Pillow takes an image of 179 million for an attack."""
COLUMNS = 4
"""Pictures beside each other on Chromium's page."""
SAME_COLOUR = 10
"""How far the colours of a box may differ, of 255: renderers round differently."""
SAME_INK_COLOUR = 100
"""The same for the strongest pixel of a label, which antialiasing makes paler."""
SAME_INK = 1.7
"""By which factor the ink of a label may differ: renderers smooth differently."""
LITTLE_INK = 16
"""Pixels by which it may differ in any case. The one stroke of `_` is one or two pixels high."""
SAME_WIDTH = 6
"""Pixels: by how much the width of a label's ink may differ. Another font is wider or narrower."""
INK = 48
"""How far a pixel differs from its background if it is ink."""

CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1"),
)
MEASURE = """
const found = {};
const of = (element, room = 0) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return [Math.max(0, x - room), y, x + width + room, y + height];
};
for (const frame of document.querySelectorAll("iframe")) {
  const all = (what) => [...frame.contentDocument.querySelectorAll(what)];
  found[frame.name] = {
    boxes: all(".node > rect:first-of-type, .node > path, .box > rect").map((box) => of(box)),
    labels: all("text").map((text) => [text.textContent, of(text, 5)]), // with room to see the ink of a wider font
  };
}
document.querySelector("pre").textContent = JSON.stringify(found);
"""

PAGE = """<!doctype html>
<meta charset="utf-8">
<style>iframe {{ position: absolute; border: 0 }} pre {{ display: none }}</style>
{frames}
<pre></pre>
<script>window.addEventListener("load", () => {{ {measure} }});</script>
"""

Area = tuple[float, float, float, float]
Colour = tuple[int, int, int]


class Ink(NamedTuple):
    """The ink of a label: how many pixels, the colour of the strongest, and how wide it is."""

    pixels: int
    colour: Colour
    width: int


class Places(TypedDict):
    """Where Chromium has boxes and labels."""

    boxes: list[Area]
    labels: list[tuple[str, Area]]


def main(files: list[str]) -> None:
    """Fail if a file is drawn differently, or if a planted fault is not found."""
    drawings = {path.name: path.read_text(encoding="utf-8") for path in map(Path, files)}
    planted = _planted(next(iter(drawings.values())))
    faults = compare(drawings | planted)
    for name in drawings:
        assert not faults[name], (name, len(faults[name]), faults[name][:3])
    for name in planted:
        assert faults[name], f"the check did not find the planted fault: {name}"
        print(f"planted  {name}: {faults[name][0]}")  # noqa: T201 (a script)
    print(f"pictures {len(drawings)} files are the same in three renderers")  # noqa: T201 (a script)


def _planted(drawing: str) -> dict[str, str]:
    """A sound drawing with one fault each."""
    family = re.compile(r"font: 14px [^;]*;")
    fill = re.compile(r"fill: #[0-9a-f]{6};")
    assert family.search(drawing)
    assert fill.search(drawing)
    return {
        "variable": fill.sub("fill: var(--planted);", drawing).replace("<style>", "<style>:root { --planted: #ffcc00; }"),
        "missing font": family.sub('font: 14px "No such font";', drawing),
        "empty": "",
    }


# --- Compare ------------------------------------------------------------------------------------------------------------------


def compare(drawings: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the faults of each drawing."""
    found: dict[str, list[str]] = {}
    for sheet in _sheets(drawings):
        places, pages = _in_chromium(sheet)
        found |= {name: list(_faults(svg, places[name], pages[name])) for name, svg in sheet.items()}
    return found


def _sheets(drawings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the drawings that share a page. Those of like height are together, and no page is larger than Pillow reads."""
    sheet: dict[str, str] = {}
    for name in sorted(drawings, key=lambda name: _largest({name: drawings[name]})[1]):
        larger = {**sheet, name: drawings[name]}
        width, height = _largest(larger)
        if sheet and COLUMNS * width * height * -(-len(larger) // COLUMNS) > MOST_PIXELS:
            yield sheet
            larger = {name: drawings[name]}
        sheet = larger
    yield sheet


def _faults(svg: str, places: Places, page: Image.Image) -> Iterator[str]:
    if not places["boxes"] or not places["labels"]:
        yield "nothing is drawn"
        return
    drawn = {"chromium": page, "rsvg-convert": _in_rsvg(svg), "resvg": _in_resvg(svg)}
    for area in places["boxes"]:
        colours = {program: _background(image, area) for program, image in drawn.items()}
        if _apart(list(colours.values())) > SAME_COLOUR:
            yield f"box at {_rounded(area)}: {colours}"
    for label, area in places["labels"]:
        background = _background(page, area)
        inks = {program: _ink(image, area, background) for program, image in drawn.items()}
        if _differ(inks.values()):
            yield f"label {label!r} at {_rounded(area)}: {inks}"


def _differ(inks: Collection[Ink]) -> bool:
    fewest, most = (of(ink.pixels for ink in inks) for of in (min, max))
    narrowest, widest = (of(ink.width for ink in inks) for of in (min, max))
    return (
        fewest == 0
        or most > max(SAME_INK * fewest, fewest + LITTLE_INK)
        or widest - narrowest > SAME_WIDTH
        or _apart([ink.colour for ink in inks]) > SAME_INK_COLOUR
    )


def _background(image: Image.Image, area: Area) -> Colour:
    """The colour of most pixels."""
    part = image.crop(_rounded(area))
    return max(part.getcolors(part.width * part.height))[1]  # type: ignore[no-any-return]  # Pillow is not known here


def _ink(image: Image.Image, area: Area, background: Colour) -> Ink:
    """Return the ink, the pixels that differ from the background."""
    part = image.crop(_rounded(area))
    counts = {colour: count for count, colour in part.getcolors(part.width * part.height)}
    away = {colour: _apart([colour, background]) for colour in counts}
    difference = ImageChops.difference(part, Image.new("RGB", part.size, background)).convert("L")
    left, _, right, _ = difference.point(lambda value: 255 * (value > INK)).getbbox() or (0, 0, 0, 0)
    pixels = sum(count for colour, count in counts.items() if away[colour] > INK)
    return Ink(pixels, max(away, key=away.__getitem__), right - left)


def _apart(colours: list[Colour]) -> int:
    """How far colours differ, in the channel in which they differ most."""
    channels = ([colour[channel] for colour in colours] for channel in range(3))
    return max(max(channel) - min(channel) for channel in channels)


def _rounded(area: Area) -> tuple[int, int, int, int]:
    left, top, right, bottom = area
    return int(left), int(top), int(right) + 1, int(bottom) + 1


# --- Draw ---------------------------------------------------------------------------------------------------------------------


def _in_chromium(drawings: Mapping[str, str]) -> tuple[dict[str, Places], dict[str, Image.Image]]:
    """Where boxes and labels are, and the drawings, from one page with a frame for each."""
    width, height = _largest(drawings)
    corners = {name: (number % COLUMNS * width, number // COLUMNS * height) for number, name in enumerate(drawings)}
    size = f"--window-size={COLUMNS * width},{max(top for _, top in corners.values()) + height + 200}"
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "page.png")
        frames = (_frame(name, svg, (*corners[name], width, height)) for name, svg in drawings.items())
        page.write_text(PAGE.format(frames="".join(frames), measure=MEASURE), encoding="utf-8")
        told = _chromium(Path(folder, "first"), size, "--dump-dom", page.as_uri())
        _chromium(Path(folder, "second"), size, f"--screenshot={shot}", page.as_uri())
        with Image.open(shot) as whole:
            pages = {name: _opaque(whole.crop((left, top, left + width, top + height))) for name, (left, top) in corners.items()}
        return json.loads(html.unescape(told.partition("<pre>")[2].partition("</pre>")[0])), pages


def _largest(drawings: Mapping[str, str]) -> tuple[int, int]:
    """The size that all drawings fit into."""
    sizes = [re.search(r'width="(\d+)" height="(\d+)"', svg) for svg in drawings.values()]
    return tuple(max((int(size[place]) for size in sizes if size), default=0) for place in (1, 2))  # type: ignore[return-value]  # a pair


def _frame(name: str, svg: str, place: tuple[int, ...]) -> str:
    inside = html.escape(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
    style = "left: {}px; top: {}px; width: {}px; height: {}px".format(*place)
    return f'<iframe name="{html.escape(name)}" style="{style}" srcdoc="{inside}"></iframe>'


def _chromium(profile: Path, *arguments: str) -> str:
    done = subprocess.run([*CHROMIUM, f"--user-data-dir={profile}", *arguments], check=True, capture_output=True, timeout=60)
    return done.stdout.decode()


def _in_rsvg(svg: str) -> Image.Image:
    done = subprocess.run(["rsvg-convert"], input=svg.encode(), check=True, capture_output=True)
    return _opaque(Image.open(io.BytesIO(done.stdout)))


def _in_resvg(svg: str) -> Image.Image:
    return _opaque(Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))))


def _opaque(image: Image.Image) -> Image.Image:
    """The image on white."""
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1:])
