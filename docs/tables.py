"""The tables of the reference, printed from the code. `make tables` writes them into the pages. `make check` compares.

A comment in a page is the place of a table: `[[[cog tables.events() ]]]`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import typer
from sphinx.pycode import ModuleAnalyzer
from tests import proof
from typer.cli import get_docs_for_click

from cobrowse_session import (
    Address,
    AfterCallWork,
    CobrowseError,
    CobrowseSession,
    Segment,
    Segments,
    UnknownEvent,
    UnknownPrompt,
    Wrapup,
)
from cobrowse_session.cli import app
from cobrowse_session.events import DETAIL_NAMES, KINDS, SETTING_NAMES, Event, Timer, own_names
from cobrowse_session.lifecycle import actions as action_functions
from cobrowse_session.lifecycle import guards as guard_functions
from cobrowse_session.lifecycle.actions import COMMON
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import Row, RowOutcome, clock_of, is_marked, written_by
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.model import Details, vendor_name
from cobrowse_session.service import Service
from cobrowse_session.service.metrics import Metrics
from cobrowse_session.service.routes import DESCRIBED
from cobrowse_session.settings import Settings
from cobrowse_session.sources.genesys.fields import markdown
from cobrowse_session.sources.reconcile import FIELDS, SEGMENT_FIELDS, Tolerance, segment_clock
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.vocabulary import Vocabulary, _spellings

ROWS = (*CONNECTION, *AFTER_CALL_WORK)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    head = tuple(head)
    print(*(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)), sep="\n")


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "–"


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").splitlines()[0]


# --- Events -------------------------------------------------------------------------------------------------------------------


def events() -> None:
    """Print every kind of event, in the order of its rank."""
    known = [event for event in KINDS.values() if event is not UnknownEvent]
    _table(
        ("rank", "type, after `cobrowse.session.`", "class", "meaning", "its own `data`"),
        (
            [str(event.rank), f"`{event.kind}`", _class(event), _first_line(event), _keys(event, own_names(event))]
            for event in known
        ),
    )


def details() -> None:
    """Print the details of the leg that any event may have."""
    _table(("key of `data`", "is"), ([f"`{key}`", _type(Details, name)] for key, name in DETAIL_NAMES.items()))


def settings() -> None:
    """Print the settings of the queue that any event may have."""
    _table(("key of `data`", "is"), ([f"`{key}`", _type(Settings, name)] for key, name in SETTING_NAMES.items()))


def timers() -> None:
    """Print the timers of a trace."""
    _table(("type", "class", "meaning"), ([f"`{t.kind}`", _class(t), _first_line(t)] for t in Table.standard().timers.values()))


def _class(one: type) -> str:
    return f"{{py:class}}`~cobrowse_session.{'events.' if issubclass(one, Timer) else ''}{one.__name__}`"


def _keys(cls: type[Event], names: Mapping[str, str]) -> str:
    keys = []
    for key, name in names.items():
        required = getattr(attrs.fields(cls), name).default is attrs.NOTHING
        keys.append(f"`{key}`{' (required)' if required else ''}: {_type(cls, name)}")
    return "<br>".join(keys) or "–"


def _type(cls: type, name: str) -> str:
    """Return the name of the JSON type of an attribute."""
    annotation = getattr(attrs.fields(cls), name).type
    types = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    for one in types:
        if isinstance(one, type) and issubclass(one, Vocabulary):
            return f"[word](words.md#{one.__name__.lower()})"
    if Segments in types:
        return "list of objects"
    (one,) = (one for one in types if one not in (type(None), UnknownPrompt))
    known = {str: "text", bool: "true or false", datetime: "time", timedelta: "whole ms, 1 to 86,400,000", int: "whole number"}
    parts = dict.fromkeys((Address, Wrapup, AfterCallWork), "object")
    return (known | parts).get(one) or {str: "list of texts"}[get_args(one)[0]]


# --- Words --------------------------------------------------------------------------------------------------------------------


def words(vocabulary: type[Vocabulary]) -> None:
    """Print the words of one enum, and their other spellings."""
    comments = ModuleAnalyzer.for_module(vocabulary.__module__).find_attr_docs()
    _table(
        ("word", "meaning", "other spellings, in any case"),
        (
            [f"`{member.value}`", comments[vocabulary.__name__, member.name][0], _code(_others(vocabulary, member))]
            for member in vocabulary
        ),
    )


def _others(vocabulary: type[Vocabulary], member: Vocabulary) -> list[str]:
    return [text for text, one in _spellings(vocabulary).items() if one is member and text != member.value.lower()]


# --- The session --------------------------------------------------------------------------------------------------------------


def properties() -> None:
    """Print the properties of the session JSON, with their writers and clocks."""
    actions = dict.fromkeys((*COMMON, *(action for row in ROWS for action in row.actions)))
    rows = []
    for name in (a.name for a in attrs.fields(CobrowseSession) if a.name not in ("extra", "settings")):
        writers = [action for action in actions if name in written_by(action)]
        clock = next((clock for action in writers if (clock := clock_of(action))), "–").removeprefix("the ")
        texts = [" ".join((action.__doc__ or "").split()) for action in writers]
        if name in DETAIL_NAMES.values():
            texts.insert(0, _ELSEWHERE.get(name, "The detail of the last applied event that has one."))
        rows.append([f"`{vendor_name(name)}`", _type(CobrowseSession, name), clock, " ".join(texts) or _ELSEWHERE[name]])
    _table(("property", "is", "clock", "content"), rows)


def parts() -> None:
    """Print the keys of the session's objects."""
    _table(
        ("inside", "key", "is"),
        (
            [f"`{vendor_name(name)}`", f"`{vendor_name(a.name)}`", _type(part, a.name)]
            for name, part in (("self", Address), ("segments", Segment), ("wrapup", Wrapup), ("after_call_work", AfterCallWork))
            for a in attrs.fields(part)
            if a.name != "extra"
        ),
    )


