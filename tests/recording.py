"""What guards and deadlines read, recorded: a table whose guards see the session and the policy through a recording value."""

from collections.abc import Callable
from datetime import datetime
from types import FunctionType, MethodType
from typing import Any

from attrs import evolve, frozen, has

from cobrowse_session.lifecycle.deadline import Due
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Guard, Row, reads_event
from cobrowse_session.model import Communication
from cobrowse_session.segments import Segments
from cobrowse_session.tables import Event, Table

Path = tuple[str | int, ...]
"""The way to a value: `session`, `wrapup`, `code`. A number is an index."""

Reader = Callable[[Communication, Policy], Any]  # `Any`: as the value has it
"""Reads the value of a variable."""

READS: set[Path] = set()
"""What was read since it was cleared."""


class Recorded:
    """A value that notes each read of its attributes, and of theirs. It is compared and called like the value itself."""

    def __init__(self, value: object, path: Path) -> None:
        object.__setattr__(self, "_recorded", (value, path))

    def __getattribute__(self, name: str) -> Any:  # `Any`: as the value has it
        value, path = object.__getattribute__(self, "_recorded")
        if name == "__class__":  # attrs compares the classes of two values before their fields
            return type(value)
        function = getattr(type(value), name, None)
        if isinstance(function, FunctionType):
            return MethodType(function, self)  # so that a method's own reads are noted
        return _noted(getattr(value, name), (*path, name))

    def __getitem__(self, index: int) -> Any:  # `Any`: as the value has it
        value, path = object.__getattribute__(self, "_recorded")
        return _noted(value[index], (*path, index))

    def __bool__(self) -> bool:
        return bool(object.__getattribute__(self, "_recorded")[0])

    def __eq__(self, other: object) -> bool:
        cls: Any = type(object.__getattribute__(self, "_recorded")[0])  # `Any`: its comparison takes what acts as one of it
        found = cls.__eq__(self, other)
        return found if isinstance(found, bool) else self is other

    __hash__ = None  # type: ignore[assignment]  # nothing looks up a part of a session


def _noted(value: object, path: Path) -> object:
    READS.add(path)
    return Recorded(value, path) if has(type(value)) or isinstance(value, Segments) else value


@reads_event
@frozen
class RecordedGuard:
    """A guard that notes what it reads."""

    guard: Guard

    def __call__(self, session: Communication, event: Event, policy: Policy) -> bool:
        return self.guard(Recorded(session, ("session",)), event, Recorded(policy, ("policy",)))  # type: ignore[arg-type]  # it acts as one


@frozen
class RecordedDue:
    """A deadline that notes what it reads."""

    due: Due

    def __call__(self, session: Communication, policy: Policy) -> datetime | None:
        return self.due(Recorded(session, ("session",)), Recorded(policy, ("policy",)))  # type: ignore[arg-type]  # it acts as one


def recording(table: Table) -> Table:
    """Return a table with the same rows and deadlines, whose guards and deadlines note what they read."""

    def recorded(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(evolve(row, guards=tuple(map(RecordedGuard, row.guards))) for row in rows)

    return evolve(
        table,
        name=f"{table.name}, recorded",
        connection=recorded(table.connection),
        after_call_work=recorded(table.after_call_work),
        deadlines=tuple(evolve(one, due=RecordedDue(one.due)) for one in table.deadlines),
    )


def reader(path: Path) -> Reader:
    """Return a function that reads a recorded path. None: a part of it is unset."""
    root, *rest = path

    def read(session: Communication, policy: Policy) -> Any:  # `Any`: as the value has it
        value: Any = session if root == "session" else policy
        for step in rest:
            if value is None or value == ():
                return None
            value = value[step] if isinstance(step, int) else getattr(value, step)
        return value

    return read
