"""Why a field of a session holds its value: the event and the row that set it, or why it is unset."""

import re
from collections.abc import Iterator
from copy import copy
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.events import SETTING_NAMES, Event
from cobrowse_session.lifecycle import Applied, Ignored, Lifecycle, Refused
from cobrowse_session.lifecycle.actions import (
    COMMON,
    apply_details,
    apply_settings,
    clear_controlling,
    drop_draft,
    finish_wrapup,
    finish_wrapup_at_end,
    reopen_wrapup,
    withdraw_timeout_code,
)
from cobrowse_session.lifecycle.guards import OPPOSITES
from cobrowse_session.lifecycle.row import Action, Row, clock_of, meaning_of, written_by
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Details, Wrapup, vendor_name
from cobrowse_session.printable import printable
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.stream.changes import PARTS, Step, attributes_of, steps
from cobrowse_session.stream.fold import TraceEntry
from cobrowse_session.stream.log import SessionLog
from cobrowse_session.stream.revisions import revisions
from cobrowse_session.stream.words import clock_time, condition, named, set_by, value_text

_INDEX = re.compile("[0-9]{1,9}")
_PARTS = {"self": PARTS[Address], "segments": PARTS[Segment], "wrapup": PARTS[Wrapup], "after_call_work": PARTS[AfterCallWork]}
_ITEMS = ("segments.0", "controlling.0", "wrapup.tags.0")
"""The items of lists, with the index 0."""
_DETAILS = frozenset(a.name for a in attrs.fields(Details))
_SETTINGS = "settings"
_OF_EARLY_STATES = ("start_alerting_time", "segments")
_ONLY_CHANGE = frozenset((finish_wrapup, finish_wrapup_at_end, reopen_wrapup, withdraw_timeout_code, drop_draft))
"""Actions that change a wrap-up and create none."""
_COUNTS = {
    "controlling": "a grant to control counts only while the leg is connected [DETAIL-7]",
    "after_call_work_required": "it counts only until the leg has ended [DETAIL-3]",
    _SETTINGS: "settings count only until the leg has ended [SETTING-4]",
}
"""When what an event states counts. Other details count always."""


@frozen
class Explanation:
    """Why a field of a session holds its value.

    Attributes:
        field: its name in the session JSON. Dots lead inside: `wrapup.endTime`.
        value: its value in the end. None: it is unset. `Any`: the fields' types differ.
        entry: the entry of the trace that set it last. None: none did.
        rows: the rows that decided then.
        cites: the rules of the specification that these rows implement.
        rules: what the actions did that wrote it.
        clock: the clock of its time. None: it is no time.
        unset: why it is unset, and what would have set it. Empty if it has a value.
        earlier: what it held until a late event or a correction arrived.
        alternatives: the rows that were asked before and why they did not decide, and events that were refused or ignored.
    """

    field: str
    value: Any
    entry: TraceEntry | None
    rows: tuple[str, ...]
    cites: tuple[str, ...]
    rules: tuple[str, ...]
    clock: str | None
    unset: tuple[str, ...]
    earlier: tuple[str, ...]
    alternatives: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.field} is {value_text(self.value)}.", *self._decision()]
        for label, texts in (("unset", self.unset), ("earlier", self.earlier), ("otherwise", self.alternatives)):
            lines += (f"  {label:<10} {text}" for text in texts)
        return "\n".join(map(printable, lines))

    def _decision(self) -> Iterator[str]:
        if self.entry is None:
            return
        yield f"  set by     {named(self.entry.event)}"
        yield f"  row        {' + '.join(self.rows)}: {self.entry.outcome.reason}{_cited(self.cites)}"
        yield from (f"  rule       {rule}" for rule in self.rules)
        if self.clock:
            yield f"  clock      {self.clock}"


def explainable_fields(session: type[CobrowseSession] = CobrowseSession) -> tuple[str, ...]:
    """Return the fields that can be explained: those of the session JSON, those inside its parts, and the settings."""
    found: list[str] = []
    for field, attribute in attributes_of(session).items():
        index = ".0" if attribute == "segments" else ""
        found += (field, *(f"{field}{index}.{name}" for name in _PARTS.get(attribute, ())))
    return (*found, *(f"{_SETTINGS}.{name}" for name in SETTING_NAMES))