_ELSEWHERE = {
    "initial_state": "Set once, from the first event that has one. Otherwise:",
    "state": "The state that the last row entered. It is always present.",
    "id": "The `subject` of its events.",
}


# --- Refusals and errors ------------------------------------------------------------------------------------------------------


def rules(kind: str) -> None:
    """Print the rules that refuse or ignore events, with their reasons and events."""
    found: dict[str, list[Row]] = {}
    for row in ROWS:
        if isinstance(row.result, RowOutcome) and row.result.kind == kind and row.result.rule:
            found.setdefault(row.result.rule, []).append(row)
    _table(
        ("rule", "events", "reason", "specification"),
        (
            [
                f"`{rule}`",
                _code(dict.fromkeys(e for row in rows for e in row.on)),
                " ".join(dict.fromkeys(r.reason for r in rows)),
                " ".join(f"[{one}](../lifecycle.md#{one.lower()})" for one in dict.fromkeys(c for r in rows for c in r.cites)),
            ]
            for rule, rows in found.items()
        ),
    )


def errors() -> None:
    """Print the errors of this package."""
    _table(
        ("error", "fault", "meaning"),
        (
            [f"{{py:class}}`~cobrowse_session.{error.__name__}`", f"the {error.fault}'s", _first_line(error)]
            for error in _below(CobrowseError)
        ),
    )


def _below(error: type[CobrowseError]) -> Iterator[type[CobrowseError]]:
    for one in error.__subclasses__():
        yield one
        yield from _below(one)


# --- Payloads -----------------------------------------------------------------------------------------------------------------


def payload_fields() -> None:
    """Print every field of the platform's models, with what reads it, or the reason why nothing does."""
    print(*markdown(), sep="\n")


def compared_fields() -> None:
    """Print every field that is compared with the platform's record."""
    fields = [(field.name, field.clock, field.tolerance) for field in FIELDS]
    segments = [(f"segments[n].{name}", segment_clock(name), None) for name in SEGMENT_FIELDS]
    _table(
        ("field", "clock", "tolerance, and its reason"),
        ([f"`{name}`", _clock(clock), _tolerance(tolerance)] for name, clock, tolerance in (*fields, *segments)),
    )


def _clock(clock: str | None) -> str:
    return (clock or "–").removeprefix("the ")


def _tolerance(tolerance: Tolerance | None) -> str:
    if tolerance is None:
        return "0"
    sides = " or ".join(
        side for side, allowed in (("earlier", tolerance.theirs_earlier), ("later", tolerance.theirs_later)) if allowed
    )
    moved_to = f"`{vendor_name(tolerance.moved_to)}`"
    return f"theirs less than 1 s {sides}, if ours is {moved_to}: {tolerance.reason}"


# --- Guards and actions -------------------------------------------------------------------------------------------------------


def guards() -> None:
    """Print the guards of the standard rows, for rows of an own table."""
    rows = ((f"`{name}`", _wanted_event(guard), _first_line(guard)) for name, guard in _marked(guard_functions))
    _table(("guard", "class of the event", "holds if"), rows)


