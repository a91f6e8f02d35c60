"""The check of what an action of a user's own writes: each value is as it will be read back from JSON.

An own action can write any value, and the session would take it. What cannot be read back would be found after a restart, when
the log is restored. So a row with such an action ends with a check. The rows of the standard table have none.
"""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs
from attrs import frozen

from cobrowse_session.checks import check_text, members_of, shown
from cobrowse_session.events import PLAIN_TYPES, Event, Timer, plain_value
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Action, Row, name_of, written_by
from cobrowse_session.model import CobrowseSession
from cobrowse_session.vocabulary import Vocabulary


def is_own(part: object) -> bool:
    """Return whether a guard, an action or a class is of a user's own."""
    return not part.__module__.startswith("cobrowse_session.")


def value_checks(row: Row, session: type[CobrowseSession]) -> tuple[Action, ...]:
    """Return the actions that check what a row has written. None for a row without actions of a user's own.

    Args:
        row: any row of a table.
        session: the class of the table's sessions.
    """
    actions = tuple(filter(is_own, row.actions))
    if not actions:
        return ()
    writers = {name: name_of(action) for action in actions for name in written_by(action)}
    standard = attrs.fields_dict(CobrowseSession)
    fields = []
    for attribute in attrs.fields(session):
        # An action may write more than it names, so each field of the class's own is checked.
        if attribute.name in writers or attribute.name not in standard:
            where = f"row {row.name!r}: action {writers.get(attribute.name, name_of(actions[-1]))}: {attribute.name}"
            fields += [_Field(attribute.name, where, attribute.default, *found) for found in _item_of(attribute.type)]
    return (CheckValues(tuple(fields)),) if fields else ()


@frozen(eq=False)
class _Field:
    """A field of a session: the type of its value, or of the items of its tuple."""

    name: str
    where: str
    default: Any  # of any field
    item: type
    is_many: bool
    is_optional: bool

    def read(self, value: Any) -> Any:  # of any type
        """Return a value as it will be read back."""
        if value is None and self.is_optional:
            return None
        if not self.is_many:
            return _read(self.where, value, self.item)
        if not isinstance(value, tuple | list):
            raise TypeError(f"{self.where}: expected a tuple of {self.item.__name__}, found {shown(value)}")
        return tuple(_read(f"{self.where}[{place}]", one, self.item) for place, one in enumerate(value))


@frozen(eq=False)
class CheckValues:
    """The action that checks what the actions before it wrote."""

    fields: tuple[_Field, ...]

    def __call__(self, session: CobrowseSession, _event: Event | Timer, _: Policy) -> None:
        """Replace each value by what will be read back.

        Raises:
            TypeError: a value is of another type than its field.
            ValueError: JSON cannot hold it.
        """
        for field in self.fields:
            value = getattr(session, field.name, field.default)  # a session of another class may lack it
            if value is not field.default:  # a default is not written, so it may be anything
                setattr(session, field.name, field.read(value))


def _read(where: str, value: Any, item: type) -> Any:  # of any type
    """Return a value as it will be read back: a time in whole milliseconds, an integer as a float where a float is expected."""
    if issubclass(item, str):
        check_text(where, value)
        return plain_value(where, value, item) if issubclass(item, Vocabulary) else str(value)
    if item is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise ValueError(f"{where}: expected a float, found an integer that is too large") from None
    return plain_value(where, value, item)


def _item_of(annotation: Any) -> Iterator[tuple[type, bool, bool]]:  # any annotation
    """Yield the type of the values of a field, whether it has a tuple of them, and whether it may be None.

    Of a type that is not read from JSON, nothing is yielded.
    """
    members = members_of(annotation)
    some = [member for member in members if member is not type(None)]
    words = [one for one in some if isinstance(one, type) and issubclass(one, Vocabulary)]
    one = words[0] if words else some[0]
    is_many = get_origin(one) is tuple
    item = get_args(one)[0] if is_many else one
    if isinstance(item, type) and (words or item in PLAIN_TYPES):
        yield item, is_many, len(some) < len(members)
