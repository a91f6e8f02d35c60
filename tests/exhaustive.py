"""The lifecycle in every state that it can reach, with every event: `python -m tests.exhaustive`.

The search is breadth-first. Its *places* are sessions that no guard can tell apart. What guards read is recorded while it runs
(`recording.py`), so the variables of a place are not listed by hand. A session stands for each place, and the lifecycle itself
decides each step. So the search is of the real machine, and what is abstract is only which sessions count as one.

A place has these variables: what guards and deadlines read in its two states, or in any two states that can follow. Of a time
only its age counts, at most the longest timeout and one step. Of a number only counts that it is set, because a duration follows
from two times. Everything else counts by its value, and the letters have few values (`alphabet.py`). A second session of each
place is decided like the first one for every letter (`twins`), so no variable is missing.
"""

# ruff: noqa: T201 (it prints)

import argparse
import json
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from itertools import pairwise
from pathlib import Path as File
from typing import Any

import attrs
from attrs import define, evolve, field, frozen
from examples.tables import hold, parked, pause
from tests import reading
from tests.alphabet import DRAFTS, FEW, MORE, NOW, ONE, STEP, SUBJECT, Letter, Values, letters, with_each, with_settings
from tests.reading import SECOND, Json, Options
from tests.reading_run import as_lifecycle
from tests.recording import READS, Path, Reader, reader, recording

from cobrowse_session import Applied, CobrowseSession, Lifecycle, Settings
from cobrowse_session.diagrams.markdown import result_label
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.outcome import Fired, Outcome
from cobrowse_session.model import Address, Communication, Details
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.tables import LEG_ENDED, Deadline, Table
from cobrowse_session.vocabulary import UnknownPrompt
from cobrowse_session.wire import encode_session

Location = tuple[str, str]
"""The states of both machines."""
Key = tuple[object, ...]
Found = tuple[str, str, str]
"""A row in a cell: the kind of event, the state, the name of the row."""


class BrokenError(AssertionError):
    """What must hold does not."""


# --- What must hold in every session ------------------------------------------------------------------------------------------


def an_ended_leg_has_its_time(session: CobrowseSession, table: Table) -> bool:
    """STAMP-4."""
    return (session.disconnected_time is not None) == (session.state in table.states.ended)


def a_connected_leg_has_its_time(session: CobrowseSession, table: Table) -> bool:
    """STAMP-3: never before the alert."""
    if session.connected_time is None:
        return session.state not in table.states.connected
    return session.start_alerting_time is None or session.connected_time >= session.start_alerting_time


def segments_follow_each_other(session: CobrowseSession, _: Table) -> bool:
    """SEG-3, SEG-4: each begins when the one before it ended, and its type says how that one ended."""
    pairs = pairwise(session.segments or ())
    return all((one.end_time, one.how_ended) == (other.start_time, other.type) for one, other in pairs)


def the_last_segment_is_open_until_the_end(session: CobrowseSession, table: Table) -> bool:
    """SEG-4, SEG-6."""
    if not session.segments:
        return session.state not in (*table.states.pending, *table.states.connected)
    last = session.segments[-1]
    if session.state in table.states.ended:
        return (last.end_time, last.how_ended) == (session.disconnected_time, "Disconnect")
    return (last.end_time, last.how_ended) == (None, None)


def the_last_segment_alone_has_the_disconnect_type(session: CobrowseSession, _: Table) -> bool:
    """SEG-5, CONN-15."""
    *earlier, last = session.segments or (Segment(disconnect_type=session.disconnect_type),)
    return last.disconnect_type == session.disconnect_type and not any(one.disconnect_type for one in earlier)


def grants_end_with_the_leg(session: CobrowseSession, table: Table) -> bool:
    """DETAIL-7, DETAIL-8."""
    return not session.controlling or session.state in table.states.connected


