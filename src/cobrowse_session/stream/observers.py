"""Observers: functions that are called with each change of a log, after the write.

Theory of operation
===================

A log calls its observers as the last thing that `add`, `advance` and `seal` do. By then the log is clean, so an observer sees it
with the change. An observer gets what the caller gets, and sealing as a `Sealed`. An `advance` that fires nothing is no change.

No exception of an observer comes out, because the event is in the log already: the caller would take the event for lost, and send
it again. It would be a repeat, and its change would never be seen. So the exception is reported, and the caller gets the change.
What is no `Exception` does come out: a signal, a cancellation. The log has the event then, and the other observers may lack it.

An inbox has observers for all its sessions, and its logs have none. It joins what a timer and an event change into one change,
and it hands over what an interrupted `advance` fired. Its logs would report the parts.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

from cobrowse_session.checks import shown
from cobrowse_session.printable import printable

if TYPE_CHECKING:
    from cobrowse_session.stream.log import Change, SessionLog

Observer = Callable[["SessionLog", "Change"], object]
"""A function of a log and its change. It reads the log, and does not write to it. What it returns is not used."""

logger = logging.getLogger("cobrowse_session.observers")


def checked_observers(observers: Iterable[Observer]) -> tuple[Observer, ...]:
    """Return observers as a tuple, after a check.

    Raises:
        TypeError: they are no iterable, or one of them cannot be called, or is an async function.
    """
    if observers == ():  # most logs have none
        return ()
    if not isinstance(observers, Iterable):
        raise TypeError(f"observers: expected a sequence of functions, found {shown(observers)}; write observers=[function]")
    every = tuple(observers)
    for index, one in enumerate(every):
        if not callable(one):
            raise TypeError(f"observers[{index}]: expected a function of a log and a change, found {shown(one)}")
        if iscoroutinefunction(one) or iscoroutinefunction(type(one).__call__):
            raise TypeError(
                f"observers[{index}]: expected a function that is not async, found {shown(one)}; "
                "use cobrowse_session.observe.AsyncObserver(function)"
            )
    return every


def notify(observers: Iterable[Observer], log: "SessionLog", change: "Change") -> None:
    """Call observers in order. An exception of one is reported to `logging`, and the next one is called."""
    for observer in observers:
        try:
            observer(log, change)
        except Exception as error:  # noqa: BLE001 (the write is done, so no error of an observer may hide it)
            report_error(observer, log, change, error)


def report_error(observer: object, log: "SessionLog", change: "Change", error: Exception) -> None:
    """Report what an observer raised, to `logging`."""
    session, what = printable(log.session_id), printable(_what(change))
    text = "session %s, %s: the change was made, but an observer raised: %r"
    report(error, text, session, what, observer, session=session, change=what)


def report(error: Exception, text: str, *values: object, **extra: str) -> None:
    """Report what a function of the embedder raised, to `logging` and to the innermost block of `raised_by_observers`.

    Args:
        error: what it raised.
        text: the message, with a place for each of `values`.
        values: what the message says.
        extra: attributes of the record.
    """
    for errors in _listening[-1:]:
        errors.append(error)
    # A handler or a filter of the embedder may raise as well, and so may the observer's `repr`.
    with suppress(Exception):
        logger.error(text, *values, exc_info=error, extra=extra)


_listening: list[list[Exception]] = []


@contextmanager
def raised_by_observers() -> Iterator[list[Exception]]:
    """Yield a list of what observers, and functions that get rejected input, raise in the block, in any thread. For tests.

    Of two blocks, one within the other, only the inner one gets it. `logging` gets it, too, if nobody has switched it off.
    """
    errors: list[Exception] = []
    _listening.append(errors)
    try:
        yield errors
    finally:
        _listening[:] = [others for others in _listening if others is not errors]


def _what(change: "Change") -> str:
    """Return what changed, as `new connected e2, withdrawn timer.acw`."""
    marked = {"new": change.new, "withdrawn": change.withdrawn, "changed": [after for _, after in change.changed]}
    entries = [
        " ".join((mark, step.event.kind, getattr(step.event, "id", ""))) for mark, steps in marked.items() for step in steps
    ]
    return ", ".join(map(str.rstrip, entries)) or repr(change)
