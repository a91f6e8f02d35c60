"""The state of an inbox beside its logs, as plain data: its time, the clocks, and the sessions that it evicted."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.stream import ProviderClock
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire.clock import restore_clock, save_clock
from cobrowse_session.wire.converter import structured, versioned
from cobrowse_session.wire.saved import read_offsets
from cobrowse_session.wire.strict_json import decode_error

STATE_FORMAT = 1
"""The version of the saved state of an inbox."""


@frozen
class EvictedSession:
    """The memory of a session that was evicted.

    Attributes:
        id: the session's id.
        dropped: it was dropped, not sealed.
        offsets: the correction of each source.
        copies: fingerprints of its copies. Empty: only the id is remembered.
    """

    id: str
    dropped: bool
    offsets: Mapping[str, timedelta]
    copies: frozenset[bytes]


@frozen
class State:
    """The state of an inbox.

    Attributes:
        advanced: the latest time to which the inbox was advanced, on the corrected provider clock.
        late: the number of events that came for sessions that had been evicted.
        forgotten: whether even the id of a session was forgotten.
        clocks: the clocks by source.
        sealed: the sessions that were evicted, in that order.
    """

    advanced: datetime | None
    late: int
    forgotten: bool
    clocks: Mapping[str, ProviderClock]
    sealed: tuple[EvictedSession, ...]


# --- Saving -------------------------------------------------------------------------------------------------------------------


def save_state(state: State) -> dict[str, Any]:
    """Return the state as plain data, fit for JSON. `restore_state` reads it. `Any`: JSON."""
    return {
        "format": STATE_FORMAT,
        "advanced": None if state.advanced is None else time_text(state.advanced),
        "late": state.late,
        "forgotten": state.forgotten,
        "clocks": {source: save_clock(clock) for source, clock in state.clocks.items()},
        "sealed": [_save_session(session) for session in state.sealed],
    }


def _save_session(session: EvictedSession) -> dict[str, Any]:
    return {
        "id": session.id,
        "dropped": session.dropped,
        "offsets": {source: milliseconds(offset) for source, offset in session.offsets.items()},
        "copies": sorted(copy.hex() for copy in session.copies),
    }


# --- Restoring ----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class _SavedSession:
    id: str
    dropped: bool = False
    offsets: Any = field(factory=dict)  # source to milliseconds
    copies: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _Saved:
    advanced: datetime | None = None
    late: int
    forgotten: bool
    clocks: Any  # source to a saved clock
    sealed: tuple[_SavedSession, ...]
    extra: Extra = NO_EXTRA


def restore_state(data: Mapping[str, Any]) -> State:
    """Return the state that `save_state` wrote. `Any`: JSON.

    Raises:
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: it is no saved state. Every problem has its path.
    """
    saved = structured(versioned(data, STATE_FORMAT, "the saved state of an inbox", "save_state"), _Saved)
    sealed = tuple(_session(index, session) for index, session in enumerate(saved.sealed))
    return State(saved.advanced, saved.late, saved.forgotten, dict(_clocks(saved.clocks)), sealed)


def _session(index: int, saved: _SavedSession) -> EvictedSession:
    path = f"$.sealed[{index}]"
    offsets = dict(read_offsets(saved.offsets, f"{path}.offsets"))
    copies = (_fingerprint(text, f"{path}.copies[{number}]") for number, text in enumerate(saved.copies))
    return EvictedSession(saved.id, saved.dropped, offsets, frozenset(copies))


def _fingerprint(text: str, path: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise decode_error("bad_value", path, text, "hexadecimal digits") from None


def _clocks(value: object) -> Iterator[tuple[str, ProviderClock]]:
    if not isinstance(value, Mapping):
        raise decode_error("wrong_type", "$.clocks", value, "an object")
    for source, clock in value.items():
        try:
            yield source, restore_clock(clock)
        except DecodeError as error:
            found = (Problem(p.error, f"$.clocks.{source}{p.path[1:]}", p.found, p.expected) for p in error.problems)
            raise DecodeError(tuple(found)) from None