def actions() -> None:
    """Print the actions of the standard rows, likewise. What is done for every applied event is left out."""
    some = ((name, action) for name, action in _marked(action_functions) if action not in COMMON)
    rows = ((f"`{name}`", _wanted_event(one), _code(map(vendor_name, written_by(one))), _first_line(one)) for name, one in some)
    _table(("action", "class of the event", "writes", "does"), rows)


def _marked(module: ModuleType) -> list[tuple[str, Any]]:
    return [(name, one) for name, one in vars(module).items() if not name.startswith("_") and is_marked(one)]


def _wanted_event(function: Any) -> str:
    """Return the classes of events that a function takes. One that does not read the event takes all."""
    event = [*signature(function).parameters.values()][1]
    wanted = get_args(event.annotation) or (event.annotation,)
    return "any" if event.name.startswith("_") or Event in wanted else " or ".join(f"`{one.__name__}`" for one in wanted)


# --- The benchmark ------------------------------------------------------------------------------------------------------------


def results(title: str) -> None:
    """Print the table of one section of bench/RESULTS.md, which `make bench` writes."""
    print(*_results(title), sep="\n")


def ratios(*beginnings: str) -> None:
    """Print the measured ratios that begin so, in the order of the file."""
    _table(("ratio", "measured"), (line for line in _ratios() if line[0].startswith(beginnings)))


def told(text: str, *cells: tuple[str, str, int]) -> None:
    """Print a text with cells of bench/RESULTS.md in its braces.

    Args:
        text: as `str.format` takes it.
        cells: the title of a section, the beginning of a row, and the number of the column.
    """
    print(text.format(*(_cell(*cell) for cell in cells)))


def _cell(title: str, row: str, column: int) -> str:
    return next(line.strip("| ").split(" | ")[column] for line in _results(title) if line.startswith(f"| {row}"))


def _ratios() -> Iterator[tuple[str, str]]:
    for line in _results("Reach")[2:]:
        name, measured, _ = (cell.strip() for cell in line.strip("|").split("|"))
        yield name, measured


def _results(title: str) -> list[str]:
    _, found, rest = _RESULTS.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    if not found:
        raise ValueError(f"{_RESULTS.name}: expected a section {title!r}, found none. Write it anew: make bench")
    section, _, _ = rest.partition("\n## ")
    return [line for line in section.splitlines() if line.startswith("|")]


# --- Proofs --------------------------------------------------------------------------------------------------------------------

_PROOFS = {
    "exhaustive": (
        "exhaustive search",
        "what must hold, holds in every state that can be reached, after every event",
        "{searches} searches, {places} places, {steps} steps, {variables} variables; in {cells} cells, {rows} rows decide",
    ),
    "mutants": (
        "mutants of the table",
        "a small error in a row is found",
        "{mutants} mutants: {refused} refused, {killed} killed, {renamed} renamed, {equivalent} equivalent",
    ),
    "code": (
        "mutants of the code",
        "a small error in a function of `lifecycle/`, `stream/` or `sources/` is found",
        "{mutants} mutants in {files} files: {killed} killed, {timeout} timed out, {wording} wordings, {equivalent} equivalent",
    ),
    "xstate": (
        "XState",
        "the exported machine does the same: states, order of rows, actions",
        "{streams} streams, {steps} steps",
    ),
    "scxml": ("python-statemachine", "the exported SCXML does the same", "{streams} streams, {steps} steps"),
    "reading": (
        "second reading",
        "a program written from the specification alone has the same sessions and traces",
        "{seeds} seeds, each with a lifelike and a hostile stream",
    ),
    "conformance": (
        "conformance kit",
        "a wrong implementation, in any language, fails a case",
        "{errors} errors in the table and {mistakes} mistakes of people are found by {cases} cases",
    ),
    "properties": (
        "properties",
        "rules hold for random events, streams, settings, payloads and tables",
        "{passed} tests with random examples",
    ),
    "worlds": (
        "simulated worlds",
        "an inbox is right, although its provider, network and host fail",
        "{worlds} worlds, {events} events",
    ),
    "crashes": (
        "crashes",
        "what was answered is stored once, although processes are killed and disks break",
        "{passed} tests",
    ),
    "service": (
        "schemathesis",
        "every answer of the service is one that its OpenAPI document describes",
        "{answers} of the answers were 2xx",
    ),
    "fuzz": (
        "fuzzer",
        "whatever bytes come, decoders and sources raise documented errors only, and what they accept is read again",
        "{targets} targets, {runs} runs, {edges} edges of the code",
    ),
}


