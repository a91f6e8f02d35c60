"""Checks of the values that a caller constructs: whatever passes them can be written as JSON and read back.

The wire reads strictly. A constructor must be as strict, or a log would accept, and save, what nobody can read after a restart.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import Enum
from functools import cache
from operator import attrgetter, itemgetter
from types import UnionType
from typing import Any, NoReturn, Union, get_args, get_origin

import attrs
from attrs import frozen

MAX_DEPTH = 64
"""How many objects and arrays of one JSON document may be nested."""
MAX_INTEGER_DIGITS = 4300
"""How many digits a JSON integer may have. Python has the same limit by default; here no setting changes it."""

_MAX_INTEGER = 10**MAX_INTEGER_DIGITS
_SIGNATURES = 1024  # of one class; a caller with endless subclasses of str must not fill the memory


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, with a space before it. It is empty if none is near."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f" Did you mean {found[0]}?" if found else ""


def check_fields(instance: attrs.AttrsInstance) -> tuple[str, ...]:
    """Check that each field of a value has the type of its annotation, and that its text is whole.

    Args:
        instance: a value of an attrs class. Fields that hold unknown JSON are left to `copy_json`.

    Returns:
        The names of the fields that are not None. Values whose fields have the same types share one tuple.

    Raises:
        TypeError: a field has another type.
        ValueError: a text has a lone surrogate, which UTF-8 cannot encode.
    """
    # The types of all fields together are the *signature* of a value. A program has few of them. So the types are checked once
    # for each signature, and only the texts of each value. Example, `Details(viewer_url="v")`:
    #
    #     signature      str for viewer_url, NoneType for the other eight fields
    #     first value    each type is checked, and the plan keeps: of this signature, `viewer_url` is a text
    #     later values   one look-up, and a look at `viewer_url`: `isascii` is enough for most texts
    #
    # A member of an enum is a str, too. Its words are ASCII, so `disconnect_type` is looked at only if its value is a plain str.
    plan = _plan(type(instance))
    values = plan.read(instance)
    signature = (*map(type, values),)
    texts = plan.texts.get(signature)
    if texts is None:
        texts = _check_types(plan, values)
        if len(plan.texts) < _SIGNATURES:
            plan.texts[signature] = texts
    taken, places, tuples, stated = texts
    if not "".join(taken(values)).isascii():  # one look at all of them
        for index in places:
            check_text(f"{plan.name}: {plan.fields[index].name}", values[index])
    for index in tuples:
        for place, word in enumerate(values[index]):
            check_text(f"{plan.name}: {plan.fields[index].name}[{place}]", word)
    return stated


def _check_types(plan: "_Plan", values: tuple[object, ...]) -> "_Texts":
    """Check the types of values, and return the places of texts and of tuples of texts, and what is not None."""
    for field, value in zip(plan.fields, values, strict=True):
        if not isinstance(value, field.types):
            raise TypeError(f"{plan.name}: {field.name}: expected {field.expected}, found {shown(value)}")
    places = tuple(index for index, value in enumerate(values) if isinstance(value, str) and not _is_ascii_word(value))
    tuples = tuple(index for index, value in enumerate(values) if isinstance(value, tuple) and plan.fields[index].items is str)
    # Of one place, `itemgetter` returns the text itself, and joined it is itself again.
    stated = tuple(field.name for field, value in zip(plan.fields, values, strict=True) if value is not None)
    return itemgetter(*places) if places else _none, places, tuples, stated


def _none(_: tuple[object, ...]) -> tuple[()]:
    return ()


def _is_ascii_word(value: object) -> bool:
    """Return whether a value is of an enum whose words are all ASCII, as those of the model are."""
    return isinstance(value, Enum) and all(str(word).isascii() for word in type(value))


def check_type(name: str, value: object, wanted: type) -> None:
    """Check that a value is an object of a class.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__.startswith(tuple("AEIOU")) else "a"
        raise TypeError(f"{name}: expected {article} {wanted.__name__}, found {shown(value)}")