def after_call_work_begins_where_the_leg_ended(session: CobrowseSession, table: Table) -> bool:
    """ACW-6, ACW-11, ACW-29: not before the end, and to the millisecond."""
    work = session.after_call_work
    return work is None or (session.state in table.states.ended and work.start_time == session.disconnected_time)


def after_call_work_has_its_end_once_it_is_closed(session: CobrowseSession, table: Table) -> bool:
    """ACW-25, ACW-37."""
    work = session.after_call_work
    return work is None or (work.end_time is None) == (work.state in table.states.working)


def a_wrapup_ends_where_no_work_is_pending(session: CobrowseSession, table: Table) -> bool:
    """WRAP-5, WRAP-9, ACW-20, ACW-38: it has no end while connected and while work is pending, and an end in any other case."""
    if session.wrapup is None:
        return True
    is_open = session.state not in table.states.ended or _state_of_work(session) in table.states.working
    return (session.wrapup.end_time is None) == is_open and (is_open or not session.wrapup.provisional)


def the_duration_is_in_whole_seconds(session: CobrowseSession, _: Table) -> bool:
    """WRAP-12: rounded down, from the end of the leg, whenever there is an end."""
    wrapup = session.wrapup
    if wrapup is None or wrapup.end_time is None or session.disconnected_time is None:
        return wrapup is None or wrapup.duration_seconds is None
    return wrapup.duration_seconds == int((wrapup.end_time - session.disconnected_time).total_seconds())


def a_leg_that_entered_a_state_knows_its_first(session: CobrowseSession, _: Table) -> bool:
    """DETAIL-6."""
    return session.state == "none" or session.initial_state is not None


Invariant = Callable[[CobrowseSession, Table], bool]
INVARIANTS: tuple[Invariant, ...] = (
    an_ended_leg_has_its_time,
    a_connected_leg_has_its_time,
    segments_follow_each_other,
    the_last_segment_is_open_until_the_end,
    the_last_segment_alone_has_the_disconnect_type,
    grants_end_with_the_leg,
    after_call_work_begins_where_the_leg_ended,
    after_call_work_has_its_end_once_it_is_closed,
    a_wrapup_ends_where_no_work_is_pending,
    the_duration_is_in_whole_seconds,
    a_leg_that_entered_a_state_knows_its_first,
)


# --- What must hold of every step ---------------------------------------------------------------------------------------------

ONCE = ("start_alerting_time", "connected_time", "disconnected_time", "disconnect_type", "initial_state")


@frozen
class Step:
    """One letter on one session.

    Attributes:
        letter: the event, or the deadline.
        before: the session, not changed.
        outcomes: what fired, then the outcome of the event.
        after: the session afterwards.
    """

    letter: Letter
    before: CobrowseSession
    outcomes: tuple[Outcome, ...]
    after: CobrowseSession

    @property
    def is_applied(self) -> bool:
        """True if something may have changed."""
        return any(isinstance(one, Applied) for one in self.outcomes)


def an_event_has_one_outcome_and_the_deadline_fires(step: Step, _: Table) -> bool:
    """OUTCOME-1. Behind an event, the other outcomes are timers."""
    event = step.letter.event
    if event is None:
        return bool(step.outcomes) and all(isinstance(one, Applied) for one in step.outcomes)
    is_new = latest(step.before) is None
    return (step.outcomes[-1].kind == "stale") == (event.occurred_at < NOW and not is_new)


def what_is_not_applied_changes_nothing(step: Step, _: Table) -> bool:
    """OUTCOME-3 to OUTCOME-7. The values themselves are the same objects."""
    return step.is_applied or not any(changes(step.before, step.after))


def what_is_applied_names_what_it_sets(step: Step, _: Table) -> bool:
    """OUTCOME-2. Settings are no part of the model, so they are not named."""
    named = {name for one in step.outcomes if isinstance(one, Applied) for name in one.set}
    return {*changes(step.before, step.after)} - {"settings"} <= named


