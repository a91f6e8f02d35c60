"""Values on the wire: one cattrs converter for all formats. It is stricter than cattrs and keeps unknown keys and words."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, BaseConverter, BaseValidationError, Converter
from cattrs.gen import make_dict_structure_fn, override

from cobrowse_session.checks import members_of
from cobrowse_session.errors import DecodeError, FormatVersionError, Problem
from cobrowse_session.model import Communication, vendor_name
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.times import milliseconds, time_text, utc
from cobrowse_session.vocabulary import Vocabulary
from cobrowse_session.wire.strict_json import MAX_PROBLEMS, decode_error, shown, too_many

T = TypeVar("T")

RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]+))?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

_USUAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")


class TypeProblem(ValueError):  # noqa: N818 (it becomes a Problem, and nobody outside sees it)
    """A value of a type that is not read in its place."""

    def __init__(self, value: object, expected: str, error: str = "wrong_type") -> None:
        super().__init__(expected)
        self.value, self.expected, self.error = value, expected, error


class _ListProblem(ValueError):  # noqa: N818 (see `TypeProblem`)
    """Items of a list that cannot be read.

    Attributes:
        errors: the errors of the first of them, by index.
        count: the number of items that cannot be read.
    """

    def __init__(self, errors: dict[int, Exception], count: int) -> None:
        super().__init__(count)
        self.errors, self.count = errors, count


def read_time(text: object) -> datetime:
    """Return an RFC 3339 time with its zone, in UTC, cut to the millisecond. Second 60 reads as 59.999 (TIME-9, TIME-10).

    Raises:
        TypeProblem: it is no such time, or it lies outside the years 1970 to 9999.
    """
    if not isinstance(text, str):
        raise TypeProblem(text, "a time as text, with its zone: 2026-03-01T09:00:00.000Z")
    usual = text if _USUAL_TIME.fullmatch(text) else _usual_time(text)
    try:
        return utc(datetime.fromisoformat(usual))
    except ValueError:
        raise TypeProblem(text, "a time that exists, from 1970 on", "bad_time") from None


def _usual_time(text: str) -> str:
    """Return an RFC 3339 time in a form that Python reads. Python would read other forms, too, which are no RFC 3339."""
    if not (found := RFC_3339.fullmatch(text)):
        raise TypeProblem(text, "a time with its zone: 2026-03-01T09:00:00.000Z", "bad_time")
    date, hour, minute, second, fraction, zone = found.groups()
    if second == "60":
        second, fraction = "59", "999"
    zone = "+00:00" if zone in "Zz" else zone
    return f"{date}T{hour}:{minute}:{second}.{(fraction or '')[:3]:0<3}{zone}"


def problems(error: BaseException, path: str) -> Iterator[Problem]:
    """Yield the problems that cattrs found, each with its path. Of a list, yield the first ones and their number."""
    # Example: `wrapup.tags` has a number at index 1. cattrs raises a group for the session, in it one for the wrap-up, and in
    # that one the `_ListProblem` of `_list_reader`. Each level knows one step, so the path grows on the way in: `$`, `$.wrapup`,
    # `$.wrapup.tags`, `$.wrapup.tags[1]`.
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from problems(inner, path + _last_step(inner))
    elif isinstance(error, _ListProblem):
        for index, inner in error.errors.items():
            yield from problems(inner, f"{path}[{index}]")
        if error.count > MAX_PROBLEMS:
            yield too_many(path, error.count)
    elif isinstance(error, TypeProblem):
        yield Problem(error.error, path, shown(error.value), error.expected)
    elif isinstance(error, KeyError):
        yield Problem("missing", path, "nothing", "a value")
    else:
        raise error


def _last_step(error: BaseException) -> str:
    notes = getattr(error, "__notes__", ())
    return next((f".{vendor_name(note.name)}" for note in notes if isinstance(note, AttributeValidationNote)), "")


def _exactly(wanted: type, expected: str) -> Callable[[Any, Any], Any]:
    def read(value: Any, _: Any) -> Any:
        if type(value) is not wanted:
            raise TypeProblem(value, expected)
        return value

    return read


def _word(vocabulary: type[Vocabulary]) -> Callable[[Any, Any], Any]:
    def read(value: Any, _: Any) -> Any:
        if value is not None and not isinstance(value, str):
            raise TypeProblem(value, "a string")
        return value and vocabulary.read(value)

    return read


NOT_FIELDS = ("extra", "settings")
"""What is not a key of the JSON: `extra` is written beside the others, and settings are not written."""


def _is_word(wanted: Any) -> bool:
    """Return whether a type is an enum of words, or a word that it does not have: `DisconnectType | str | None`."""
    return str in (members := members_of(wanted)) and any(map(_is_vocabulary, members))


def _vocabulary_of(union: Any) -> type[Vocabulary]:
    found: type[Vocabulary] = next(filter(_is_vocabulary, get_args(union)))
    return found


def _is_vocabulary(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, Vocabulary)


def null_keys(cls: type) -> frozenset[str]:
    """Return the keys of the fields that are written as null if they are None: their default is another value."""
    found = (a for a in attrs.fields(cls) if a.default is not None and type(None) in members_of(a.type))
    return frozenset(vendor_name(a.name) for a in found)


def _fields(cls: type, converter: Converter) -> Iterator[tuple[str, Any]]:
    """Yield the names and the readers of the fields for cattrs. `Any`: a private type."""
    for attribute in attrs.fields(cls):
        read = _without_none(attribute.type, converter)
        yield (
            attribute.name,
            override(omit=attribute.name in NOT_FIELDS or None, rename=vendor_name(attribute.name), struct_hook=read),
        )


def _without_none(wanted: Any, converter: Converter) -> Callable[[Any, Any], Any] | None:  # any annotation
    """Return the reader of a type that may be None. None: the type's own reader will do."""
    members = [member for member in members_of(wanted) if member is not type(None)]
    if len(members) != 1 or members == [wanted]:
        return None
    read = converter.get_structure_hook(members[0])
    return lambda value, _: None if value is None else read(value, members[0])