def proofs() -> None:
    """Print what each proof shows, with the figures that its command printed (tests/proof.py)."""
    known, rows = proof.read(), []
    for name, (title, shows, text) in _PROOFS.items():
        one = known.get(name)
        figures = text.format(**{figure: f"{number:,}" for figure, number in one["figures"].items()}) if one else "not run yet"
        when = f"{one['day']}, `{one['commit']}`" if one else "–"
        rows.append((title, shows, f"`make prove ONLY={name}`", figures, when))
    _table(("proof", "shows that", "command", "figures", "day and commit"), rows)


def machine() -> None:
    """Print on which machine the benchmark ran, and with which versions."""
    print(_RESULTS.read_text(encoding="utf-8").splitlines()[2])


_RESULTS = Path(__file__).parents[1] / "bench" / "RESULTS.md"


# --- The command line ---------------------------------------------------------------------------------------------------------


def command_line() -> None:
    """Print every command with its arguments and options."""
    group = typer.main.get_group(app)
    context = typer.Context(group, info_name="cobrowse-session")
    _table(
        ("command", "does"),
        ([f"[`{name}`](#cobrowse-session-{name})", _lead(command.help)] for name, command in group.commands.items()),
    )
    print()
    for name, command in group.commands.items():
        printed = get_docs_for_click(obj=command, ctx=context, indent=1, name=name, call_prefix="cobrowse-session")
        printed = re.sub("^Try: (.*)$", r"Try: `\1`", printed, flags=re.MULTILINE)
        print(printed.replace("```console\n$ ", "```text\n").strip(), end="\n\n")


def _lead(text: str | None) -> str:
    """Return the first paragraph as one line."""
    return " ".join((text or "").split("\n\n")[0].split())


# --- The test kit ---------------------------------------------------------------------------------------------------------------


def failures() -> None:
    """Print what pytest shows for the failing tests of the example, without what differs from run to run."""
    with _handler() as folder:
        shown = _pytest(folder, "--tb=short", "--cobrowse-stories=stories", "failing_billing.py")
        (story,) = Path(folder, "stories").glob("*same_wrapup*")
        print("```text", shown.replace(f"{folder}/", ""), "```", sep="\n")
        print("\nThe story of the last one:\n")
        print("```text", story.read_text(encoding="utf-8").strip(), "```", sep="\n")


def rows_never_taken() -> None:
    """Print the coverage that pytest shows for the tests of the example."""
    with _handler() as folder:
        _, head, report = _pytest(folder, "--cobrowse-coverage").partition("Table standard")
        print("```text", *(head + report).splitlines()[:-1], "```", sep="\n")


@contextmanager
def _handler() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(shutil.copytree(_HANDLER, Path(folder).resolve() / "project"))


def _pytest(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *options]
    without_ci = {
        name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")
    }  # pytest shows more there
    env = {**without_ci, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603 (the example is ours)
    return re.sub(r" in [0-9.]+s", " in 0.1s", done.stdout).strip()


_HANDLER = Path(__file__).parents[1] / "examples" / "test_your_handler"


# --- The service --------------------------------------------------------------------------------------------------------------


def routes() -> None:
    """Print the routes of the service, what they do, the scope that they need, and their answers."""
    rows = []
    for path, methods in _openapi()["paths"].items():
        for method, route in methods.items():
            scope = _code(one for security in route.get("security", ()) for scopes in security.values() for one in scopes)
            asked = _code(one["name"] for one in route.get("parameters", ()) if one["in"] == "query")
            rows.append((f"`{method.upper()} {path}`", route["summary"], scope, asked, ", ".join(route["responses"])))
    _table(("route", "does", "scope", "query", "answers"), rows)


def statuses() -> None:
    """Print the statuses of errors."""
    _table(("status", "means"), ((f"`{status}`", text) for status, text in DESCRIBED.items()))


def metrics() -> None:
    """Print the metrics of the service."""
    with Store("sqlite://") as store:
        found = [*Metrics(store).registry.collect()]
    _table(
        ("metric", "type", "labels", "counts"),
        (
            (
                f"`{one.name}{'_total' if one.type == 'counter' else ''}`",
                one.type,
                _code(LABELS.get(one.name, ())),
                one.documentation,
            )
            for one in found
        ),
    )


LABELS = {
    "cobrowse_session_events": ("outcome",),
    "cobrowse_session_requests": ("method", "route", "status"),
    "cobrowse_session_request_seconds": ("method", "route"),
}


def _openapi() -> dict[str, Any]:  # JSON
    with Store("sqlite://") as store:
        return Service(DurableInbox(store)).app.openapi()
