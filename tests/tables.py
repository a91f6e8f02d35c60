"""Tables with other rows than the standard one, for tests."""

from collections.abc import Iterable

from attrs import evolve

from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.machine import Machines, machines
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

STANDARD = machines(Table.standard())


def table_of(connection: Iterable[Row] = CONNECTION, after_call_work: Iterable[Row] = AFTER_CALL_WORK) -> Table:
    """The standard table with other rows."""
    return evolve(Table.standard(), connection=tuple(connection), after_call_work=tuple(after_call_work))


def build(connection: Iterable[Row] = CONNECTION, after_call_work: Iterable[Row] = AFTER_CALL_WORK) -> Machines:
    """The machines of the standard table with other rows."""
    return machines(table_of(connection, after_call_work))