def _object_reader(cls: type, converter: Converter) -> Callable[[Any, Any], Any]:
    """Return a reader of objects. Null is absent, unless it was written, and unknown keys are kept in `extra`."""
    # `Any`: or mypy takes the overrides for the other arguments of the function.
    fields: dict[str, Any] = dict(_fields(cls, converter))
    known = frozenset(field.rename for field in fields.values() if not field.omit)
    nulls = null_keys(cls)
    read: Callable[[Any, Any], Any] = make_dict_structure_fn(cls, converter, **fields)

    def read_object(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeProblem(value, "an object")
        # Example, a session `{"id": "s1", "state": "parked", "peerId": null, "theme": "dark"}`:
        #
        #     key     what happens
        #     id      known: cattrs reads it with the hook of its type
        #     state   known, and its word is not: `_word` keeps the text
        #     peerId  null is absent: left out, so the default counts
        #     theme   unknown: kept in `extra`, and written again as it came
        #
        # cattrs can refuse unknown keys or drop them. It cannot keep them, so they are taken out before and put back after.
        made = read({key: part for key, part in value.items() if key in known and (part is not None or key in nulls)}, cls)
        extra = {key: part for key, part in value.items() if key not in known}
        return attrs.evolve(made, extra=extra) if extra else made

    return read_object


def places(cls: type) -> tuple[tuple[str, str, Any], ...]:  # the default of any field
    """Return the fields of an object as they are written: attribute, key, and the value with which the key is absent."""
    # A session writes its state even if it has none yet (JSON-4).
    always = ("state",) if issubclass(cls, Communication) else ()
    return tuple(
        (a.name, vendor_name(a.name), attrs.NOTHING if a.name in always else a.default)
        for a in attrs.fields(cls)
        if a.name not in NOT_FIELDS
    )


def _object_writer(cls: type) -> Callable[[Any], dict[str, Any]]:
    """Return a writer of objects. Unset keys are absent, and unknown keys follow as they came (JSON-2, JSON-7)."""
    fields = places(cls)

    def write(value: Any) -> dict[str, Any]:
        written = {}
        for name, key, default in fields:
            part = getattr(value, name)
            # Of None, identity is enough, and `!=` of segments takes long.
            if part is not default and (default is None or part != default):
                written[key] = plain(part)
        return {**written, **value.extra}

    return write


def plain(value: Any) -> Any:
    """Return a value of a session as JSON, a duration in whole milliseconds. `Any`: of any field, and JSON."""
    cls = type(value)
    return value if cls in _PLAIN else _writer(cls)(value)  # type: ignore[arg-type]  # mypy takes `type[Any]` for unhashable


_PLAIN = frozenset({str, int, bool, type(None)})


@cache
def _writer(cls: type) -> Callable[[Any], Any]:
    return CONVERTER.get_unstructure_hook(cls)


def _is_tuple(wanted: Any) -> bool:
    return get_origin(wanted) is tuple


def _list_reader(wanted: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    """Return a reader of lists. The one of cattrs keeps every error with its traceback, a thousand times the room of the list."""
    item = get_args(wanted)[0]
    read = converter.get_structure_hook(item)

    def read_list(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise TypeProblem(value, "a list")
        made, errors, count = [], dict[int, Exception](), 0
        for index, part in enumerate(value):
            try:
                made.append(read(part, item))
            except Exception as error:  # noqa: BLE001 (`problems` raises again what it does not know)
                count += 1
                if count <= MAX_PROBLEMS:
                    errors[index] = error
        if count:
            raise _ListProblem(errors, count)
        return tuple(made)

    return read_list


def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(int, _exactly(int, "an integer"))
    converter.register_structure_hook(float, _exactly(float, "a number with a fraction"))
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_unstructure_hook(timedelta, milliseconds)
    converter.register_structure_hook_factory(_is_word, lambda union: _word(_vocabulary_of(union)))
    converter.register_structure_hook_factory(_is_tuple, _list_reader)
    converter.register_structure_hook_factory(attrs.has, _object_reader)
    converter.register_unstructure_hook_factory(attrs.has, _object_writer)
    converter.register_unstructure_hook(Vocabulary, str)
    read_segments = _list_reader(tuple[Segment, ...], converter)
    converter.register_structure_hook(Segments, lambda value, _: Segments(read_segments(value, None)))
    converter.register_unstructure_hook(Segments, lambda segments: list(map(plain, segments)))
    return converter


CONVERTER = _converter()


def structured(value: object, cls: type[T], path: str = "$") -> T:
    """Return a value of a class, read from JSON.

    Args:
        value: parsed JSON.
        cls: an attrs class.
        path: the path of the value in its document.

    Raises:
        DecodeError: the value is not of that form. Every problem has its path.
    """
    try:
        return CONVERTER.structure(value, cls)
    except Exception as error:  # noqa: BLE001 (`problems` raises again what it does not know)
        raise DecodeError(tuple(problems(error, path))) from None


def versioned(data: object, newest: int, what: str, writer: str) -> dict[str, Any]:
    """Return saved data without their `format`, after a check that this version can be read. `Any`: JSON.

    Args:
        data: parsed JSON.
        newest: the version that is read here.
        what: what was saved, for errors: `a saved log`.
        writer: the function that writes it, for errors.

    Raises:
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: it is no object, or it has no version that can be read.
    """
    if not isinstance(data, Mapping):
        raise decode_error("not_an_object", "$", data, f"{what}, as {writer} returns it")
    version = data.get("format")
    if type(version) is int and version > newest:
        raise FormatVersionError(what, version, newest)
    if type(version) is not int or version != newest:
        raise decode_error("unsupported_version", "$.format", version, f"{newest}, the version that is read here")
    return {key: value for key, value in data.items() if key != "format"}
