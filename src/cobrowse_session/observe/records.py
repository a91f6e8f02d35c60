"""Trace entries as structured records, for `logging` and for structlog.

Example: a wrap-up that was saved in time, and arrives after its deadline.

    change     level  type        outcome
    withdrawn  INFO   timer.acw   applied   before the new ones, so that a reader who counts is never ahead
    new        INFO   wrapup      applied
    changed    INFO   updated     applied   `before` has the fields that were different

Whoever applies the records of a session one after the other has its trace.
"""

import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Literal, Protocol, cast

from attrs import field, frozen

from cobrowse_session.checks import shown
from cobrowse_session.errors import MissingExtraError
from cobrowse_session.lifecycle import Late, Refused
from cobrowse_session.printable import printable
from cobrowse_session.stream import Change, SessionLog, TraceEntry
from cobrowse_session.wire.trace import trace_entry


class StructuredLogger(Protocol):
    """The methods of a structlog logger that are called."""

    def info(self, event: str, **fields: object) -> object:
        """Log what is as it should be."""

    def warning(self, event: str, **fields: object) -> object:
        """Log what was refused, or came too late."""


def structlog_logger() -> StructuredLogger:
    """Return the default logger of structlog.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        return cast("StructuredLogger", import_module("structlog").get_logger("cobrowse_session.trace"))
    except ModuleNotFoundError:
        raise MissingExtraError("a log of structlog", "structlog") from None


@frozen
class LoggingObserver:
    """An observer that writes one record to `logging` for each entry of the trace that is new, withdrawn or changed.

    The message is a sentence. The fields of the entry are attributes of the record (`extra`). A refused or a late event is a
    warning, all else is information.

    Args:
        logger: by default the one named `cobrowse_session.trace`.

    Raises:
        TypeError: it is no logger of `logging`.
    """

    logger: logging.Logger = field(factory=lambda: logging.getLogger("cobrowse_session.trace"))

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.logger, logging.Logger):
            raise TypeError(f"LoggingObserver: expected a logger, as logging.getLogger(name) returns, found {shown(self.logger)}")

    def __call__(self, log: SessionLog, change: Change) -> None:
        """Write the records of a change."""
        for record in _records(change):
            level = logging.WARNING if record.is_warning else logging.INFO
            if self.logger.isEnabledFor(level):
                self.logger.log(level, "%s: %s", printable(log.session_id), record.sentence, extra=record.fields)


@frozen
class StructlogObserver:
    """An observer that logs to structlog, once for each entry of the trace that is new, withdrawn or changed.

    The `event` of structlog is the kind of the entry, and the entry's fields are keywords. The id of an event is `event_id`. A
    refused or a late event is a warning, all else is information.

    Args:
        logger: of structlog. By default what `structlog.get_logger` returns.

    Raises:
        MissingExtraError: no logger is given, and the extra `structlog` is not installed.
        TypeError: it is no logger of structlog.
    """

    logger: StructuredLogger = field(factory=structlog_logger)

    def __attrs_post_init__(self) -> None:
        if not hasattr(self.logger, "info") or isinstance(self.logger, logging.Logger):
            found = f"{shown(self.logger)}; LoggingObserver takes a logger of logging"
            raise TypeError(f"StructlogObserver: expected a logger, as structlog.get_logger() returns, found {found}")

    def __call__(self, log: SessionLog, change: Change) -> None:  # noqa: ARG002 (an observer gets both)
        """Log the entries of a change."""
        for record in _records(change):
            write = self.logger.warning if record.is_warning else self.logger.info
            write(printable(record.entry.event.kind), **record.fields)


@frozen
class _Record:
    """An entry of a change.

    Attributes:
        change: what happened to the entry. `late`: it is not in the trace, because its event came too late.
        entry: the entry, afterwards.
        before: the entry before, of one that changed.
    """

    change: Literal["new", "withdrawn", "changed", "late"]
    entry: TraceEntry
    before: TraceEntry | None = None

    @property
    def is_warning(self) -> bool:
        return isinstance(self.entry.outcome, Refused | Late)

    @property
    def sentence(self) -> str:
        event, outcome = self.entry.event, self.entry.outcome
        return printable(f"{self.change} {event.kind}, {outcome.kind}: {outcome.reason}")

    @property
    def fields(self) -> dict[str, object]:
        """The fields of the entry, as in the trace. `before` has those that were different."""
        fields = trace_entry(self.entry)
        before = trace_entry(self.before) if self.before else fields
        fields["before"] = {name: value for name, value in before.items() if fields.get(name) != value}
        fields["event_id"] = fields.pop("event", None)  # `event` is the message of structlog
        fields |= {"change": self.change, "reason": self.entry.outcome.reason}
        return {name: _printable(value) for name, value in fields.items() if value not in (None, {})}


def _records(change: Change) -> Iterator[_Record]:
    for entry in change.withdrawn:
        yield _Record("withdrawn", entry)
    for entry in change.new:
        yield _Record("new", entry)
    for before, after in change.changed:
        yield _Record("changed", after, before)
    if isinstance(change.outcome, Late):
        yield _Record("late", TraceEntry(change.outcome.event, change.outcome, change.context))


def _printable(value: object) -> object:
    """Return a field with each text in it made safe: a format of `logging` may print it as it is."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return list(map(_printable, value))
    return {name: _printable(one) for name, one in value.items()} if isinstance(value, dict) else value
