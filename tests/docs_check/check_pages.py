"""Emphasis at every page of the documentation in Chromium: `python check_pages.py build/docs`.

Each page is measured on a phone, on a small screen and on a larger one: no text is cut off, pictures and code can be read, only
tables and pictures scroll sideways. axe looks for what people with a screen reader or with weak eyes cannot use. The search of
the pages must find what a user types. Four faults are planted. Each must be found.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-not-found]  # installed by `make docs-check` only
from playwright.sync_api import Browser, Page, sync_playwright  # type: ignore[import-not-found]  # the same

WIDTHS = (400, 1024, 1280)
COLOURFUL = ("how-to/diagrams.html", "tutorial.html")
"""Pages with code, tables, links and pictures. Colours are the same on all pages, and axe takes long to compare them."""
COLOURS = {"runOnly": ["color-contrast"]}
NOT_OURS = {
    "color-contrast": {"enabled": False},  # on some pages only
    "definition-list": {"enabled": False},  # Sphinx writes long signatures so
    "empty-table-header": {"enabled": False},  # the corner of the tables that the rows print
    "scrollable-region-focusable": {"enabled": False},  # Chromium and Firefox focus what scrolls, without being asked
}
FIRST = 3
"""Among how many results of a search the right page must be."""
SEARCHES = {
    "FastAPI": "how-to/serve",
    "Flask": "how-to/serve",
    "webhook": "how-to/serve",
    "workers": "how-to/workers",
    "Kafka": "how-to/workers",
    "queue": "how-to/queue",
    "performance": "explanation/performance",
    "clock skew": "explanation/clocks",
    "duplicate": "explanation/order",
    "idempotency": "explanation/order",
    "out of order": "explanation/order",
    "glossary": "reference/glossary",
    "timer": "how-to/embed",
    "deadline": "how-to/embed",
    "database": "how-to/store",
    "outbox": "how-to/store",
    "shadow": "how-to/shadow",
    "pytest": "how-to/test",
    "hold": "how-to/table",
}
"""What a user types, and the page that answers."""

MEASURE = """
() => {
  const name = (element) => `${element.localName} "${element.textContent.trim().slice(0, 40)}"`;
  const faults = [];
  const article = document.querySelector("article");
  const edge = article.getBoundingClientRect().right + 1;
  const scrolls = ".cobrowse-picture, .table-wrapper"; // these may, in a box with a visible edge
  const range = document.createRange();
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (element.closest(`svg, pre, .headerlink, ${scrolls}`)) continue;
    range.selectNode(texts.currentNode);
    if ([...range.getClientRects()].some((line) => line.right > edge)) faults.push(`${name(element)}: sticks out of the page`);
  }
  for (const element of article.querySelectorAll(`:not(svg, svg *, ${scrolls})`)) {
    const hidden = element.scrollWidth - element.clientWidth;
    if (hidden <= 1 || getComputedStyle(element).overflowX === "visible") continue;
    faults.push(`${name(element)}: ${hidden} pixels are hidden`);
  }
  for (const picture of article.querySelectorAll("svg[viewBox]")) {
    const scale = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
    for (const text of picture.querySelectorAll("text")) {
      const drawn = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (drawn < 8.95) faults.push(`${name(text)}: ${drawn.toFixed(1)} pixels high`);
    }
  }
  return faults;
}
"""
PLANT = """
() => document.querySelector("article").insertAdjacentHTML("beforeend", `
  <p style="white-space: nowrap">planted: wide ${"text ".repeat(100)}</p>
  <div class="highlight"><pre style="white-space: pre; overflow: auto">planted: ${"code ".repeat(100)}</pre></div>
  <svg viewBox="0 0 3000 40" width="100%"><text y="20" font-size="11">planted: small</text></svg>
  <p style="color: #ccc; background: #fff">planted: pale</p>`)
"""


def main(folder: str) -> None:
    """Fail if a page has a fault, a search misses its page, or a planted fault is not found."""
    root = Path(folder)
    pages = sorted(str(page.relative_to(root)) for page in root.rglob("*.html"))
    with served(root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        faults = [*measured(browser, address, pages), *inaccessible(browser, address, pages), *missed(browser, address)]
        check_planted(browser, address)
    assert not faults, "\n".join(faults)
    print(f"docs     {len(pages)} pages at {len(WIDTHS)} widths, {len(SEARCHES)} searches")  # noqa: T201 (a script)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and does not log."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder on this computer, as search needs it, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def measured(browser: Browser, address: str, pages: list[str]) -> Iterator[str]:
    """The faults of layout."""
    for width in WIDTHS:
        tab = browser.new_page(viewport={"width": width, "height": 900})
        for page in pages:
            tab.goto(address + page)
            yield from (f"{page}, {width} pixels: {fault}" for fault in tab.evaluate(MEASURE))
        tab.close()


def inaccessible(browser: Browser, address: str, pages: list[str]) -> Iterator[str]:
    """The faults that axe finds: colours, in both themes, where a page has all of them, and the rest on every page."""
    for theme, options, some in (
        ("light", {"rules": NOT_OURS}, pages),
        ("light", COLOURS, COLOURFUL),
        ("dark", COLOURS, COLOURFUL),
    ):
        tab = browser.new_page(color_scheme=theme)
        for page in some:
            tab.goto(address + page)
            yield from (f"{page}, {theme}: {fault}" for fault in axe(tab, options))
        tab.close()


def axe(tab: Page, options: dict[str, Any]) -> Iterator[str]:
    """What axe finds in the article of a page."""
    found = Axe().run(tab, context="article", options={"resultTypes": ["violations"], **options}).response
    for violation in found["violations"]:
        for node in violation["nodes"]:
            yield f"{violation['id']}: {violation['help']}: {node['html'][:100]}"


def missed(browser: Browser, address: str) -> Iterator[str]:
    """The searches that do not find their page."""
    tab = browser.new_page()
    for words, page in SEARCHES.items():
        tab.goto(f"{address}search.html?{urlencode({'q': words})}")
        tab.wait_for_selector("#search-results p.search-summary:text-matches('found|did not match')")
        links = tab.eval_on_selector_all("#search-results li > a:first-of-type", "all => all.map(one => one.pathname)")
        found = list(dict.fromkeys(link.removeprefix("/").removesuffix(".html") for link in links))
        if page not in found[:FIRST]:
            yield f"search {words!r}: expected {page}, found {found[:FIRST]}"


def check_planted(browser: Browser, address: str) -> None:
    """Fail if a planted fault is not found."""
    tab = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
    tab.goto(f"{address}index.html")
    tab.evaluate(PLANT)
    found = "\n".join([*tab.evaluate(MEASURE), *axe(tab, {})])
    for fault in ("wide", "code", "small", "pale"):
        assert f"planted: {fault}" in found, f"the check did not find the planted fault: {fault}"
    print("planted  4 faults were found")  # noqa: T201 (a script)


if __name__ == "__main__":
    main(sys.argv[1])
