"""One session in time, as SVG: how long each state and its after-call work lasted, and what happened, numbered and told below.

Short times are drawn wider than they are, long ones shorter (⫽): a call of an hour and an alert of three seconds fit in one line.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from textwrap import wrap
from xml.sax.saxutils import escape

from attrs import frozen

from cobrowse_session.diagrams.strokes import FONTS, Place, rect, text, themed
from cobrowse_session.events import Timer
from cobrowse_session.lifecycle import Applied, Refused
from cobrowse_session.lifecycle.table import ENDED, PENDING
from cobrowse_session.model import AfterCallWorkState
from cobrowse_session.printable import printable
from cobrowse_session.stream import Folded, Step, tell

WIDTH = 960
LEFT, TAIL, RIGHT = 140, 800, 930
"""Where time begins, where the last moment lies, and where lines end."""
LANE, MARK, LINE = 36, 22, 23
"""Heights: of a lane, of a mark, of a line of text."""
CONNECTION, WORK, AXIS, MARKS = 42, 94, 128, 152
"""How deep each lies."""
WIDEST = 74
"""Between two moments there is at least as much room, if there is."""
LONGEST = 130
"""Characters of a line."""

_RULES = """\
#ID text { font: 13px FONTS; fill: currentColor; text-anchor: middle; }
#ID .paper { fill: var(--paper); }
#ID .lane { fill: var(--soft); text-anchor: end; }
#ID .box rect { fill: var(--plain); stroke: var(--soft); stroke-width: 1.5; }
#ID .box text { font-weight: 600; }
#ID .pending rect { fill: var(--pending-fill); stroke: var(--pending); }
#ID .live rect { fill: var(--live-fill); stroke: var(--live); stroke-width: 2.5; }
#ID .final rect { fill: var(--final-fill); stroke: var(--final); }
#ID .none { fill: var(--soft); font-style: italic; text-anchor: start; }
#ID .axis, #ID .tick { stroke: var(--soft); }
#ID .tick { stroke-dasharray: 1 3; }
#ID .axis { fill: none; stroke-width: 1.5; }
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


def timeline(folded: Folded, name: str = "timeline") -> str:
    """Draw one session in time.

    Args:
        folded: what the session's events amount to; a log has it as `log.folded`.
        name: the id of the drawing, and the beginning of all ids in it.

    >>> from cobrowse_session import Lifecycle, SessionLog
    >>> from cobrowse_session.testing import stream
    >>> log = SessionLog(Lifecycle(), "s1")
    >>> for event in stream("s1").alerting().after(3).connected():
    ...     change = log.add(event)
    >>> print(timeline(log.folded).splitlines()[1])
    <title id="timeline-title">Session s1 in time</title>
    """
    return "\n".join(_lines(folded, name)) + "\n"


def _lines(folded: Folded, name: str) -> Iterator[str]:
    steps, deadline = folded.steps, _deadline(folded)
    places = _places(sorted({step.event.occurred_at for step in steps} | ({deadline} if deadline else set())))
    marks = list(_rows([places[step.event.occurred_at] for step in steps]))
    header, *told = map(printable, tell(folded))
    below = MARKS + MARK * (max(marks, default=0) + 1) + 16
    lines = [wrap(line, LONGEST) for line in told]
    height = below + LINE * sum(map(len, lines)) + 10
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" {size} role="img" aria-labelledby="{name}-title {name}-desc">'
    yield f'<title id="{name}-title">{escape(printable(header.removesuffix(".")))} in time</title>'
    yield f'<desc id="{name}-desc">{escape(printable(" ".join(told)))}</desc>'
    yield f"<style>\n{themed(name, _RULES.replace('FONTS', FONTS))}</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>'
    yield text("connection", LEFT - 20, CONNECTION, "lane")
    yield text("after-call work", LEFT - 20, WORK, "lane")
    for x in places.values():
        yield f'<path class="tick" d="M{x:g} {CONNECTION - LANE / 2 - 6:g}V{MARKS - 12}"/>'
    yield from _axis(places)
    yield from _boxes(_states(steps), places, CONNECTION)
    yield from _boxes(_work(steps), places, WORK)
    yield from _no_work(folded, places)
    if deadline:
        yield from _clock(places[deadline])
    for number, (step, row) in enumerate(zip(steps, marks, strict=True), 1):
        yield from _mark(step, number, places[step.event.occurred_at], MARKS + MARK * row)
    y = below
    for number, (step, some) in enumerate(zip(steps, lines, strict=True), 1):
        yield from _mark(step, number, LEFT - 105, y)
        for part, line in enumerate(some):
            yield text(line, LEFT + (82 if part else -85), y, "told refused" if isinstance(step.outcome, Refused) else "told")
            y += LINE
    yield "</svg>"


# --- Time ---------------------------------------------------------------------------------------------------------------------


def _shown(moments: Iterable[datetime]) -> list[tuple[float, float]]:
    """How many seconds it took from each moment to the next; and how many are drawn: up to three times the usual."""
    gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return [(gap, min(gap, 3 * median(gaps))) for gap in gaps]


def _places(moments: list[datetime]) -> Mapping[datetime, float]:
    """Where each moment lies. Between two there is some room, and more the longer it took."""
    lengths = [length for _, length in _shown(moments)]
    if not lengths:
        return dict.fromkeys(moments, float(LEFT))
    least = min(WIDEST, 0.6 * (TAIL - LEFT) / len(lengths))
    room = (TAIL - LEFT - least * len(lengths)) / sum(lengths)
    places, x = {moments[0]: float(LEFT)}, float(LEFT)
    for moment, length in zip(moments[1:], lengths, strict=True):
        x += least + room * length
        places[moment] = round(x, 1)
    return places