def stamps_are_written_once(step: Step, _: Table) -> bool:
    """STAMP-1, CONN-15, DETAIL-6."""
    return not any(getattr(step.before, name) is not None for name in changes(step.before, step.after) if name in ONCE)


def a_timer_moves_no_provider_event_time(step: Step, _: Table) -> bool:
    """STAMP-6: it is that of the last applied event."""
    last, event = step.outcomes[-1], step.letter.event
    is_applied = event is not None and isinstance(last, Applied)
    expected = event.occurred_at if event and is_applied else step.before.provider_event_time
    return step.after.provider_event_time == expected


def nothing_leads_back(step: Step, table: Table) -> bool:
    """CONN-4, CONN-8: from connected to pending, or from an end to anything else."""
    states, before, after = table.states, step.before.state, step.after.state
    if before in states.ended:
        return after in states.ended
    return before not in states.connected or after in (*states.connected, *states.ended)


def settings_count_until_the_end(step: Step, table: Table) -> bool:
    """SETTING-4."""
    kind = step.letter.event.kind if step.letter.event else None
    return step.before.state not in table.states.ended or kind == "acw.started" or step.before.settings == step.after.settings


STEP_INVARIANTS: tuple[Callable[[Step, Table], bool], ...] = (
    an_event_has_one_outcome_and_the_deadline_fires,
    what_is_not_applied_changes_nothing,
)
APPLIED_INVARIANTS: tuple[Callable[[Step, Table], bool], ...] = (
    what_is_applied_names_what_it_sets,
    stamps_are_written_once,
    a_timer_moves_no_provider_event_time,
    nothing_leads_back,
    settings_count_until_the_end,
)


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in attrs.fields(cls))


def changes(before: CobrowseSession, after: CobrowseSession) -> Iterator[str]:
    """Yield the attributes that differ. Values are replaced and never changed, so the same object is the same value."""
    cls: type = type(before)
    for name in _names(cls):
        one, other = getattr(before, name), getattr(after, name)
        if one is not other and one != other:
            yield name


# --- A session as a place -----------------------------------------------------------------------------------------------------


def _state_of_work(session: CobrowseSession) -> str:
    work = session.after_call_work
    return "absent" if work is None or work.state is None else str(work.state)


def location(session: CobrowseSession) -> Location:
    """Return the states of both machines."""
    return str(session.state), _state_of_work(session)


def latest(session: CobrowseSession) -> datetime | None:
    """Return the time before which an event is stale (OUTCOME-4). None: no event was applied."""
    work = session.after_call_work
    times = (session.provider_event_time, session.disconnected_time, work and work.end_time)
    return max((time for time in times if time), default=None)


def age(session: CobrowseSession) -> timedelta:
    """Return by how much the session's latest time is before `NOW`."""
    return NOW - (latest(session) or NOW)