def as_listed(field: str) -> str:
    """Return the name of a field as `explainable_fields` lists it: with the index 0 in place of any."""
    return ".".join("0" if _INDEX.fullmatch(one) else one for one in field.split("."))


def explain(log: SessionLog, field: str) -> Explanation:
    """Return why a field of a log's session holds its value.

    Args:
        log: the log. For what was known earlier: `log.as_of(moment)`.
        field: its name in the session JSON. Dots lead inside: `wrapup.endTime`, `segments.0.endTime`. `explainable_fields` lists
            them.

    Returns:
        The event and the row that set the field last, with the rules that they cite. For a field that is unset: the row that
        decided so, and what would have set it. `str()` of it is a page for a person.

    Raises:
        KeyError: a session has no such field.
        ValueError: the log was sealed under another table and restored. The rows of today did not decide it.
    """
    wanted = _Field.of(field, log.lifecycle.table.session)
    changed, value = _last_change(log, wanted), wanted.value(log.session)
    rows = _deciding(log.lifecycle, changed.entry) if changed else ()
    actions = _actions(changed, rows, wanted.attribute) if changed else []
    clocks = [clock for action in actions if (clock := clock_of(action)) and isinstance(value, datetime)]
    unset = tuple(_why_unset(log, wanted)) if changed is None and value is None else ()
    passed_over = _passed_over(log.lifecycle, changed, wanted.attribute) if changed else ()
    return Explanation(
        field=field,
        value=value,
        entry=changed.entry if changed else None,
        rows=tuple(row.name for row in rows),
        cites=tuple(dict.fromkeys(rule for row in rows for rule in row.cites)),
        rules=tuple(dict.fromkeys(map(meaning_of, actions))),
        clock=clocks[-1] if clocks else None,
        unset=unset,
        earlier=tuple(_earlier(log, wanted)),
        alternatives=(*passed_over, *(one for one in _turned_away(log, wanted.attribute) if one not in unset)),
    )


def _last_change(log: SessionLog, field: "_Field") -> Step | None:
    """Return the step that changed a field last. None: none did."""
    last: Step | None = None
    for step in steps(log):
        if field.value(step.before) != field.value(step.after):
            last = Step(step.entry, step.before, copy(step.after))
    return last


# --- The field ----------------------------------------------------------------------------------------------------------------


@frozen
class _Field:
    """A field of a session.

    Attributes:
        name: its name in the session JSON.
        attribute: the attribute of a session in which it is.
        inside: the path from there, as attributes and indexes.
    """

    name: str
    attribute: str
    inside: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, session: type[CobrowseSession]) -> "_Field":
        """Return the field of a name.

        Raises:
            KeyError: a session has none.
        """
        first, *inside = name.split(".")
        if first == _SETTINGS and len(inside) == 1 and inside[0] in SETTING_NAMES:
            return cls(name, _SETTINGS, (SETTING_NAMES[inside[0]],))
        attributes = attributes_of(session)
        if first not in attributes:
            raise KeyError(f"a session has no field {first!r}; it has {', '.join(attributes)}")
        attribute = attributes[first]
        names = [name for name in inside if not _INDEX.fullmatch(name)]  # the others lead into lists
        part = _PARTS.get(attribute, {})
        if len(names) > 1 or any(name not in part for name in names):
            raise KeyError(f"{first} has no field {'.'.join(inside)!r}; it has {', '.join(part) or 'none inside'}")
        if first == "segments" and inside and inside[0] in part:
            raise KeyError(f"{first} is a list; expected an index first: {first}.0.{inside[0]}")
        if as_listed(name) not in (*explainable_fields(session), *_ITEMS):
            lists = ", ".join(one.removesuffix(".0") for one in _ITEMS)
            raise KeyError(f"a session has no field {name!r}; an index leads into {lists} only")
        return cls(name, attribute, tuple(part.get(one, one) for one in inside))

    @property
    def part(self) -> "_Field | None":
        """The part in which it is, as the wrap-up of `wrapup.name`. None: it is in none. The settings are not in the JSON."""
        if not self.inside or self.attribute == _SETTINGS:
            return None
        return _Field(self.name.rpartition(".")[0], self.attribute, self.inside[:-1])

    def value(self, session: CobrowseSession) -> Any:  # any field's value
        """Return its value in a session. None: it is unset."""
        value = getattr(session, self.attribute)
        for name in self.inside:
            if isinstance(value, tuple | Segments):
                value = value[int(name)] if int(name) < len(value) else None
            else:
                value = getattr(value, name, None)
        return value