def _rows(marks: list[float]) -> Iterator[int]:
    """In which row each mark stands: the first that has room there."""
    ends: list[float] = []
    for x in marks:
        row = next((row for row, end in enumerate(ends) if end <= x), len(ends))
        ends[row : row + 1] = [x + MARK]
        yield row


def _axis(places: Mapping[datetime, float]) -> Iterator[str]:
    """A line below the lanes, broken where time is drawn shorter than it was."""
    yield f'<path class="axis" d="M{LEFT} {AXIS}H{RIGHT}"/>'
    for (before, after), (gap, length) in zip(pairwise(places.values()), _shown(places), strict=True):
        if length < gap:
            x = (before + after) / 2
            yield f'<rect class="paper" x="{x - 4:g}" y="{AXIS - 4}" width="8" height="8"/>'
            yield f'<path class="axis" d="M{x - 7:g} {AXIS + 5}l6 -10M{x + 1:g} {AXIS + 5}l6 -10"/>'


def _deadline(folded: Folded) -> datetime | None:
    """When after-call work would end by itself, where something else ended it or nothing has yet."""
    work, lasts = folded.session.after_call_work, folded.lifecycle.rules(folded.session).acw_lasts
    if work is None or work.start_time is None or lasts is None or work.start_time == work.end_time:
        return None
    deadline = work.start_time + lasts
    return deadline if work.end_time is None or work.end_time < deadline else None


def _lasted(length: timedelta) -> str:
    """How long, for a person."""
    seconds = length / timedelta(seconds=1)
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} h" if hours else f"{minutes}:{seconds:02} min"


# --- Lanes --------------------------------------------------------------------------------------------------------------------


@frozen
class _Span:
    """A state, from when it was entered to when it was left; None: it still is."""

    state: str
    kind: str
    start: datetime
    end: datetime | None


def _states(steps: tuple[Step, ...]) -> list[_Span]:
    entered = [
        (step.outcome.to_state, step.event.occurred_at)
        for step in steps
        if isinstance(step.outcome, Applied) and step.outcome.to_state != step.outcome.from_state
    ]
    return _spans(entered, {**dict.fromkeys(PENDING, "pending"), **dict.fromkeys(ENDED, "final")}, "live")


def _work(steps: tuple[Step, ...]) -> list[_Span]:
    entered: list[tuple[str, datetime]] = []
    for step in steps:
        work = step.outcome.acw
        if work is not None and (not entered or entered[-1][0] != work):
            entered.append((work, step.event.occurred_at))
    return _spans(entered, {AfterCallWorkState.PENDING: "pending"}, "final")


def _spans(entered: list[tuple[str, datetime]], kinds: Mapping[str, str], otherwise: str) -> list[_Span]:
    ends = [moment for _, moment in entered[1:]] + [None]
    return [_Span(state, kinds.get(state, otherwise), start, end) for (state, start), end in zip(entered, ends, strict=False)]


def _boxes(spans: list[_Span], places: Mapping[datetime, float], y: float) -> Iterator[str]:
    for span in spans:
        left, right = places[span.start], places[span.end] if span.end else RIGHT
        place = Place((left + right) / 2, y, right - left, LANE)
        lasted = _lasted(span.end - span.start) if span.end else "so far"
        yield f'<g class="box {span.kind}"><title>{escape(printable(f"{span.state}: {lasted}"))}</title>{rect(place, 6)}'
        labels = [f"{span.state} {lasted}" if span.end else span.state, span.state]
        if fitting := [label for label in labels if len(label) * 7.4 <= place.width]:
            yield text(fitting[0], place.x, y)
        yield "</g>"


def _no_work(folded: Folded, places: Mapping[datetime, float]) -> Iterator[str]:
    """A leg that ended without after-call work says so."""
    ended = [span for span in _states(folded.steps) if span.kind == "final"]
    if ended and folded.session.after_call_work is None:
        yield text("none", places[ended[0].start] + 8, WORK, "none")


def _clock(x: float) -> Iterator[str]:
    yield f'<g class="clock"><circle cx="{x:g}" cy="{MARKS}" r="9"/><path d="M{x:g} {MARKS - 5}V{MARKS}H{x + 4:g}"/></g>'
    yield text("deadline", x + 15, MARKS, "none")


def _mark(step: Step, number: int, x: float, y: float) -> Iterator[str]:
    """Its shape says what became of it: a disc is applied, a diamond refused, a ring changed nothing, a square is a timer."""
    if isinstance(step.event, Timer):
        kind, shape = "timer", rect(Place(x, y, 17, 17), 3)
    elif isinstance(step.outcome, Refused):
        kind, shape = "refused", f'<path d="M{x - 11:g} {y:g}L{x:g} {y - 11:g}L{x + 11:g} {y:g}L{x:g} {y + 11:g}Z"/>'
    else:
        kind = "applied" if isinstance(step.outcome, Applied) else "hollow"
        shape = f'<circle cx="{x:g}" cy="{y:g}" r="9"/>'
    yield f'<g class="mark {kind}">{shape}{text(str(number), x, y)}</g>'