def check_text(name: str, value: object) -> None:
    """Check that a value is text that UTF-8 can encode.

    Raises:
        TypeError: it is no text.
        ValueError: it has a lone surrogate.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, found {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: expected text without lone surrogates, found {shown(value)}") from None


def check_not_empty(name: str, value: str) -> None:
    """Check that a text is not empty.

    Raises:
        ValueError: it is.
    """
    if not value:
        raise ValueError(f"{name}: expected text that is not empty, found ''")


def copy_json(name: str, value: object, depth: int) -> Any:
    """Return a copy of a value that is JSON as Python's own `json` reads it: dict, list, str, int, float, bool or None.

    The copy shares no dict and no list with the value. So a caller who changes his own later changes no event. `Any`: JSON.

    Args:
        name: for the error.
        value: any value.
        depth: how many objects and arrays may be nested in it.

    Raises:
        TypeError: a part is of another type.
        ValueError: it is nested too deep, or has a number or a text that JSON cannot hold.
    """
    return _copy_part((None, name), value, depth)


# A path is (the path before it, the last key). Its text is made for an error only: a long key may hold many parts.
_Path = tuple[Any, object]


def _copy_part(path: _Path, value: object, depth: int) -> Any:
    if type(value) is dict:
        _check_depth(path, depth)
        for key in value:
            if type(key) is not str or not key.isascii():
                check_text(f"{_text(path)}: a key", key)
        # Example, of `{"a": [{1: 2}]}`: the path of the inner dict is (((None, "x"), "a"), 0), and its text is `x.a.0`. A path is
        # one pair for each part, and no text is made unless there is an error.
        return {key: _copy_part((path, key), part, depth - 1) for key, part in value.items()}
    if type(value) is list:
        _check_depth(path, depth)
        return [_copy_part((path, index), part, depth - 1) for index, part in enumerate(value)]
    _check_plain(path, value)
    return value


def _check_plain(path: _Path, value: object) -> None:
    if type(value) is str:
        if not value.isascii():
            check_text(_text(path), value)
    elif type(value) is float or type(value) is int:
        _check_number(path, value)
    elif value is not None and type(value) is not bool:
        raise TypeError(f"{_text(path)}: expected JSON (dict, list, str, int, float, bool or None), found {shown(value)}")


def _check_depth(path: _Path, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"{_text(path)}: expected at most {MAX_DEPTH} nested objects and arrays, found more")


def _check_number(path: _Path, value: float) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{_text(path)}: expected a number that JSON has, found {value!r}")
    if isinstance(value, int) and not -_MAX_INTEGER < value < _MAX_INTEGER:
        raise ValueError(f"{_text(path)}: expected an integer of at most {MAX_INTEGER_DIGITS} digits, found a longer one")


def check_number(name: str, value: float) -> None:
    """Check that JSON can hold a number.

    Raises:
        ValueError: it is not finite, or has too many digits.
    """
    _check_number((None, name), value)


def _text(path: _Path) -> str:
    keys: list[str] = []
    before: _Path | None = path
    while before is not None:
        before, key = before
        keys.append(shown(key) if len(str(key)) > 80 else str(key))
    return ".".join(reversed(keys))


def json_text(value: object) -> str:
    """Return JSON as text with sorted keys. Python's `==` takes 1, 1.0 and True for equal. Their texts differ.

    >>> json_text({"b": 1, "a": True})
    '{"a":true,"b":1}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def shown(value: object) -> str:
    """Return a value for an error message, cut to a readable length."""
    try:
        text = repr(value[:80] if isinstance(value, str | list | tuple) else value)
    except Exception:  # noqa: BLE001 (an integer of over 4,300 digits, or whatever else somebody's __repr__ raises)
        text = f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= 80 else f"{text[:79]}…"


# --- The plan of a class ------------------------------------------------------------------------------------------------------


