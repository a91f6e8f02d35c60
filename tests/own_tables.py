"""Tables with much that the standard one does not have, for the tests of diagrams: the examples, and two that have more."""

from collections.abc import Iterator, Mapping
from random import Random

from attrs import frozen
from examples.tables import hold, parked, pause, short_calls

from cobrowse_session import CobrowseSession
from cobrowse_session.lifecycle.actions import begin_segment, close_segments
from cobrowse_session.lifecycle.deadline import alert_due
from cobrowse_session.tables import (
    AFTER_CALL_WORK_STATES,
    CONNECTION_STATES,
    DUPLICATE,
    LEG_ENDED,
    NO_TRANSITION,
    Deadline,
    Entered,
    Event,
    Policy,
    Row,
    Table,
    Timer,
    before,
    reads_session,
    refused,
    writes,
)

# --- Parts --------------------------------------------------------------------------------------------------------------------


@reads_session
def is_a_vip(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """The customer is a VIP."""
    return False


@reads_session
def night_shift_of_the_second_team(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """The second team has its night shift."""
    return False


@reads_session
def always(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """It holds always."""
    return True


@writes("segments")
def write_nothing(_session: CobrowseSession, _event: Event, _: Policy) -> None:
    """Nothing is written."""


def _row(name: str, on: str, source: tuple[str, ...], result: object, **more: object) -> Row:
    return Row(name=name, on=(on,), source=source, result=result, reason=f"{name}.", cites=(), **more)  # type: ignore[arg-type]  # of a row


# --- The connection -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Held(Entered):
    """The customer is on hold."""

    prefix, kind, rank = "com.acme.", "held", 52
    target_state, segment = "on hold", "Hold"


@frozen(kw_only=True, repr=False)
class Resumed(Entered):
    """The agent is back."""

    prefix, kind, rank = "com.acme.", "resumed", 54
    target_state, segment = "connected", "Interact"


@frozen(kw_only=True, repr=False)
class Ringing(Entered):
    """The second phone rings."""

    prefix, kind, rank = "com.acme.", "ringing", 42
    target_state, segment = "ringing", "Alert"


@frozen(kw_only=True, repr=False)
class Requeued(Entered):
    """The call waits for another agent."""

    prefix, kind, rank = "com.acme.", "requeued", 56
    target_state, segment = "ringing", "Alert"


@frozen(kw_only=True, repr=False)
class Abandoned(Entered):
    """The customer gave up."""

    prefix, kind, rank = "com.acme.", "abandoned", 72
    target_state = "abandoned"
    disconnect_type: str | None = "peer"


@frozen(kw_only=True, repr=False)
class Noted(Event):
    """The agent wrote a note."""

    prefix, kind, rank = "com.acme.", "noted", 58


@frozen(kw_only=True, repr=False)
class HoldTimeout(Timer):
    """Nobody came back to the held customer in time. So the leg ends."""

    kind = "timer.hold"


_LIVE = ("connected", "on hold")
_NOT_LIVE = ("none", "warm", "scheduled", "offering", "contacting", "dialing", "alerting", "ringing")
_OVER = ("disconnected", "abandoned", "terminated")

LIVE = Table.standard().extended(
    "live",
    kinds=(Held, Resumed, Ringing, Requeued, Abandoned, Noted),
    like={"ringing": "alerting", "abandoned": "disconnected"},
    states={"on hold": "connected", "abandoned": "disconnected", "ringing": "alerting", "warm": "none"},
    deadlines=(Deadline(HoldTimeout, alert_due),),
    connection=(
        _row("held", "held", ("connected",), "on hold", actions=(begin_segment,)),
        _row("still_held", "held", ("on hold",), DUPLICATE),
        _row("resumed", "resumed", ("on hold",), "connected", actions=(begin_segment,)),
        _row("not_held", "resumed", ("connected",), DUPLICATE),
        _row("still_connected", "connected", ("on hold",), DUPLICATE),
        _row("requeued", "requeued", _LIVE, "ringing", actions=(begin_segment,)),
        *(_row("not_live", kind, (*_NOT_LIVE, *_OVER), refused("not_live")) for kind in ("held", "resumed", "requeued")),
        _row("hold_timed_out", "timer.hold", ("on hold",), "disconnected", actions=(close_segments,)),
        _row("noted", "noted", (*_NOT_LIVE, *_LIVE, *_OVER), NO_TRANSITION, actions=(write_nothing,)),
    ),
)
"""States of its own in every group, one with a space; a way back to pending; an own deadline; a row that stays in every state."""


# --- After-call work ----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class WorkPaused(Event):
    """After-call work is paused."""

    prefix, kind, rank = "com.acme.", "acw.paused", 122


@frozen(kw_only=True, repr=False)
class WorkResumed(Event):
    """After-call work goes on."""

    prefix, kind, rank = "com.acme.", "acw.resumed", 124


@frozen(kw_only=True, repr=False)
class WorkArchived(Event):
    """After-call work is archived."""

    prefix, kind, rank = "com.acme.", "acw.archived", 126


@frozen(kw_only=True, repr=False)
class WorkReopened(Event):
    """After-call work is opened again."""

    prefix, kind, rank = "com.acme.", "acw.reopened", 127


@frozen(kw_only=True, repr=False)
class WorkPrepared(Event):
    """After-call work is prepared, or not wanted any more."""

    prefix, kind, rank = "com.acme.", "acw.prepared", 128


_ALL = ("absent", "preparing", "pending", "paused", "extended", "complete", "archived", "skipped")


def _but(*states: str) -> tuple[str, ...]:
    return tuple(state for state in _ALL if state not in states)


WORK = Table.standard().extended(
    "work",
    kinds=(WorkPaused, WorkResumed, WorkArchived, WorkReopened, WorkPrepared),
    states={"paused": "pending", "extended": "pending", "archived": "complete", "preparing": "absent"},
    after_call_work=(
        before(
            "none_by_prompt",
            _row("skipped_vip", LEG_ENDED, _ALL, "skipped", guards=(is_a_vip,)),
            _row("paused_at_night", LEG_ENDED, _ALL, "paused", guards=(night_shift_of_the_second_team,)),
        ),
        _row("paused", "acw.paused", ("pending",), "paused", actions=(write_nothing,)),
        _row("not_paused", "acw.paused", _but("pending"), DUPLICATE),
        _row("resumed", "acw.resumed", ("paused", "extended"), "pending", actions=(write_nothing,)),
        _row("not_resumed", "acw.resumed", _but("paused", "extended"), DUPLICATE),
        _row("archived", "acw.archived", ("complete",), "archived", actions=(write_nothing,)),
        _row("archived_at_once", "acw.archived", ("paused",), "archived", actions=(write_nothing,)),
        _row("not_archived", "acw.archived", _but("complete", "paused"), DUPLICATE),
        _row("reopened", "acw.reopened", ("complete", "skipped", "archived"), "extended", actions=(write_nothing,)),
        _row("noted", "acw.reopened", _but("complete", "skipped", "archived"), NO_TRANSITION, actions=(write_nothing,)),
        _row("made_ready", "acw.prepared", ("absent",), "preparing", actions=(write_nothing,)),
        _row("called_off", "acw.prepared", ("paused",), "absent", actions=(write_nothing,)),
        _row("not_prepared", "acw.prepared", _but("absent", "paused"), DUPLICATE),
    ),
)
"""States of its own in every group, ways back, and questions whose answers are mixed."""

NONE_FIRST = Table.standard().extended(
    "none first",
    after_call_work=(
        before(
            "none_after_alert_timeout",
            _row("skipped_vip", LEG_ENDED, AFTER_CALL_WORK_STATES, "skipped", guards=(is_a_vip,)),
        ),
    ),
)
"""The first question leads past the others."""

NO_WORK = Table.standard().extended(
    "no work",
    after_call_work=(
        before(
            "none_after_alert_timeout",
            _row("none_for_vips", LEG_ENDED, AFTER_CALL_WORK_STATES, NO_TRANSITION, guards=(always,)),
        ),
    ),
)
"""No leg has after-call work."""

MANY = Table.standard().extended(
    "many",
    states={
        **{f"working {number}": "pending" for number in range(12)},
        **{f"done {number}": "complete" for number in range(5)},
        **{f"waiting {number}": "offering" for number in range(12)},
        **{f"gone {number}": "disconnected" for number in range(3)},
    },
)
"""Many states."""


# --- Names --------------------------------------------------------------------------------------------------------------------

NAMED = (
    *(
        "start",
        "initial",
        "initial_states",
        "live",
        "live_states",
        "ended",
        "working",
        "working_states",
        "frame",
        "title",
        "desc",
    ),
    *(
        "any",
        "any_other",
        "stays_absent",
        "question_1",
        "question_99",
        "end",
        "state",
        "note",
        "Class",
        "root_start",
        "constructor",
    ),
    *("on hold", "on_20hold", "state_on_20hold", "on-hold", "on_2dhold", "on__hold", "on_hold", "none-connected"),
    *("complete_annotation_1", "complete annotation 1", "connected__live", "2nd", "_", "__", "é", "e9", "[*]", "a.b", "<b>&#59;"),
)
"""Names that a picture or a format has for its own parts, and names that are alike once they are written as one word."""


@reads_session
@frozen
class Mistaken:
    """The session is {name}."""

    name: str

    def __call__(self, session: CobrowseSession, _: object, __: object) -> bool:
        """Return whether it is, or raise."""
        if session.id == self.name:
            raise ZeroDivisionError("a mistake")
        return False


MISTAKEN = Table.standard().extended(
    "mistaken",
    after_call_work=(
        before(
            "complete_by_timeout", _row("never", "timer.acw", ("pending",), "complete", guards=(Mistaken("bad"),), actions=())
        ),
    ),
)
"""The session "bad" has a guard that raises when its timer is due."""


def _by_turns(*likes: str) -> dict[str, str]:
    return {name: likes[number % len(likes)] for number, name in enumerate(NAMED)}


_IN_NAMES = _by_turns("connected", "offering", "disconnected", "none", "alerting")
NAMES = Table.standard().extended(
    "names",
    kinds=(Noted,),
    states=_IN_NAMES,
    connection=(
        _row("still_connected", "connected", tuple(name for name, like in _IN_NAMES.items() if like == "connected"), DUPLICATE),
        _row("noted", "noted", (*CONNECTION_STATES, *NAMED), NO_TRANSITION, actions=(write_nothing,)),
    ),
)
NAMES_OF_WORK = Table.standard().extended("names of work", states=_by_turns("pending", "complete", "skipped", "absent"))


# --- Tables by chance ---------------------------------------------------------------------------------------------------------

_KINDS = (WorkPaused, WorkResumed, WorkArchived, WorkReopened, WorkPrepared)
_LADDER = ("none_after_alert_timeout", "none_by_prompt", "skipped_after_transfer", "skipped_unrequested", "begins")


def table_by_chance(seed: int) -> Table:
    """Return a table with up to four states of its own, rows between any two states, and questions anywhere in the ladder."""
    chance = Random(seed)
    is_connection = chance.random() < 0.5
    standard = CONNECTION_STATES if is_connection else AFTER_CALL_WORK_STATES
    own = {f"own {number}": chance.choice(standard) for number in range(chance.randint(0, 4))}
    states = (*standard, *own)
    rows = [row for kind in _KINDS[: chance.randint(0, 5)] for row in _rows_by_chance(chance, kind.kind, states)]
    kinds = tuple(kind for kind in _KINDS if any(kind.kind in row.on for row in rows))
    if not is_connection:
        asked = (always, is_a_vip, night_shift_of_the_second_team)[: chance.randint(0, 3)]
        ladder = [
            before(
                chance.choice(_LADDER),
                _row(f"asked_{number}", LEG_ENDED, states, chance.choice((*states[1:], NO_TRANSITION)), guards=(guard,)),
            )
            for number, guard in enumerate(asked)
        ]
        return Table.standard().extended("by chance", kinds=kinds, states=own, after_call_work=(*ladder, *rows))
    live = tuple(state for state, like in own.items() if like == "connected")
    repeats = (_row("still_connected", "connected", live, DUPLICATE),) if live else ()
    return Table.standard().extended("by chance", kinds=kinds, states=own, connection=(*repeats, *rows))


def _rows_by_chance(chance: Random, kind: str, states: tuple[str, ...]) -> Iterator[Row]:
    left = list(states)
    for number in range(chance.randint(1, 3)):
        result = chance.choice((*states, NO_TRANSITION))
        source = tuple(state for state in left if state != result and chance.random() < 0.4)
        guards = (is_a_vip,) if chance.random() < 0.3 else ()
        if source:
            yield _row(f"{kind}_{number}", kind, source, result, guards=guards, actions=(write_nothing,))
        left = left if guards else [state for state in left if state not in source]
        if guards:
            break
    if left:
        yield _row(f"{kind}_otherwise", kind, tuple(left), DUPLICATE)


TABLES: Mapping[str, Table] = {
    "standard": Table.standard(),
    "hold": hold.TABLE,
    "short calls": short_calls.TABLE,
    "parked": parked.TABLE,
    "pause": pause.TABLE,
    "live": LIVE,
    "work": WORK,
    "none first": NONE_FIRST,
    "many": MANY,
    "names": NAMES,
    "names of work": NAMES_OF_WORK,
}