def moved(value: Any, by: timedelta) -> Any:  # `Any`: a session, or a part of it
    """Return a value whose times are later."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, Segments):
        return Segments(moved(one, by) for one in value)
    if not attrs.has(type(value)) or isinstance(value, Address | Settings):
        return value
    cls: type = type(value)
    parts = {name: moved(getattr(value, name), by) for name in _names(cls)}
    if not isinstance(value, Communication):
        return evolve(value, **parts)
    session = copy(value)
    for name, part in parts.items():
        setattr(session, name, part)
    return session


def moved_reading(value: Any, by: int, key: str = "") -> Any:  # `Any`: JSON
    """Return a session of the second reading whose times are later, in milliseconds."""
    if isinstance(value, dict):
        return {name: moved_reading(part, by, name) for name, part in value.items()}
    if isinstance(value, list):
        return [moved_reading(part, by) for part in value]
    return value + by if key.endswith("Time") and value is not None else value


@define
class Place:
    """All sessions that no guard can tell apart, now or later.

    Attributes:
        session: one of them, last changed at `NOW`.
        reading: the same session, as the second reading has it.
        way: the letters that lead here.
        another: one more of them, if another way leads here.
        steps: by letter, the outcomes and the next place.
    """

    session: CobrowseSession
    reading: Json | None
    way: tuple[str, ...]
    another: CobrowseSession | None = None
    steps: dict[int, tuple[tuple[Outcome, ...], Key]] = field(factory=dict)


@frozen
class Scope:
    """What a search looks at.

    Attributes:
        name: for the output.
        lifecycle: it decides.
        letters: what may happen.
        longest: the longest timeout, in steps.
        options: the same lifecycle for the second reading. None: the table is not the one of the specification.
    """

    name: str
    lifecycle: Lifecycle
    letters: tuple[Letter, ...] = field(repr=False)
    longest: int = 0
    options: Options | None = None


@define
class Reads:
    """What guards and deadlines read, by the states of both machines, and which states follow which."""

    reads: dict[Location, set[Path]] = field(factory=lambda: defaultdict(set))
    follows: dict[Location, set[Location]] = field(factory=lambda: defaultdict(set))

    def count(self) -> int:
        """Return how much is recorded."""
        return sum(map(len, self.reads.values())) + sum(map(len, self.follows.values()))

    def readers(self, here: Location) -> list[Reader]:
        """Return a function for each variable: what is read here, or wherever it leads."""
        ahead, found = [here], {here}
        while ahead:
            new = self.follows[ahead.pop()] - found
            found |= new
            ahead += new
        return [reader(path) for path in sorted({path for one in found for path in self.reads[one]}, key=str)]


@define
class Search:
    """The search of one scope. `run` fills it.

    Attributes:
        scope: what is looked at.
        recorded: what guards and deadlines read. Searches of one table share it, so that most need no second round.
        reads_all: compare each step with the second reading. Else the first one of each letter, states and rows, and each step to
            a new place.
        places: all that were reached.
        rows: how often each row decided, in each cell.
        steps: how many were made.
    """

    scope: Scope
    recorded: Reads = field(factory=Reads)
    reads_all: bool = False
    places: dict[Key, Place] = field(factory=dict)
    rows: Counter[Found] = field(factory=Counter)
    steps: int = 0
    _seen: set[tuple[object, ...]] = field(factory=set)
    _readers: dict[Location, list[Reader]] = field(factory=dict)
    _recording: Lifecycle = field(factory=Lifecycle)

    def run(self) -> "Search":
        """Search until no guard reads what is no variable yet.

        Raises:
            BrokenError: something that must hold does not.
        """
        self._recording = evolve(self.scope.lifecycle, table=recording(self.scope.lifecycle.table))
        known = -1
        while known != (known := self.recorded.count()):
            self._readers = {here: self.recorded.readers(here) for here in [*self.recorded.reads]}
            self._explore()
        self._no_dead_end()
        return self

    # --- The variables --------------------------------------------------------------------------------------------------------

    def _record(self, step: Step, number: int, to: Location) -> bool:
        """Note what guards read for this step. Return whether it is the first of its kind: letter, states and rows."""
        here = location(step.before)
        kind = here, number, tuple(one.row for one in step.outcomes), to
        if kind in self._seen:
            return False
        self._seen.add(kind)
        READS.clear()
        again = copy(step.before)
        self._recording.deadline(again)
        self.apply(again, step.letter, self._recording)
        self.recorded.reads[here] |= READS
        self.recorded.follows[here].add(to)
        return True

    def key(self, session: CobrowseSession) -> Key:
        """Return the place of a session: its states, and the values of its variables."""
        here, policy = location(session), self.scope.lifecycle.policy(session)
        now, most = latest(session) or NOW, self.scope.longest + 1
        found: list[object] = [here]
        for read in self._readers.get(here, ()):
            value = read(session, policy)
            if isinstance(value, datetime):
                value = min((now - value) // STEP, most)
            elif isinstance(value, int) and not isinstance(value, bool):
                value = "a number"
            elif not isinstance(value, str | bool | Enum | timedelta | tuple | None):
                value = "a value"
            found.append(value)
        return tuple(found)

    # --- The search -----------------------------------------------------------------------------------------------------------

    def apply(
        self, session: CobrowseSession, letter: Letter, lifecycle: Lifecycle | None = None
    ) -> tuple[CobrowseSession, tuple[Outcome, ...]]:
        """Return a copy of the session after a letter, and what fired and was decided. None fires without a deadline."""
        lifecycle, after = lifecycle or self.scope.lifecycle, copy(session)
        if letter.event is None:
            due = lifecycle.deadline(after)
            return after, () if due is None else lifecycle.advance(after, due)
        outcome = lifecycle.apply(after, letter.event)
        return after, (*outcome.fired, outcome)

    def _explore(self) -> None:
        """Search once, with the variables that are known."""
        self.places, self.rows, self.steps, self._seen = {}, Counter(), 0, set()
        options = self.scope.options
        first = Place(self.scope.lifecycle.new(SUBJECT), reading.new_session(SUBJECT) if options else None, ())
        queue = deque([self.key(first.session)])
        self.places[queue[0]] = first
        while queue:
            key = queue.popleft()
            place = self.places[key]
            self._check(place, INVARIANTS, place.session)
            for number, letter in enumerate(self.scope.letters):
                after, outcomes = self.apply(place.session, letter)
                if not outcomes:
                    continue
                step = Step(letter, place.session, outcomes, after)
                is_first = self._record(step, number, location(after))
                to = self.key(after) if step.is_applied else key
                is_new = to not in self.places
                self._check(place, STEP_INVARIANTS, step)
                self._check(place, APPLIED_INVARIANTS if step.is_applied else (), step)
                self._count(step)
                place.steps[number] = outcomes, to
                self.steps += 1
                read = self._read(place, step) if options and (self.reads_all or is_first or is_new) else None
                if is_new:
                    by = age(after)
                    way = (*place.way, letter.name)
                    self.places[to] = Place(moved(after, by), read and moved_reading(read, by // STEP * SECOND), way)
                    queue.append(to)
                elif to != key and self.places[to].another is None:
                    self.places[to].another = after

    def _check(self, place: Place, invariants: Iterable[Callable[[Any, Table], bool]], value: object) -> None:
        for holds in invariants:
            if not holds(value, self.scope.lifecycle.table):
                raise BrokenError(f"{self.scope.name}: {holds.__name__} ({holds.__doc__}): after {', '.join(place.way)}: {value}")

    def _count(self, step: Step) -> None:
        self.rows.update(self.decided(step.before, step.letter, step.outcomes))

    def decided(self, session: CobrowseSession, letter: Letter, outcomes: Iterable[Outcome]) -> Iterator[Found]:
        """Yield the rows that decided, each in its cell."""
        states = location(session)
        for one in outcomes:
            kind = one.timer if isinstance(one, Fired) else letter.event.kind if letter.event else ""
            first, _, second = (one.row or "").partition("+")
            if first:
                yield kind, states[kind not in self.scope.lifecycle.machines.connection.events], first
            if second:
                yield LEG_ENDED, states[1], second
            # A timer fires before the event of a step and changes the states that the event finds.
            states = str(one.to_state if isinstance(one, Applied) else one.from_state), str(one.acw or "absent")

    def _read(self, place: Place, step: Step) -> Json:
        """Return the session as the second reading has it after a step.

        Raises:
            BrokenError: it decides otherwise, or writes another session.
        """
        session, options, verdicts = place.reading, self.scope.options, list[tuple[str, str | None]]()
        assert session is not None
        assert options is not None
        where = f"{self.scope.name}: {', '.join((*place.way, step.letter.name))}"
        at = None if step.letter.line is None else step.letter.line.at
        due = reading.acw_due(session, options)
        if due is not None and (at is None or due < at):
            session = reading.fire_acw(session, options, due)
            verdicts.append(reading.APPLIED)
        elif at is None and (due := reading.alerting_due(session, options)) is not None:
            session = reading.fire_alerting(session, options, due)
            verdicts.append(reading.APPLIED)
        if step.letter.line is not None and step.outcomes[-1].kind != "stale":
            session, verdict = reading.apply(session, step.letter.line, options)
            verdicts.append(verdict)
        ours = [(one.kind, getattr(one, "rule", None)) for one in step.outcomes if one.kind != "stale"]
        if ours != verdicts:
            raise BrokenError(f"{where}: reading {verdicts}, package {ours}")
        if step.is_applied and reading.session_json(session) != json.loads(encode_session(step.after)):
            raise BrokenError(
                f"{self.scope.name}: {', '.join(place.way)}, {step.letter}: the reading has {session}, not {step.after}"
            )
        return session

    # --- What must hold of the whole ------------------------------------------------------------------------------------------

    def _no_dead_end(self) -> None:
        """From every place a leg can end, and its after-call work can close."""
        states = self.scope.lifecycle.table.states
        before: dict[Key, set[Key]] = defaultdict(set)
        for key, place in self.places.items():
            for _, to in place.steps.values():
                before[to].add(key)
        found = {
            key
            for key, place in self.places.items()
            if place.session.state in states.ended and _state_of_work(place.session) not in states.working
        }
        ahead = [*found]
        while ahead:
            for one in before[ahead.pop()] - found:
                found.add(one)
                ahead.append(one)
        if stuck := [place for key, place in self.places.items() if key not in found]:
            raise BrokenError(f"{self.scope.name}: {len(stuck)} dead ends, one after {', '.join(stuck[0].way)}")

    def twins(self) -> int:
        """Return how many places have a second session, after it was decided as the first one for every letter.

        Raises:
            BrokenError: a guard tells the two apart, now or later. So a variable is missing.
        """
        count = 0
        for key, place in self.places.items():
            if place.another is None:
                continue
            count += 1
            another = moved(place.another, age(place.another))
            for number, letter in enumerate(self.scope.letters):
                after, outcomes = self.apply(another, letter)
                rows, to = place.steps.get(number, ((), key))
                if [one.row for one in rows] != [one.row for one in outcomes] or (outcomes and self.key(after) != to):
                    raise BrokenError(
                        f"{self.scope.name}: two sessions of one place differ: {place.session}, {another}, {letter}"
                    )
        return count


# --- The scopes ---------------------------------------------------------------------------------------------------------------

PROMPTS = (None, "mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "none")
TIMED = ("agentRequested", "timeout", "forcedTimeout")


def scope(name: str, some: tuple[Letter, ...], longest: int = 0, **options: Any) -> Scope:  # `Any`: of `Options`
    """Return a scope of the standard table."""
    stated = Options(**options)
    return Scope(name, as_lifecycle(stated), some, longest, stated)


def of_work(values: Values, flags: Iterable[tuple[bool, bool]], prompts: Iterable[str | None]) -> Iterator[Scope]:
    """Yield a scope for each prompt that the queue may give: everything about after-call work and wrap-ups."""
    some = letters(Table.standard(), values)
    for unanswered, transfer in flags:
        for prompt in prompts:
            timeout = 1 if prompt in TIMED else None
            yield scope(
                f"prompt {prompt}, acw_when_unanswered={unanswered}, acw_after_transfer={transfer}",
                some,
                timeout or 0,
                wrapup_prompt=prompt,
                wrapup_timeout=timeout and timeout * SECOND,
                acw_when_unanswered=unanswered,
                acw_after_transfer=transfer,
            )


def of_settings(prompts: Iterable[str], timeouts: Iterable[int], default: str | None = None) -> Iterator[Scope]:
    """Yield a scope in which events state settings. The lifecycle may have a default, with a timeout of one step."""
    some = [Settings(wrapup_prompt=UnknownPrompt(prompt) if prompt == "someday" else prompt) for prompt in prompts]
    some += [Settings(wrapup_timeout=timeout * STEP) for timeout in timeouts]
    stated = letters(Table.standard(), ONE, with_settings(some))
    yield scope(
        f"settings, default {default}",
        stated,
        max((1, *timeouts)),
        wrapup_prompt=default,
        wrapup_timeout=SECOND if default else None,
    )


DETAILS: Mapping[str, tuple[Any, ...]] = {
    "self_": (Address(name="Ada"), Address(name="Bob")),
    "provider": ("acme", "zeta"),
    "peer_id": ("p1", "p2"),
    "cobrowse_session_id": ("cb1", "cb2"),
    "cobrowse_role": ("viewer", "watcher"),
    "controlling": ((), ("p1",), ("p1", "p2")),
    "viewer_url": ("https://v/1", "https://v/2"),
    "initial_state": ("alerting", "parked"),
    "after_call_work_required": (True, False),
}


def of_details(names: Iterable[str]) -> Iterator[Scope]:
    """Yield a scope for each detail. No guard reads two of them together."""
    for name in names:
        some = letters(Table.standard(), DRAFTS, with_each(**{name: DETAILS[name]}), is_late=False)
        yield scope(f"detail {name}", some, wrapup_prompt="optional")


def of_both() -> Iterator[Scope]:
    """Yield a scope in which events state a grant, another detail and a setting, alone and together. Rows ask them in order."""
    grant, url, mandatory = {"controlling": ("p1",)}, {"viewer_url": "https://v/1"}, Settings(wrapup_prompt="mandatory")
    some = [(Details(**stated), settings) for stated in (grant, url, grant | url) for settings in (NO_SETTINGS, mandatory)]
    values = {**FEW, "disable_end_time_updates": (False,), "state": ("complete", "notApplicable")}
    yield scope(
        "a grant, a detail and a setting", letters(Table.standard(), values, some, is_late=False), wrapup_prompt="optional"
    )


def of_alerts(timeouts: Iterable[int], *, unanswered: bool) -> Iterator[Scope]:
    """Yield a scope with the alerting timeout, stated by events."""
    some = letters(Table.standard(), ONE, with_settings(Settings(alerting_timeout=timeout * STEP) for timeout in timeouts))
    yield scope(
        f"alerts, acw_when_unanswered={unanswered}",
        some,
        3,
        wrapup_prompt="optional",
        alerting_grace=SECOND,
        acw_when_unanswered=unanswered,
    )


def of_own_tables() -> Iterator[Scope]:
    """Yield scopes of other tables. The pause of one is shorter than there."""
    short = pause.TABLE.extended("short pause", deadlines=(Deadline(pause.PauseTimeout, pause.PauseDue(2 * STEP)),))
    settings = Settings(wrapup_prompt="timeout", wrapup_timeout=STEP)
    for table in (hold.TABLE, parked.TABLE, short):
        yield Scope(f"table {table.name}", Lifecycle(table=table, settings=settings), letters(table, ONE), 2)


FLAGS = ((False, True), (True, False), (False, False), (True, True))


def few() -> Iterator[Scope]:
    """Yield the scopes of `make test`."""
    yield from of_work(FEW, FLAGS[:1], ("mandatory", "agentRequested", "forcedTimeout"))
    yield from of_work(ONE, FLAGS[:1], (None, "timeout", "none"))
    yield from of_work(FEW, FLAGS[2:3], ("optional",))
    yield from of_settings(("timeout",), (1,))
    yield from of_settings(("mandatory",), (), "forcedTimeout")
    yield from of_details(("viewer_url",))
    yield from of_both()
    yield from of_alerts((1,), unanswered=True)
    yield from list(of_own_tables())[2:]


def everything() -> Iterator[Scope]:
    """Yield all scopes."""
    yield from of_work(MORE, FLAGS[:1], PROMPTS)
    yield from of_work(FEW, FLAGS[1:], PROMPTS)
    yield from of_settings(("agentRequested", "forcedTimeout", "someday"), (1, 2))
    yield from of_settings(("timeout", "none"), (1,), "forcedTimeout")
    yield from of_settings(("mandatory", "optional"), (1,))
    yield from of_details(DETAILS)
    yield from of_both()
    yield from of_alerts((1, 2), unanswered=True)
    yield from of_alerts((1,), unanswered=False)
    yield from of_own_tables()


# --- What the scopes show together --------------------------------------------------------------------------------------------

PAGES = ("connection", "after-call-work")


def rows_of(table: Table) -> set[Found]:
    """Return every row in each cell that it is written for."""
    return {
        (kind, state, one.row.name)
        for kind, trigger in machines(table).triggers.items()
        for state in trigger.transitions
        for one in trigger.row_transitions(state)
    }


def results(table: Table, rows: Iterable[Found]) -> dict[tuple[str, str], set[str]]:
    """Return the results that these rows give in each cell, as the printed table shows them."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    triggers = machines(table).triggers
    for kind, state, name in rows:
        (one,) = (one for one in triggers[kind].row_transitions(state) if one.row.name == name)
        found[kind, state].add(f"→ {one.dest}" if one.dest else result_label(one.row))
    return found