_FOLLOWS_FROM = {"wrapup": _Field("afterCallWork", "after_call_work")}
"""A field that is unset often because another one is."""


# --- What decided -------------------------------------------------------------------------------------------------------------


def _deciding(lifecycle: Lifecycle, entry: TraceEntry) -> tuple[Row, ...]:
    """Return the rows that an outcome names."""
    names = (entry.outcome.row or "").split("+")
    return tuple(
        next(one.row for one in lifecycle.machines.triggers[kind].all_transitions() if one.row.name == name)
        for kind, name in zip((entry.event.kind, LEG_ENDED), names, strict=False)
    )


def _actions(step: Step, rows: tuple[Row, ...], attribute: str) -> list[Action]:
    """Return the actions of a step that wrote an attribute."""
    if attribute == _SETTINGS:
        return [apply_settings]  # it names no attributes, because the session JSON has no settings
    event = step.entry.event
    details = dict(event.details.items()) if isinstance(event, Event) else {}
    if attribute in details and details[attribute] == getattr(step.after, attribute):
        return [apply_details]  # it names no attributes, the event does
    return [action for row in rows for action in (*COMMON, *row.actions) if attribute in written_by(action)]


def _decisions(lifecycle: Lifecycle, step: Step) -> Iterator[tuple[str, CobrowseSession, Row]]:
    """Yield the kind of event, the session that decided about it, and the row: one, or two where the leg ended."""
    yield from zip((step.entry.event.kind, LEG_ENDED), (step.before, step.after), _deciding(lifecycle, step.entry), strict=False)


def _passed_over(lifecycle: Lifecycle, step: Step, attribute: str) -> Iterator[str]:
    """Yield the rows before the one that wrote the attribute, and why they did not decide."""
    for kind, session, row in _decisions(lifecycle, step):
        if attribute == "state" or _writes(row, attribute):
            rows = lifecycle.machines.rows(kind, session)
            for other in rows[: rows.index(row)]:
                needed = " and ".join(_failed(lifecycle, step, session, other))
                if other.outcome is None or other.is_applied:
                    yield f"not applied: {other.name} (needs: {needed})"
                else:
                    became = {"refused": "refused", "ignored": "ignored", "duplicate": "a duplicate"}[other.outcome.kind]
                    rule = f" ({other.outcome.rule})" if other.outcome.rule else ""
                    yield f"would have been {became}{rule} if {needed}"


def _failed(lifecycle: Lifecycle, step: Step, session: CobrowseSession, row: Row) -> list[str]:
    """Return the conditions of a row that did not hold."""
    event = step.entry.event
    policy = lifecycle.policy_for(session, event)
    return [condition(guard) for guard in row.guards if not guard(session, event, policy)]


# --- Why it is unset ----------------------------------------------------------------------------------------------------------


def _why_unset(log: SessionLog, field: _Field) -> Iterator[str]:
    """Yield why a field is unset.

    The row that decided, else what wrote the part without it; then the kinds of event that did not come, and the field that it
    follows from.
    """
    nearest = _last_nearest(log, field)
    lacks = "" if nearest else _written_without(log, field)
    yield from nearest
    if lacks:
        yield lacks
    yield from _kinds_that_set(log, field, other="other " if lacks else "")
    source = _FOLLOWS_FROM.get(field.attribute)
    if source and not (nearest or lacks) and source.value(log.session) is None:
        yield from _last_nearest(log, source)


def _written_without(log: SessionLog, field: _Field) -> str:
    """Return which event wrote the part in which a field is, but not the field. Empty: none did."""
    part = field.part
    wrote = _last_change(log, part) if part else None
    if part is None or wrote is None or part.value(wrote.after) is None:
        return ""
    return f"{named(wrote.entry.event)} wrote {part.name}, but not this field"


