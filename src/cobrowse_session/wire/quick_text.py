"""The JSON of an event, of a session and of its fields, written piece by piece: what `dump` writes of `as_json` and `plain`.

No object is made for a session or for a part of it, and the text of a key is made once. So this takes half of the time.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import attrs

from cobrowse_session.canonical import as_json, data_of
from cobrowse_session.events import CONTEXT_NAMES, Event
from cobrowse_session.model import Context
from cobrowse_session.segments import Segments
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import places, plain
from cobrowse_session.wire.strict_json import dump, encode_text


class _Writers(dict[type, Callable[[Any], str]]):
    """The writer of each class of values. It is made when a value of the class is first written."""

    def __missing__(self, cls: type) -> Callable[[Any], str]:
        self[cls] = _writer(cls)
        return self[cls]


WRITERS = _Writers()
"""`WRITERS[type(value)](value)` is a session, or a value of one of its fields, as JSON."""


def _writer(cls: type) -> Callable[[Any], str]:
    if issubclass(cls, str):
        return encode_text
    if cls is type(None):
        return lambda _: "null"
    if cls is datetime:
        return _time
    if cls in (tuple, Segments):
        return lambda some: f"[{','.join([WRITERS[type(one)](one) for one in some])}]"
    if cls is int:
        return str
    return _object_writer(cls) if attrs.has(cls) else lambda value: dump(plain(value))


def _time(moment: datetime) -> str:
    return f'"{time_text(moment)}"'


def _object_writer(cls: type) -> Callable[[Any], str]:
    """Return a writer of objects. Unset keys are absent, as in `plain`."""
    names, keys, defaults = zip(*places(cls), strict=True)
    read, heads = attrgetter(*names), [f'"{key}":' for key in keys]

    def write(value: Any) -> str:
        if value.extra:  # one of these may have the key of a field
            return dump(plain(value))
        found = [
            head + WRITERS[type(part)](part)
            for head, default, part in zip(heads, defaults, read(value))  # noqa: B905 (the check takes time)
            if part is not default and (default is None or part != default)
        ]
        return f"{{{','.join(found)}}}"

    return write


# --- Events -------------------------------------------------------------------------------------------------------------------


def event_text(event: Event) -> str:
    """Return an event as CloudEvents JSON."""
    if event.extensions:
        return dump(as_json(event))
    text = encode_text
    head = f'{{"specversion":"1.0","id":{text(event.id)},"source":{text(event.source)},"type":{text(event.type)}'
    parts = [f'{head},"subject":{text(event.subject)},"time":"{time_text(event.occurred_at)}"']
    if event.received_at is not None:
        parts.append(f'"receivedtime":"{time_text(event.received_at)}"')
    if event.provider_time is not None:
        parts.append(f'"providertime":"{time_text(event.provider_time)}"')
    if event.sequence is not None:
        parts.append(f'"sequence":{text(event.sequence)}')
    if event.derived_from is not None:
        parts.append(f'"derivedfrom":{text(event.derived_from)}')
    parts += _context_texts(event.context)
    if (data := data_of(event)) is not None:
        parts.append(f'"data":{dump(data)}')
    return f"{','.join(parts)}}}"


@lru_cache(maxsize=1024)
def _context_texts(context: Context) -> tuple[str, ...]:
    """Return the keys of a context, each with its value. The events of a session share it."""
    found = ((key, getattr(context, name)) for key, name in CONTEXT_NAMES.items())
    return tuple(f'"{key}":{encode_text(value)}' for key, value in found if value is not None)
