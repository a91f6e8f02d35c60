"""The commands that explain a session: its history, and why a field holds its value."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from json import loads
from shlex import quote
from typing import Annotated, Any

import typer

from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, check_order
from cobrowse_session.cli.options import Json, grouped
from cobrowse_session.cli.outputs import show, show_json
from cobrowse_session.cli.screen import inform, waiting_for
from cobrowse_session.cli.sessions import Sessions, sessions_of
from cobrowse_session.cli.suggest import did_you_mean
from cobrowse_session.events import SETTING_NAMES
from cobrowse_session.lifecycle import Ignored, Outcome, Refused
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.printable import printable
from cobrowse_session.stream import Explanation, HistoryEntry, SessionLog, explain, explainable_fields, history_entries
from cobrowse_session.stream.history import after_sealing
from cobrowse_session.stream.words import clock_time, session_name
from cobrowse_session.wire import encode_session
from cobrowse_session.wire.converter import plain
from cobrowse_session.wire.explained import explanation_json, field_json, history_json
from cobrowse_session.wire.strict_json import dump

Session = Annotated[
    str | None, typer.Argument(metavar="SESSION", help="The session's id. It may be left out if the file has one session.")
]
_WITHOUT_PROMPT = "none_without_prompt"
"""The row that decides if no event and no option names a prompt."""
_AFTER_THE_END = ("afterCallWork", "wrapup")


@grouped(sessions=sessions_of)
def explain_command(
    sessions: Sessions,
    session: Session = None,
    field: Annotated[
        str | None, typer.Argument(metavar="FIELD", help="A field of the session JSON: `wrapup.endTime`. Without it: all fields.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show why a field of a session holds its value: which event and row set it, on which clock, by which rule.

    Without FIELD, list the fields that can be explained, with their values.
    """
    check_order(sessions.events, session, field)
    check_files([sessions.events], ["-"])
    logs = sessions.read(session=session)
    ids = [log.session_id for log in logs]
    if field in ids and session not in ids:
        raise typer.BadParameter(
            f"the session comes before the field: {quote(field)} {quote(session or '')}", param_hint="SESSION"
        )
    if field is None and session is not None and _is_field(session, ids, sessions.lifecycle.table):
        session, field = None, session
    log = sessions.find(logs, session)
    explanation = None if field is None else _explained(log, field)
    with usage_errors():
        if explanation is None:
            _show_fields(log, json=json)
        elif json:
            show_json(explanation_json(log.session_id, explanation))
        else:
            _show_explanation(explanation)
    if explanation and explanation.value is None and explanation.field.startswith(_AFTER_THE_END):
        _hint([log])
    sessions.exit_if_rejected()


@grouped(sessions=sessions_of)
def history_command(
    sessions: Sessions,
    session: Annotated[str | None, typer.Argument(metavar="SESSION", help="The session's id. Without it: all sessions.")] = None,
    *,
    json: Json = False,
) -> None:
    """Show the history of a session, or of all, in plain sentences."""
    check_order(sessions.events, session)
    check_files([sessions.events], ["-"])
    logs = sessions.read(session=session)
    shown = logs if session is None else (sessions.find(logs, session),)
    with usage_errors():
        for number, log in enumerate(shown):
            if number and not json:
                show("")
            _show_history(log, sessions.known.at, json=json)
    _hint(shown)
    sessions.exit_if_rejected()


def _hint(logs: Iterable[SessionLog]) -> None:
    """Print what to do if a leg has no after-call work because no prompt is known."""
    without_work = (log for log in logs if log.session.after_call_work is None)
    if any(_WITHOUT_PROMPT in (entry.outcome.row or "") for log in without_work for entry in log.trace):
        inform("A leg has no after-call work, because no event names a wrap-up prompt. Set a default with --acw.")


# --- History ------------------------------------------------------------------------------------------------------------------


def _show_history(log: SessionLog, known_at: datetime | None, *, json: bool) -> None:
    if json:
        for entry in _entries(log):
            show_json(history_json(entry))
        return
    known = f", as known at {clock_time(known_at)}" if known_at else ""
    show(f"Session {session_name(log.session_id, log.context)}{known}. All times are UTC.", "bright_blue")
    for entry in _entries(log):
        first, *more = entry.lines
        show(first, _colour(entry))
        for line in more:
            show(f"    {line}", "magenta")
    for line in after_sealing(log):
        show(line, "yellow")


def _entries(log: SessionLog) -> Sequence[HistoryEntry]:
    with waiting_for(log):
        return history_entries(log)


def _colour(entry: HistoryEntry) -> str | None:
    """Return the colour of an outcome. What was applied has none."""
    outcome: Outcome = entry.entry.outcome
    return "red" if isinstance(outcome, Refused) else "yellow" if isinstance(outcome, Ignored) else None


# --- Fields -------------------------------------------------------------------------------------------------------------------


def _is_field(word: str, sessions: Sequence[str], table: Table) -> bool:
    """Return whether a word that may be either names a field, or is nearer to one than to a session."""
    fields = explainable_fields(table.session)
    return word not in sessions and (
        _pattern(word) in fields or bool(did_you_mean(word, fields) and not did_you_mean(word, sessions))
    )


def _pattern(field: str) -> str:
    """Return a field with each index as 0, as `explainable_fields` writes it."""
    return ".".join("0" if part.isascii() and part.isdigit() else part for part in field.split("."))


def _explained(log: SessionLog, field: str) -> Explanation:
    try:
        with waiting_for(log):
            return explain(log, field)
    except KeyError as error:
        reason = printable(str(error.args[0]))
        nearest = did_you_mean(_pattern(field), explainable_fields(log.lifecycle.table.session))
        raise typer.BadParameter(f"no field {field!r}.{nearest}" if nearest else reason, param_hint="FIELD") from None
    except ValueError as error:  # of a store: it was sealed under another table, or something else has changed an event
        raise typer.BadParameter(str(error), param_hint="SESSION") from None


def _show_explanation(explanation: Explanation) -> None:
    first, *more = str(explanation).split("\n")
    show(first, "bright_blue")
    for line in more:
        show(line)


def _show_fields(log: SessionLog, *, json: bool) -> None:
    settings = {field: plain(getattr(log.session.settings, name)) for field, name in SETTING_NAMES.items()}
    fields = explainable_fields(log.lifecycle.table.session)
    values = dict(_values({**loads(encode_session(log.session)), "settings": settings}, fields))
    if json:
        for field, value in values.items():
            show_json(field_json(log.session_id, field, value))
        return
    show(
        f"Session {session_name(log.session_id, log.context)}. Name one of these fields to see why it holds its value:",
        "bright_blue",
    )
    width = max(map(len, values))
    for field, value in values.items():
        text = "unset" if value is None else value if isinstance(value, str) else dump(value)
        show(f"  {field:<{width}}  {text}", "bright_black" if value is None else None)


def _values(session: dict[str, Any], fields: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield each field that can be explained, with its value in the session JSON (`Any`). None: it is unset."""
    for field in fields:
        if not any(other.startswith(f"{field}.") for other in fields):
            for one in _each_index(field, session):
                yield one, _inside(session, one.split("."))


def _each_index(field: str, session: dict[str, Any]) -> Iterable[str]:
    before, index, after = field.partition(".0.")
    count = len(session.get(before, ())) if index else 0
    return [f"{before}.{number}.{after}" for number in range(count)] or [field]


def _inside(value: Any, path: Sequence[str]) -> Any:  # JSON
    for name in path:
        value = value[int(name)] if isinstance(value, list) else (value or {}).get(name)
    return value