def _last_nearest(log: SessionLog, field: _Field) -> tuple[str, ...]:
    """Return why a field is unset, from the last step that has a reason. A later event that has no row for it gives none."""
    found: tuple[str, ...] = ()
    for step in steps(log):
        found = _nearest(log.lifecycle, step, field) or found
    return found


def _nearest(lifecycle: Lifecycle, step: Step, field: _Field) -> tuple[str, ...]:
    """Return why a decision left a field unset: the row that decided, and the row with the fewest obstacles that sets it.

    The actions of the other rows of the same event and state run on a copy of the session, to see whether they set the field.

    Example: the leg ended without a prompt. `none_without_prompt` decided. Of the rows that set `afterCallWork`, `begins` has one
    obstacle only. It would have decided if the guard of `none_without_prompt` had failed.
    """
    # Obstacles are the guards of a row that failed, and the rows before it whose guards hold, because the first such row decides.
    # Why a leg has no after-call work, with no prompt known. `leg_ended` in `absent` has these rows:
    #
    #     row                       sets it   failed guards     rows before it that hold
    #     none_after_alert_timeout  no
    #     none_when_unanswered      no
    #     none_by_prompt            no
    #     none_without_prompt       no        none: it decided
    #     skipped_after_transfer    yes       1: transferred    none_without_prompt
    #     skipped_unrequested       yes       1: unrequested    none_without_prompt
    #     begins                    yes       0                 none_without_prompt, so: "unless: no prompt is known"
    #
    # The actions run on a copy, because what a row may write (`written_by`) is more than what it wrote: `finish_wrapup` may leave
    # a wrap-up as it is.
    found: list[tuple[int, tuple[str, ...]]] = []
    for kind, session, row in _decisions(lifecycle, step):
        at, cites = clock_time(step.entry.event.occurred_at), _cited(row.cites)
        rows = lifecycle.machines.rows(kind, session)
        if kind == LEG_ENDED and field.attribute != "wrapup" and _writes(row, field.attribute):
            continue  # after-call work began. What is unset inside it is still to come
        for place, other in enumerate(rows):
            if other is not row and _sets(lifecycle, step, session, kind, other, field):
                failed = _failed(lifecycle, step, session, other)
                before = [one for one in rows[:place] if not _failed(lifecycle, step, session, one)]
                unless = list(dict.fromkeys(filter(None, (_blocks(one, other) for one in before))))
                needs = f"row {other.name} would have set {vendor_name(field.attribute)} ({_obstacles(failed, unless)})"
                found.append((len(failed) + len(unless), (f"row {row.name} decided at {at}: {row.reason}{cites}", needs)))
    return min(found, key=lambda one: one[0])[1] if found else ()


def _cited(rules: tuple[str, ...]) -> str:
    return f" [{', '.join(rules)}]" if rules else ""  # a row of one's own may cite none


def _blocks(row: Row, other: Row) -> str:
    """Return the conditions of a row that must fail, so that another row decides. Empty: the guards of that one exclude them."""
    if any(OPPOSITES.get(guard) in row.guards for guard in other.guards):
        return ""
    return " and ".join(condition(guard) for guard in row.guards if guard not in other.guards)


def _obstacles(failed: list[str], unless: list[str]) -> str:
    parts = (("needs: ", " and ".join(failed)), ("unless: ", " or ".join(unless)))
    return ", ".join(name + text for name, text in parts if text)


def _writes(row: Row, attribute: str) -> bool:
    """Return whether a row may write an attribute."""
    return any(attribute in written_by(action) for action in row.actions)


def _sets(  # noqa: PLR0913, PLR0917 (a decision, another row, and a field)
    lifecycle: Lifecycle, step: Step, session: CobrowseSession, kind: str, row: Row, field: _Field
) -> bool:
    """Return whether a row would have set a field: its actions, or the state that it enters."""
    if not _writes(row, field.attribute):
        return False
    then = copy(session)
    for action in row.actions:
        action(then, step.entry.event, lifecycle.policy(session))
    work = lifecycle.machines.after_call_work
    if kind in work.events and row.outcome is None:
        work.set_state(row.result, then)
    return field.value(then) is not None


