"""The order of events, their canonical form as JSON, and the notes on what was kept but not understood (ORDER-1, COPY-9)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from cobrowse_session.checks import NO_EXTRA, json_text
from cobrowse_session.events import (
    CONTEXT_NAMES,
    TIMEOUT_NAMES,
    TYPE_PREFIX,
    Event,
    UnknownEvent,
    WrapupSaved,
    stated,
    word_names,
)
from cobrowse_session.model import NO_CONTEXT, NO_DETAILS, Address, vendor_name
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.vocabulary import UnknownPrompt, Vocabulary

# --- Order --------------------------------------------------------------------------------------------------------------------

Identity = tuple[str, str, str]
Edition = tuple[int, int, str, str]
OrderKey = tuple[datetime, int, str, Edition, str]


def order(event: Event) -> OrderKey:
    """Return the key by which the events of a session are sorted (ORDER-1)."""
    sequence = event.sequence
    return event.occurred_at, event.rank, event.source, NO_EDITION if sequence is None else edition(sequence), event.id


def identity(event: Event) -> Identity:
    """Return what makes two events copies of each other."""
    return event.subject, event.source, event.id


def edition(sequence: str | None) -> Edition:
    """Return the key by which sequences are sorted: none, then integers of any length, then other text by code point.

    >>> sorted(["a", "10", "9", "007", "7", None], key=edition)
    [None, '007', '7', '9', '10', 'a']
    """
    if sequence is None:
        return NO_EDITION
    if sequence.isascii() and sequence.isdigit():
        digits = sequence.lstrip("0")
        return 1, len(digits), digits, sequence
    return 2, 0, "", sequence


NO_EDITION: Edition = (0, 0, "", "")


def canonical(event: Event) -> str:
    """Return the event as JSON with sorted keys, without the time it was received. Copies that differ here are in conflict."""
    written = as_json(event)
    written.pop("receivedtime", None)
    return json_text(written)


def statements(event: Event) -> dict[tuple[str, ...], str]:
    """Return what an event states: each key of the envelope and of the data, by its path, with its canonical JSON (COPY-18).

    The edition and the time of receipt are no statements. The data of an unknown type are one statement.
    """
    written = as_json(event)
    data = {} if isinstance(event, UnknownEvent) else written.pop("data", {})
    found: dict[tuple[str, ...], str]
    found = {(key,): json_text(value) for key, value in written.items() if key not in ("sequence", "receivedtime")}
    if isinstance(event, WrapupSaved):  # a save replaces the whole wrap-up: what it leaves unset is a statement, too
        found["wrapup",] = json_text([getattr(event, name) for name in _WRAPUP])
    return {**found, **{("data", key): json_text(value) for key, value in data.items()}}


_WRAPUP = [name for name in attrs.fields_dict(WrapupSaved) if name not in attrs.fields_dict(Event)]


def as_json(event: Event) -> dict[str, Any]:
    """Return the event as a CloudEvents 1.0 JSON object without what is unset. `Any`: JSON."""
    envelope: dict[str, str | None] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": time_text(event.occurred_at),
        "receivedtime": _time_text(event.received_at),
        "providertime": _time_text(event.provider_time),
        "sequence": event.sequence,
        "derivedfrom": event.derived_from,
    }
    if event.context is not NO_CONTEXT:
        envelope.update((key, getattr(event.context, name)) for key, name in CONTEXT_NAMES.items())
    written: dict[str, Any] = {key: value for key, value in envelope.items() if value is not None}
    written.update(event.extensions)
    if (data := data_of(event)) is not None:
        written["data"] = data
    return written


def data_of(event: Event) -> Any:
    """Return the data of an event as JSON. None: it has none. `Any`: JSON."""
    if isinstance(event, UnknownEvent):
        return None if event.data == {} else event.data
    return {**event.extra, **{key: _plain(value) for key, value in stated(event)}} or None


def _time_text(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it. `Any`: JSON."""
    match value:
        case Vocabulary() | UnknownPrompt():
            return str(value)
        case timedelta():
            return milliseconds(value)
        case datetime():
            return time_text(value)
        case tuple():
            return [_plain(item) for item in value]
        case Address():
            parts = {vendor_name(a.name): getattr(value, a.name) for a in attrs.fields(Address) if a.name != "extra"}
            return {key: part for key, part in parts.items() if part is not None} | dict(value.extra)
        case _:
            return value


# --- Notes --------------------------------------------------------------------------------------------------------------------


def notes(event: Event) -> tuple[str, ...]:
    """Return sentences about what was kept but not understood, and about how the time was found."""
    # A look at the types shows that an event has no notes, as most have none.
    cls: type = type(event)
    words = event.vocabulary if event.prefix is TYPE_PREFIX else word_names(cls)  # the class of a kind of one's own
    if (
        event.derived_from is None
        and event.provider_time is None
        and event.extra is NO_EXTRA
        and (event.details is NO_DETAILS or (_is_known(event.details.cobrowse_role) and _is_known(event.details.initial_state)))
        and (not words or all([_is_known(getattr(event, name)) for name in words]))  # noqa: C419 (faster)
        and type(event.settings.wrapup_prompt) is not UnknownPrompt
    ):
        return ()
    found = [*_notes_on_time(event)]
    if event.rank != UnknownEvent.rank and (words or _has_data(event)):
        found += _notes_on_words(event, words)
        found += [f"{key} {_short(event.extra[key])} is out of bounds, not taken" for key in TIMEOUT_NAMES if key in event.extra]
        if isinstance(event, WrapupSaved) and event.code is None and event.extra:
            found += [
                f"key {_short(key)} is not read, and the wrap-up has no code"
                for key in sorted(event.extra)
                if key not in TIMEOUT_NAMES
            ]
    return tuple(found)


def _is_known(word: str | None) -> bool:
    return word is None or isinstance(word, Vocabulary)


def _has_data(event: Event) -> bool:
    return event.details is not NO_DETAILS or event.settings is not NO_SETTINGS or event.extra is not NO_EXTRA


def _notes_on_time(event: Event) -> Iterator[str]:
    if event.derived_from is not None:
        yield f"time derived from {event.derived_from}"
    if event.provider_time is not None and event.provider_time != event.occurred_at:
        offset = (event.occurred_at - event.provider_time).total_seconds()
        yield f"time corrected by {offset:+.3f} s"


def _notes_on_words(event: Event, words: Iterable[str]) -> Iterator[str]:
    found = [(name, getattr(event, name)) for name in words]
    found += [(name, getattr(event.details, name)) for name in ("cobrowse_role", "initial_state")]
    found.append(("wrapup_prompt", event.settings.wrapup_prompt))
    for name, value in found:
        if value is not None and not isinstance(value, Vocabulary):
            yield f"unknown {vendor_name(name)} {str(value)!r}, kept as it came"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
