"""Counts of the language of src/: `python -m tests.language` prints a table. `test_language.py` keeps the bounds."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[1]
MANNERED = frozenset(("say", "says", "said", "tell", "tells", "told", "stand", "stands", "stood", "bear", "bears"))
CLAUSE = re.compile(r"(What|How|Where|Which|When|Whether)\b")
EXAMPLE = re.compile(r"(?m)^\s*(>>>|\.\.\.).*$")


@frozen
class Counts:
    """The counts of all modules under a folder."""

    words: int
    semicolons: int
    mannered: int
    first_lines: int
    clauses: int
    public_names: int
    public_words: int
    lines: int
    comment_lines: int
    core_ignores: int

    def table(self) -> Iterator[tuple[str, str, str]]:
        """Yield quality, found, and the level of well-read libraries."""
        yield 'docstrings: "say/tell/stand/bear" per 1,000 words', f"{self.per_1000(self.mannered):.1f}", "0–2.3"
        yield "docstrings: semicolons per 1,000 words", f"{self.per_1000(self.semicolons):.1f}", "0–1.7"
        yield "docstring first lines that are clauses", f"{100 * self.clauses / self.first_lines:.1f} %", "0–1 %"
        yield "comments and theory of operation, % of lines", f"{100 * self.comment_lines / self.lines:.1f}", "6–32"
        yield "type-ignores in the core", f"{self.core_ignores}", "at most 5"
        yield "documented public names", f"{self.public_names:,}", "–"
        yield "words per documented public name", f"{self.public_words / self.public_names:.1f}", "–"

    def per_1000(self, count: int) -> float:
        """Return a count per 1,000 words of docstrings."""
        return 1000 * count / self.words


CORE = ("lifecycle", "stream")
CORE_FILES = (
    *("printable", "checks", "errors", "times", "vocabulary", "settings", "segments", "model"),
    *("events", "canonical", "durations"),
)


def counts(source: Path = ROOT / "src/cobrowse_session") -> Counts:
    """Return the counts of a package."""
    files = sorted(source.rglob("*.py"))
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    docs = [one for text in texts.values() for one in _docstrings(ast.parse(text))]
    plain = [EXAMPLE.sub("", doc) for _, doc in docs]
    words = [re.findall(r"[A-Za-z']+", doc) for doc in plain]
    public = [len(some) for (name, _), some in zip(docs, words, strict=True) if name and not name.startswith("_")]
    return Counts(
        words=sum(map(len, words)),
        semicolons=sum(doc.count(";") for doc in plain),
        mannered=sum(word.lower() in MANNERED for some in words for word in some),
        first_lines=len(docs),
        clauses=sum(bool(CLAUSE.match(doc)) for _, doc in docs),
        public_names=len(public),
        public_words=sum(public),
        lines=sum(text.count("\n") for text in texts.values()),
        comment_lines=sum(len(set(_comment_lines(text))) for text in texts.values()),
        core_ignores=sum(text.count("type: ignore") for file, text in texts.items() if _is_core(file.relative_to(source))),
    )


def _docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstring of a module (without a name), its classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node)
            if doc:
                yield getattr(node, "name", ""), doc


def _comment_lines(text: str) -> Iterator[int]:
    """Yield the lines that have a comment, and those of the module docstring: the theory of operation is there."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not re.match(r"#\s*(type:|noqa|pragma|---)", token.string):
            yield token.start[0]
    first = ast.parse(text).body[:1]
    if first and isinstance(first[0], ast.Expr) and isinstance(first[0].value, ast.Constant):
        yield from range(first[0].lineno, (first[0].end_lineno or 0) + 1)


def _is_core(file: Path) -> bool:
    return file.parts[0] in CORE or (len(file.parts) == 1 and file.stem in CORE_FILES)


if __name__ == "__main__":
    for quality, found, level in counts(*map(Path, sys.argv[1:2])).table():
        print(f"{quality:<52}{found:>10}   {level}")  # noqa: T201 (it prints)