def _kinds_that_set(log: SessionLog, field: _Field, *, other: str) -> Iterator[str]:
    """Yield which kinds of event would have set a field. Those that were applied did not."""
    attribute = field.attribute
    if without_effect := [*_without_effect(log, field)]:
        yield from without_effect
        return
    if attribute == _SETTINGS:
        default = getattr(log.lifecycle.settings, field.inside[0])
        counts = (
            "the lifecycle has no default" if default is None else f"the default of the lifecycle counts: {value_text(default)}"
        )
        yield f"no event stated it, and {counts}"
        return
    changing = {clear_controlling} | (_ONLY_CHANGE if log.session.wrapup is None else set())
    came = {entry.event.kind for entry in log.trace if entry.outcome.kind == "applied"}
    if log.session.state in log.lifecycle.table.states.ended:
        came.add(LEG_ENDED)
    kinds = [
        kind
        for kind, trigger in log.lifecycle.machines.triggers.items()
        if kind not in came
        if any(
            attribute in written_by(action)
            for one in trigger.all_transitions()
            for action in one.row.actions
            if action not in changing
        )
    ]
    if attribute in _DETAILS:
        yield f"no event stated it as a detail; any kind of event can{f', and {_listed(kinds)} sets it' if kinds else ''}"
    elif kinds:
        seen = _first_seen(log) if attribute in _OF_EARLY_STATES else ""
        yield f"no {other}event that writes it was applied: {_listed(kinds)}{seen}"
    else:
        yield "no event with a value for it was applied"


def _without_effect(log: SessionLog, field: _Field) -> Iterator[str]:
    """Yield why each event that stated a detail or a setting did not set it."""
    for entry in log.trace:
        event, outcome = entry.event, entry.outcome
        if not isinstance(event, Event) or not _states(event, field):
            continue
        if isinstance(outcome, Refused | Ignored):
            yield _turned(event, outcome)
        elif field.attribute in _COUNTS:
            yield f"{named(event)} stated it, but {_COUNTS[field.attribute]}"


def _states(event: Event, field: _Field) -> bool:
    """Return whether an event states a detail or a setting."""
    if field.attribute == _SETTINGS:
        return getattr(event.settings, field.inside[0]) is not None
    return field.attribute in event.details.names


def _first_seen(log: SessionLog) -> str:
    """Return the state in which the leg was first seen, if that is later than its beginning (CONN-10, CONN-11)."""
    first = next((entry.outcome.to_state for entry in log.trace if isinstance(entry.outcome, Applied)), None)
    states = log.lifecycle.table.states
    if first not in states.connected and first not in states.ended:
        return ""
    initial = log.session.initial_state
    stated = f". An event stated initialState {initial}, but not when" if initial != first else ""
    return f". The leg was first seen {first}{stated}"


def _listed(kinds: list[str]) -> str:
    return ", ".join("the end of the leg" if kind == LEG_ENDED else kind for kind in kinds)


# --- What it held before, and what was turned away ----------------------------------------------------------------------------


def _earlier(log: SessionLog, field: _Field) -> Iterator[str]:
    """Yield what the field held until a late event or a correction arrived."""
    for one in revisions(log):
        before, after = (field.value(session) for session in (one.before, one.after))
        if before != after:
            arrival = f"when {one.event.kind} {one.event.id} arrived"
            yield f"{value_text(before)} until {clock_time(one.received)}, {arrival}{set_by(one.withdrawn_of(field.attribute))}"


def _turned_away(log: SessionLog, attribute: str) -> Iterator[str]:
    """Yield the events that would have written the attribute, but were refused or ignored."""
    common = {name for action in COMMON for name in written_by(action)}
    for entry in log.trace:
        if isinstance(entry.outcome, Refused | Ignored) and isinstance(entry.event, Event):
            could = {name for one in log.lifecycle.machines.triggers[entry.event.kind].all_transitions() for name in one.set}
            if attribute in could - common or attribute in dict(entry.event.details.items()):
                yield _turned(entry.event, entry.outcome)


def _turned(event: Event, outcome: Refused | Ignored) -> str:
    return f"{named(event)} was {outcome.kind}: {outcome.reason}"
