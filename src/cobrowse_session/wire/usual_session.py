"""Sessions as they are written, read in one pass over their keys: a third of the time of the converter.

Whatever is unusual is left to `converter`, which finds the path of each problem. A test compares both.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs

from cobrowse_session.checks import members_of
from cobrowse_session.model import CobrowseSession, vendor_name
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.wire.converter import CONVERTER, NOT_FIELDS, null_keys, read_time, structured

S = TypeVar("S", bound=CobrowseSession)


def read_session(document: object, cls: type[S], path: str = "$") -> S:
    """Return a session, read from parsed JSON.

    Args:
        document: parsed JSON.
        cls: the class of the session.
        path: the path of the session in its document.

    Raises:
        DecodeError: it cannot be read. Every problem has its path.
    """
    try:
        made: S = _object_reader(cls)(document)  # type: ignore[arg-type]  # mypy takes `type[S]` for unhashable
    except Exception:  # noqa: BLE001 (whatever it is, the converter finds its path)
        return structured(document, cls, path)
    return made


_Reader = Callable[[Any], Any]
"""Returns a value that is read from JSON, and raises where it is unusual. `Any`: JSON, and a value of any field."""


@cache
def _object_reader(cls: type[attrs.AttrsInstance]) -> _Reader:
    """Return the reader of a class. Null is absent, unless it was written, and unknown keys are kept in `extra`."""
    fields = {vendor_name(a.name): (a.alias, _reader(a.type)) for a in attrs.fields(cls) if a.name not in NOT_FIELDS}
    nulls = {key: fields[key][0] for key in null_keys(cls)}
    make = cast(Callable[..., Any], cls)

    def read(value: Mapping[str, Any]) -> Any:
        arguments: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, part in value.items():
            field = fields.get(key)
            if field is None:
                extra[key] = part
            elif part is not None:
                argument, read_part = field
                arguments[argument] = read_part(part)
            elif key in nulls:
                arguments[nulls[key]] = None
        return make(**arguments, extra=extra) if extra else make(**arguments)

    return read


def _reader(wanted: Any) -> _Reader:  # any annotation
    """Return the reader of a type, without the case of None."""
    some = [member for member in members_of(wanted) if member is not type(None)]
    if len(some) == 1:
        (wanted,) = some
    if wanted is str:
        return _text
    if wanted is datetime:
        return _time
    if wanted is Segments:
        return _list_reader(_object_reader(Segment), Segments)
    if get_origin(wanted) is tuple:
        return _list_reader(_reader(get_args(wanted)[0]), tuple)
    if attrs.has(wanted):
        return _object_reader(wanted)
    read = CONVERTER.get_structure_hook(wanted)
    return lambda value: read(value, wanted)


@lru_cache(maxsize=1024)
def _time(text: object) -> datetime:
    """Return a time. A session states most of its times twice: the end of a segment is the begin of the next one."""
    return read_time(text)


def _text(value: Any) -> str:  # JSON
    if type(value) is not str:
        raise TypeError("expected text")
    return value


def _list_reader(read: _Reader, make: Callable[[list[Any]], Any]) -> _Reader:
    def read_list(value: Any) -> Any:  # JSON
        if type(value) is not list:
            raise TypeError("expected a list")
        return make([read(part) for part in value])

    return read_list