@frozen
class _Field:
    name: str
    types: tuple[type, ...]
    items: type | None  # of a tuple
    expected: str


_Texts = tuple[Callable[[tuple[object, ...]], Iterable[Any]], tuple[int, ...], tuple[int, ...], tuple[str, ...]]
"""A function that takes the texts of values (`Any`: text, by its type), their places, the places of tuples of texts, and the
names of the fields that are not None."""


@frozen
class _Plan:
    name: str
    fields: tuple[_Field, ...]
    read: Callable[[object], tuple[Any, ...]]  # of any types
    texts: dict[tuple[type, ...], _Texts]  # of types that passed, so that the next cost one look-up


@cache
def _plan(cls: type[attrs.AttrsInstance]) -> _Plan:
    if any(isinstance(a.type, str) for a in attrs.fields(cls)):  # the class's module imports annotations from __future__
        attrs.resolve_types(cls)
    found = [_field(a.name, a.type) for a in attrs.fields(cls) if a.init and _is_checked(a.type)]
    return _Plan(cls.__name__, tuple(found), attrgetter(*(field.name for field in found)), {})


def _is_checked(annotation: Any) -> bool:  # any annotation
    return annotation is not Any and get_origin(annotation) is not Mapping


def members_of(annotation: Any) -> tuple[Any, ...]:  # any annotation, and its members
    """Return the types of which a value may be one. `Optional[int]` is `int | None`."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _field(name: str, annotation: Any) -> _Field:  # any annotation
    members = members_of(annotation)
    types = tuple(get_origin(member) or member for member in members)
    items = next((get_args(member)[0] for member in members if get_origin(member) is tuple), None)
    words = ["text" if one is str else "None" if one is type(None) else one.__name__ for one in types]
    return _Field(name, types, items, " or ".join(words))


# --- Unknown keys -------------------------------------------------------------------------------------------------------------

Extra = Mapping[str, Any]
"""Unknown keys, kept as they came. `Any`: whatever JSON the sender thought of."""


class _NoExtra(dict[str, Any]):
    """No unknown keys. Almost every value holds it, so all of them share one, and nobody can put anything into it."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("unknown keys are replaced, never changed in place: attrs.evolve(value, extra={...})")

    # What could be put in here would be in all events and sessions at once. Methods that take something out find nothing.
    __setitem__ = update = setdefault = __ior__ = _refuse  # pyright: ignore[reportAssignmentType] (it refuses any arguments)

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA = _NoExtra()


def own_extra(instance: object, depth: int, field: str = "extra") -> None:
    """Replace the unknown keys of a new value by a copy that belongs to it alone. See `copy_json`.

    Args:
        instance: a value of an attrs class, frozen or not.
        depth: how many objects and arrays may be nested in the unknown keys, their own object included.
        field: the field that holds them.

    Raises:
        TypeError: the field is no mapping, or a part is no JSON.
        ValueError: it is nested too deep, or has a number or a text that JSON cannot hold.
    """
    extra = getattr(instance, field)
    if extra is NO_EXTRA:
        return
    name = f"{type(instance).__name__}: {field}"
    if not isinstance(extra, Mapping):
        raise TypeError(f"{name}: expected a mapping of JSON values, found {shown(extra)}")
    object.__setattr__(instance, field, copy_json(name, dict(extra), depth) or NO_EXTRA)


def extra_key(extra: Extra) -> str:
    """Return what unknown keys are compared by: their JSON, for Python takes 1 and True for equal."""
    return json_text(dict(extra)) if extra else ""


def check_keys(name: str, extra: Extra, known: Iterable[str]) -> None:
    """Check that unknown keys are unknown indeed: a known one among them would be read back as the field.

    Raises:
        ValueError: a key belongs to a field.
    """
    if extra and (twice := sorted(set(known) & extra.keys())):
        raise ValueError(f"{name}: expected unknown keys only, found {', '.join(twice)}, which the class has fields for")
