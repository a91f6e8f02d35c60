"""The state of an inbox beside its logs, as plain data: its time, the clocks, and the sessions that it evicted."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.io.memory import SavedSession, SealedSessions
from cobrowse_session.stream import ProviderClock
from cobrowse_session.times import time_text
from cobrowse_session.wire.clock import restore_clock, save_clock
from cobrowse_session.wire.converter import structured, versioned
from cobrowse_session.wire.saved import read_offsets
from cobrowse_session.wire.strict_json import decode_error

STATE_FORMAT = 1
"""The version of the saved state of an inbox."""


@frozen
class State:
    """A saved state, as it was read.

    Attributes:
        advanced: the latest time to which the inbox was advanced, on the corrected provider clock.
        late: the number of events that came for sessions that had been evicted.
        forgotten: whether even the id of a session was forgotten.
        clocks: the clocks by source.
        sealed: the sessions that were evicted, each with its offsets by source.
    """

    advanced: datetime | None
    late: int
    forgotten: bool
    clocks: Mapping[str, ProviderClock]
    sealed: tuple[tuple[SavedSession, Mapping[str, timedelta]], ...]


@frozen(kw_only=True)
class _Saved:
    advanced: datetime | None = None
    late: int
    forgotten: bool
    clocks: Any  # source to a saved clock
    sealed: tuple[SavedSession, ...]
    extra: Extra = NO_EXTRA


def write_state(
    advanced: datetime | None, late: int, clocks: Mapping[str, ProviderClock], sealed: SealedSessions
) -> dict[str, Any]:
    """Return the state as plain data, fit for JSON. `Any`: JSON."""
    return {
        "format": STATE_FORMAT,
        "advanced": None if advanced is None else time_text(advanced),
        "late": late,
        "forgotten": sealed.has_forgotten,
        "clocks": {source: save_clock(clock) for source, clock in clocks.items()},
        "sealed": sealed.save(),
    }


def read_state(data: Mapping[str, Any]) -> State:
    """Return a state that `write_state` wrote. `Any`: JSON.

    Raises:
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: it is no saved state. Every problem has its path.
    """
    saved = structured(versioned(data, STATE_FORMAT, "the saved state of an inbox", "save_state"), _Saved)
    sealed = tuple((one, dict(read_offsets(one.offsets, f"$.sealed[{i}].offsets"))) for i, one in enumerate(saved.sealed))
    _check_fingerprints(saved)
    return State(saved.advanced, saved.late, saved.forgotten, dict(_clocks(saved.clocks)), sealed)


def _clocks(value: object) -> Iterator[tuple[str, ProviderClock]]:
    if not isinstance(value, Mapping):
        raise decode_error("wrong_type", "$.clocks", value, "an object")
    for source, clock in value.items():
        try:
            yield source, restore_clock(clock)
        except DecodeError as error:
            found = (Problem(p.error, f"$.clocks.{source}{p.path[1:]}", p.found, p.expected) for p in error.problems)
            raise DecodeError(tuple(found)) from None


def _check_fingerprints(saved: _Saved) -> None:
    for index, session in enumerate(saved.sealed):
        for place, text in enumerate(session.copies):
            try:
                bytes.fromhex(text)
            except ValueError:
                raise decode_error("bad_value", f"$.sealed[{index}].copies[{place}]", text, "hexadecimal digits") from None
