"""The classes of a table on the wire: every field of its own must be of a type that is written *and* read back.

A `date` would be written as text by some JSON writers and read back as text, and a `Decimal` would become a float. Such a field
would be found out when a year of logs cannot be restored. So it is refused when the table is first used here.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, get_args, get_origin

import attrs

from cobrowse_session.checks import check_type, members_of
from cobrowse_session.errors import TableError
from cobrowse_session.events import DETAIL_NAMES, KINDS, PLAIN_TYPES, SETTING_NAMES, Event, own_names
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import CobrowseSession, vendor_name
from cobrowse_session.vocabulary import Vocabulary

_EXPECTED = "text, bool, int, float, datetime, timedelta, a Vocabulary | str, a tuple of one of them, or one of these and None"


@lru_cache(maxsize=64)
def types_of(table: Table) -> Mapping[str, type[Event]]:
    """Return the classes of a table's events by their CloudEvents type, after a check of their fields and of the session's.

    Raises:
        TypeError: it is no table.
        TableError: a field of its own cannot be read or written, or two fields have one key.
    """
    check_type("table", table, Table)
    found = [problem for event in table.events if KINDS.get(event.kind) is not event for problem in _of_event(event)]
    if problems := (*found, *_of_session(table.session)):
        raise TableError(problems)
    return table.types


def _of_event(event: type[Event]) -> Iterator[str]:
    cls: type = event
    attributes = attrs.fields_dict(cls)
    for key, name in own_names(cls).items():
        if key in DETAIL_NAMES or key in SETTING_NAMES:
            yield f"{event.__name__}: {name}: its key {key} is that of a detail or a setting: choose another name"
        yield from _of_field(cls, attributes[name])


def _of_session(session: type[CobrowseSession]) -> Iterator[str]:
    standard = attrs.fields_dict(CobrowseSession)
    keys = {vendor_name(name) for name in standard}
    for attribute in attrs.fields(session):
        if attribute.name not in standard:
            if vendor_name(attribute.name) in keys:
                yield f"{session.__name__}: {attribute.name}: its key {vendor_name(attribute.name)} is taken: choose another name"
            yield from _of_field(session, attribute)


def _of_field(cls: type, attribute: "attrs.Attribute[Any]") -> Iterator[str]:  # a field of any type
    if not _is_read(attribute.type):
        yield f"{cls.__name__}: {attribute.name}: expected {_EXPECTED}, found {_name(attribute.type)}"


def _is_read(wanted: Any) -> bool:  # any annotation
    members = [one for one in members_of(wanted) if one is not type(None)]
    if len(members) == 2 and str in members:  # an enum of the vendor's words, and a word that it does not have
        members.remove(str)
        return isinstance(members[0], type) and issubclass(members[0], Vocabulary)
    (one, *others) = members or [None]
    if get_origin(one) is tuple:
        item, *more = get_args(one)
        return not others and more == [...] and item in PLAIN_TYPES
    return not others and one in PLAIN_TYPES


def _name(wanted: Any) -> str:  # any annotation
    return wanted.__name__ if isinstance(wanted, type) else str(wanted)
