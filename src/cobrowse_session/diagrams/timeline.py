"""One session in time, as SVG: how long each state and its after-call work lasted, and a numbered list of what happened.

Short times are drawn wider than they are, long ones shorter (⫽): a call of an hour and an alert of three seconds fit in one line.
Three or more equal events in a row have one mark and one line. Of a long list, the middle is left out and counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, pairwise
from statistics import median
from textwrap import wrap
from xml.sax.saxutils import escape

from attrs import evolve, frozen

from cobrowse_session.diagrams.graph import shortened
from cobrowse_session.diagrams.shapes import DIGIT, FONTS, Place, fitting, rect, text, themed
from cobrowse_session.events import Timer
from cobrowse_session.lifecycle import Applied, Refused
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog, TraceEntry, history_entries
from cobrowse_session.stream.words import clock_time, length
from cobrowse_session.vocabulary import AfterCallWorkState

WIDTH = 960
LEFT, TAIL, RIGHT = 140, 800, 930
"""Where time begins, where the last moment lies, and where lines end."""
LANE, MARK, LINE = 36, 22, 23
"""Heights: of a lane, of a mark, of a line of text."""
CONNECTION, WORK, AXIS, MARKS = 98, 150, 184, 208
"""How deep each lies."""
WIDEST = 74
"""Between two moments there is at least as much room, if there is."""
LONGEST = 130
"""Characters of a line."""
EQUAL = 3
"""So many equal events in a row become one entry."""
MAX_ENTRIES, LAST_ENTRIES = 40, 10
"""How many entries a drawing lists, and how many of them are the last ones."""

_RULES = """\
#ID text { font: 13px FONTS; fill: currentColor; text-anchor: middle; }
#ID .paper { fill: var(--paper); }
#ID .heading { font-size: 16px; font-weight: 600; text-anchor: start; }
#ID .about { font-size: 12.5px; fill: var(--soft); text-anchor: start; }
#ID .lane { fill: var(--soft); text-anchor: end; }
#ID .box rect { fill: var(--plain); stroke: var(--soft); stroke-width: 1.5; }
#ID .box text { font-weight: 600; }
#ID .pending rect { fill: var(--pending-fill); stroke: var(--pending); }
#ID .live rect { fill: var(--live-fill); stroke: var(--live); stroke-width: 2.5; }
#ID .final rect { fill: var(--final-fill); stroke: var(--final); }
#ID .none { fill: var(--soft); font-style: italic; text-anchor: start; }
#ID .axis, #ID .tick, #ID .run { stroke: var(--soft); }
#ID .tick { stroke-dasharray: 1 3; }
#ID .axis { fill: none; stroke-width: 1.5; }
#ID .run { stroke-width: 3; }
#ID .clock { fill: var(--paper); stroke: currentColor; stroke-width: 1.5; }
#ID .clock path { fill: none; }
#ID .mark circle, #ID .mark path, #ID .mark rect { fill: var(--ink); stroke: var(--ink); stroke-width: 1.5; }
#ID .mark text { font-size: 11px; font-weight: 700; fill: var(--paper); }
#ID .refused circle, #ID .refused path { fill: var(--refused); stroke: var(--refused); }
#ID .hollow circle { fill: var(--paper); stroke: var(--soft); }
#ID .hollow text { fill: var(--soft); }
#ID .told { text-anchor: start; font-size: 12.5px; white-space: pre; }
#ID .told.refused { fill: var(--refused); }
"""


def timeline(log: SessionLog, name: str = "timeline", *, known_at: datetime | None = None) -> str:
    """Draw one session in time.

    Args:
        log: the log of the session.
        name: the id of the drawing, and the beginning of all ids in it.
        known_at: the time, on the cloud clock, at which the log was as it is drawn. The drawing shows it. None: today's log.

    >>> from cobrowse_session import Lifecycle, SessionLog
    >>> from cobrowse_session.testing import stream
    >>> log = SessionLog(Lifecycle(), "s1")
    >>> for event in stream("s1").alerting().after(3).connected():
    ...     change = log.add(event)
    >>> print(timeline(log).splitlines()[1])
    <title id="timeline-title">Session s1 in time</title>
    """
    return "\n".join(_lines(log, name, known_at)) + "\n"


def _lines(log: SessionLog, name: str, known_at: datetime | None) -> Iterator[str]:
    entries, deadline = _entries(log), _deadline(log)
    shown, left_out = _listed(entries)
    states, work = _states(log), _work(log)
    moments = {entry.start for entry in shown} | {entry.end for entry in shown} | {span.start for span in (*states, *work)}
    places = _places(sorted(moments | ({deadline} if deadline else set())))
    rows = list(_rows([places[entry.start] for entry in shown]))
    below = MARKS + MARK * (max(rows, default=0) + 1) + 16
    height = below + LINE * (sum(len(entry.lines) for entry in shown) + bool(left_out)) + 34
    title = f"Session {shortened(log.session.id or '')} in time"
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" {size} role="img" aria-labelledby="{name}-title {name}-desc">'
    yield f'<title id="{name}-title">{escape(title)}</title>'
    yield f'<desc id="{name}-desc">{escape(" ".join(entry.tooltip for entry in entries))}</desc>'
    yield f"<style>\n{themed(name, _RULES.replace('FONTS', FONTS))}</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>'
    yield text(title, 20, 26, "heading")
    yield text(_about(log, known_at), 20, 50, "about")
    yield text("connection", LEFT - 20, CONNECTION, "lane")
    yield text("after-call work", LEFT - 20, WORK, "lane")
    for x in places.values():
        yield f'<path class="tick" d="M{x:g} {CONNECTION - LANE / 2 - 6:g}V{MARKS - 12}"/>'
    yield from _axis(places)
    yield from _boxes(states, places, CONNECTION)
    yield from _boxes(work, places, WORK)
    yield from _no_work(log, places)
    if deadline:
        yield from _clock(places[deadline])
    for entry, row in zip(shown, rows, strict=True):
        y = MARKS + MARK * row
        if entry.end > entry.start:
            yield f'<path class="run" d="M{places[entry.start]:g} {y}H{places[entry.end]:g}"/>'
        yield from _mark(entry, places[entry.start], y)
    yield from _list(shown, left_out, below)
    yield text(_legend(shown, places), LEFT - 85, height - 22, "about")
    yield "</svg>"


# --- The list -----------------------------------------------------------------------------------------------------------------


@frozen
class _Entry:
    """One step, or several equal ones in a row.

    Attributes:
        number: of the first step.
        steps: in their order.
        tooltip: what happened, in a line.
    """

    number: int
    steps: tuple[TraceEntry, ...]
    tooltip: str

    @property
    def start(self) -> datetime:
        """The time of the first."""
        return self.steps[0].event.occurred_at

    @property
    def end(self) -> datetime:
        """The time of the last."""
        return self.steps[-1].event.occurred_at

    @property
    def lines(self) -> list[str]:
        """The text, in lines that fit."""
        return wrap(self.tooltip, LONGEST)

    @property
    def kind(self) -> str:
        """Its result: `applied`, `refused`, `timer`, or `hollow` if nothing changed."""
        if isinstance(self.steps[0].event, Timer):
            return "timer"
        outcome = self.steps[0].outcome
        return "refused" if isinstance(outcome, Refused) else "applied" if isinstance(outcome, Applied) else "hollow"


def _entries(log: SessionLog) -> list[_Entry]:
    texts = [one.text for one in history_entries(log)]
    entries: list[_Entry] = []
    for _, run in groupby(enumerate(zip(log.trace, texts, strict=True), 1), lambda item: _alike(item[1][0])):
        numbered = list(run)
        if len(numbered) < EQUAL:
            entries += (_Entry(number, (step,), line) for number, (step, line) in numbered)
        else:
            number, (_, line) = numbered[0]
            steps = tuple(step for _, (step, _) in numbered)
            until = clock_time(steps[-1].event.occurred_at)
            entries.append(_Entry(number, steps, f"{line} ({len(steps):,} times, until {until})"))
    return entries


def _alike(step: TraceEntry) -> tuple[object, ...]:
    """Return what equal steps have in common. One that enters a state has a row of its own."""
    outcome = step.outcome
    return step.event.kind, type(outcome), outcome.row, outcome.reason, outcome.notes, outcome.acw


def _listed(entries: list[_Entry]) -> tuple[list[_Entry], int]:
    """The entries that are listed, and how many steps are left out."""
    if len(entries) <= MAX_ENTRIES:
        return entries, 0
    first = MAX_ENTRIES - LAST_ENTRIES
    return [*entries[:first], *entries[-LAST_ENTRIES:]], sum(len(entry.steps) for entry in entries[first:-LAST_ENTRIES])


def _list(shown: list[_Entry], left_out: int, y: float) -> Iterator[str]:
    for place, entry in enumerate(shown):
        if left_out and place == MAX_ENTRIES - LAST_ENTRIES:
            yield text(f"{left_out:,} more, not listed", LEFT - 85, y, "told left-out")
            y += LINE
        yield from _mark(entry, LEFT - 105, y)
        for part, line in enumerate(entry.lines):
            yield text(line, LEFT + (82 if part else -85), y, "told refused" if entry.kind == "refused" else "told")
            y += LINE


_SHAPES = {
    "applied": "Disc: applied.",
    "hollow": "Ring: nothing changed.",
    "refused": "Diamond: refused.",
    "timer": "Square: a deadline passed.",
}


def _legend(shown: list[_Entry], places: Mapping[datetime, float]) -> str:
    """Return the legend of the signs in the picture."""
    kinds = {entry.kind for entry in shown}
    breaks = ["Two strokes: time is drawn shorter there."] if any(drawn < gap for gap, drawn in _shown(places)) else []
    many = ["A number with a bar: several equal events."] if any(len(entry.steps) > 1 for entry in shown) else []
    return " ".join([*(meaning for kind, meaning in _SHAPES.items() if kind in kinds), *many, *breaks])


def _about(log: SessionLog, known_at: datetime | None) -> str:
    known = f", as known at {clock_time(known_at)}" if known_at else ""
    if not log.trace:
        return f"Nothing has happened{known}."
    first, last = (clock_time(log.trace[place].event.occurred_at) for place in (0, -1))
    return f"From {first} to {last}{known}. All times are UTC."


# --- Time ---------------------------------------------------------------------------------------------------------------------


def _shown(moments: Iterable[datetime]) -> list[tuple[float, float]]:
    """Return the seconds from each moment to the next, and how many of them are drawn: up to three times the usual."""
    gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return [(gap, min(gap, 3 * median(gaps))) for gap in gaps]


def _places(moments: list[datetime]) -> Mapping[datetime, float]:
    """Return the place of each moment. Between two there is some room, and more if it took longer."""
    # Example: moments at 0, 3, 60 and 3,660 s, between x = 140 and x = 800.
    #
    #     gap      drawn as                                 width in pixels
    #     3 s      3 s                                      79.7
    #     57 s     57 s                                     182.1
    #     3,600 s  171 s, three times the median, a break   398.2
    #
    # Each gap has 74 pixels, and the other 438 are shared by the 231 s that are drawn. Labels fit, and longer gaps are wider.
    lengths = [drawn for _, drawn in _shown(moments)]
    if not lengths:
        return dict.fromkeys(moments, float(LEFT))
    least = min(WIDEST, 0.6 * (TAIL - LEFT) / len(lengths))
    room = (TAIL - LEFT - least * len(lengths)) / sum(lengths)
    places, x = {moments[0]: float(LEFT)}, float(LEFT)
    for moment, drawn in zip(moments[1:], lengths, strict=True):
        x += least + room * drawn
        places[moment] = round(x, 1)
    return places


def _rows(marks: list[float]) -> Iterator[int]:
    """Yield the row of each mark: the first one that has room."""
    # Example: marks at 140, 150, 175, 180 and 198, each 22 wide, are in rows 0, 1, 0, 1 and 0.
    ends: list[float] = []
    for x in marks:
        row = next((row for row, end in enumerate(ends) if end <= x), len(ends))
        ends[row : row + 1] = [x + MARK]
        yield row


def _axis(places: Mapping[datetime, float]) -> Iterator[str]:
    """A line below the lanes, broken where time is drawn shorter than it was."""
    yield f'<path class="axis" d="M{LEFT} {AXIS}H{RIGHT}"/>'
    for (before, after), (gap, drawn) in zip(pairwise(places.values()), _shown(places), strict=True):
        if drawn < gap:
            x = (before + after) / 2
            yield f'<rect class="paper" x="{x - 4:g}" y="{AXIS - 4}" width="8" height="8"/>'
            yield f'<path class="axis" d="M{x - 7:g} {AXIS + 5}l6 -10M{x + 1:g} {AXIS + 5}l6 -10"/>'


def _deadline(log: SessionLog) -> datetime | None:
    """Return when after-call work would end by itself, if something else ended it or nothing has yet."""
    # Timers are asked as of the last state in which after-call work went on: an own state may have a deadline of its own.
    work = log.session.after_call_work
    went_on = [span.state for span in _work(log) if span.kind == "pending"]
    if work is None or not went_on:
        return None
    open_ = evolve(log.session, after_call_work=evolve(work, state=AfterCallWorkState.read(went_on[-1]), end_time=None))
    deadline = log.lifecycle.deadline(open_)
    return deadline if deadline and (work.end_time is None or work.end_time < deadline) else None


# --- Lanes --------------------------------------------------------------------------------------------------------------------


@frozen
class _Span:
    """A state, from its entry to its exit. None: it has not ended."""

    state: str
    kind: str
    start: datetime
    end: datetime | None


def _states(log: SessionLog) -> list[_Span]:
    entered = [
        (step.outcome.to_state, step.event.occurred_at)
        for step in log.trace
        if isinstance(step.outcome, Applied) and step.outcome.to_state != step.outcome.from_state
    ]
    states = log.lifecycle.table.states
    return _spans(entered, {**dict.fromkeys(states.pending, "pending"), **dict.fromkeys(states.ended, "final")}, "live")


def _work(log: SessionLog) -> list[_Span]:
    entered: list[tuple[str, datetime]] = []
    for step in log.trace:
        work = step.outcome.acw
        if work is not None and (not entered or entered[-1][0] != work):
            entered.append((work, step.event.occurred_at))
    return _spans(entered, dict.fromkeys(log.lifecycle.table.states.working, "pending"), "final")


def _spans(entered: list[tuple[str, datetime]], kinds: Mapping[str, str], otherwise: str) -> list[_Span]:
    ends = [moment for _, moment in entered[1:]] + [None]
    return [_Span(state, kinds.get(state, otherwise), start, end) for (state, start), end in zip(entered, ends, strict=False)]


def _boxes(spans: list[_Span], places: Mapping[datetime, float], y: float) -> Iterator[str]:
    for span in spans:
        left, right = places[span.start], places[span.end] if span.end else RIGHT
        place = Place((left + right) / 2, y, right - left, LANE)
        lasted = length(span.end - span.start) if span.end else "so far"
        yield f'<g class="box {span.kind}"><title>{escape(printable(f"{span.state}: {lasted}"))}</title>{rect(place, 6)}'
        labels = [f"{span.state} {lasted}" if span.end else span.state, span.state]
        if fits := [label for label in labels if 7.8 * len(label) + 6 <= place.width]:
            yield text(fits[0], place.x, y)
        yield "</g>"


def _no_work(log: SessionLog, places: Mapping[datetime, float]) -> Iterator[str]:
    """Yield the word `none` for a leg that ended without after-call work."""
    ended = [span for span in _states(log) if span.kind == "final"]
    if ended and log.session.after_call_work is None:
        yield text("none", places[ended[0].start] + 8, WORK, "none")


def _clock(x: float) -> Iterator[str]:
    yield f'<g class="clock"><circle cx="{x:g}" cy="{MARKS}" r="9"/><path d="M{x:g} {MARKS - 5}V{MARKS}H{x + 4:g}"/></g>'
    yield text("deadline", x + 15, MARKS, "none")


def _mark(entry: _Entry, x: float, y: float) -> Iterator[str]:
    """The number of an entry. The shape shows what became of it, and `_legend` explains it."""
    if entry.kind == "timer":
        shape = rect(Place(x, y, 17, 17), 3)
    elif entry.kind == "refused":
        shape = f'<path d="M{x - 11:g} {y:g}L{x:g} {y - 11:g}L{x + 11:g} {y:g}L{x:g} {y + 11:g}Z"/>'
    else:
        shape = f'<circle cx="{x:g}" cy="{y:g}" r="9"/>'
    number = str(entry.number)
    yield f'<g class="mark {entry.kind}">{shape}{text(number, x, y, size=fitting(number, 11, 18, DIGIT))}</g>'