def printed(page: str) -> dict[tuple[str, str], set[str]]:
    """Return the results in each cell of a printed table (`diagrams/*.md`, which the reference includes)."""
    lines = (File(__file__).parents[1] / "diagrams" / f"{page}.md").read_text(encoding="utf-8").splitlines()
    head, _, *rest = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    states = [cell.strip("*") for cell in head]
    return {
        (kind.split("`")[1], state): set(cell.replace("\\", "").split("<br>"))
        for kind, *cells in rest
        for state, cell in zip(states[1:], cells, strict=True)
        if cell
    }


@define
class Shown:
    """What the searches show together.

    Attributes:
        searches: all of them.
        recorded: by table, what guards and deadlines read.
        rows: by table, the rows that decided, in each cell.
    """

    searches: list[Search] = field(factory=list)
    recorded: dict[str, Reads] = field(factory=lambda: defaultdict(Reads))
    rows: dict[str, set[Found]] = field(factory=lambda: defaultdict(set))

    def search(self, one: Scope, *, reads_all: bool = False) -> Search:
        """Search one scope.

        Raises:
            BrokenError: something that must hold does not.
        """
        name = one.lifecycle.table.name
        search = Search(one, self.recorded[name], reads_all).run()
        self.searches.append(search)
        self.rows[name] |= search.rows.keys()
        return search

    @property
    def variables(self) -> set[Path]:
        """What guards and deadlines of the standard table read."""
        return {path for some in self.recorded["standard"].reads.values() for path in some}


def main() -> int:
    """Read the command line and search."""
    parser = argparse.ArgumentParser(description="The lifecycle in every state that it can reach, with every event.")
    parser.add_argument("--few", action="store_true", help="the scopes of `make test`, and the second reading on some steps")
    options = parser.parse_args()
    shown, twins = Shown(), 0
    try:
        for one in few() if options.few else everything():
            search = shown.search(one, reads_all=not options.few)
            twins += 0 if options.few else search.twins()
            print(f"{len(search.places):9,} {search.steps:12,}  {one.name}", flush=True)
    except BrokenError as error:
        print(error)
        return 1
    standard = shown.rows["standard"]
    figures = {
        "searches": len(shown.searches),
        "variables": len(shown.variables),
        "places": sum(len(search.places) for search in shown.searches),
        "steps": sum(search.steps for search in shown.searches),
        "twins": twins,
        "cells": len({found[:2] for found in standard}),
        "rows": len(standard),
        "unreached": len(rows_of(Table.standard()) - standard),
    }
    print(*(f"{number:,} {name}" for name, number in figures.items()), sep=", ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
