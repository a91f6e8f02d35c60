"""The options of the commands, each defined once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from cobrowse_session import Lifecycle, Settings, SettingsError, WrapupPrompt
from cobrowse_session.sources.genesys import FAMILIES
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.converter import read_time

Events = Annotated[str, typer.Argument(metavar="EVENTS.jsonl", help="The events, one a line; `-`: standard input.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where the result goes; `-`: standard output.")]
Rejects = Annotated[str | None, typer.Option(metavar="REJECTS.jsonl", help="Where to write what cannot be read.")]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|end",
        help="Advance all sessions to this time (RFC 3339, with its zone), or until no deadline is left. "
        "Default: the latest time in the events.",
    ),
]
Payload = Annotated[str, typer.Argument(metavar="PAYLOAD", help="JSON of the platform; `-`: standard input.")]
Family = Annotated[
    str | None, typer.Option("--from", metavar="FAMILY", help=f"Do not recognise the payload; it is: {', '.join(FAMILIES)}.")
]


MaxBytes = Annotated[
    int,
    typer.Option(
        min=1,
        max=1 << 40,
        metavar="BYTES",
        help="How long a payload, or an array of them, may be. Memory may need 20 times as much.",
    ),
]
MAX_SECONDS = 10_000_000
"""The max_line_bytes duration that an option takes: 115 days."""


def moment_of(text: str | None) -> datetime | None:
    """The time to which all sessions are advanced."""
    if text is None:
        return None
    try:
        return MAX_TIME if text == "end" else read_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected {error} or 'end', found {text!r}") from None


def with_lifecycle(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a lifecycle, in place of its argument `lifecycle`."""

    @wraps(command)
    def wrapped(*args: object, **options: Any) -> None:  # what typer read
        given = {name: options.pop(name) for name in signature(_lifecycle).parameters}
        command(*args, lifecycle=_lifecycle(**given), **options)

    own = [parameter for name, parameter in signature(command).parameters.items() if name != "lifecycle"]
    added = (parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in signature(_lifecycle).parameters.values())
    wrapped.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]  # what typer reads
    return wrapped


def _lifecycle(
    acw: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help=f"After-call work where events name no prompt: {', '.join(WrapupPrompt)}."),
    ] = None,
    acw_timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long timed after-call work lasts.")] = None,
    acw_after_transfer: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--acw-after-transfer/--no-acw-after-transfer", help="A transferred leg has after-call work.")
    ] = True,
    acw_when_unanswered: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--acw-when-unanswered/--no-acw-when-unanswered", help="A leg that never connected has some.")
    ] = False,
    alerting_grace: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="End unanswered alerts this long after their timeout; advice: 0.25 or more."),
    ] = None,
) -> Lifecycle:
    """Return the rules that the options ask for. Rules that make no sense are wrong usage."""
    try:
        return Lifecycle(
            settings=Settings(wrapup_prompt=acw, wrapup_timeout=seconds("--acw-timeout", acw_timeout)),
            acw_after_transfer=acw_after_transfer,
            acw_when_unanswered=acw_when_unanswered,
            alerting_grace=seconds("--alerting-grace", alerting_grace),
        )
    except SettingsError as error:
        raise typer.BadParameter(f"{error}; see --acw, --acw-timeout and --alerting-grace") from None


def seconds(option: str, number: float | None) -> timedelta | None:
    """A duration that an option names."""
    if number is not None and not abs(number) <= MAX_SECONDS:
        raise typer.BadParameter(f"{option}: expected at most {MAX_SECONDS} seconds, found {number:g}")
    return None if number is None else timedelta(seconds=number)


def check_family(family: str | None) -> None:
    """A family that nobody knows is wrong usage."""
    if family is not None and family not in FAMILIES:
        raise typer.BadParameter(f"expected one of {', '.join(FAMILIES)}, found {family!r}", param_hint="--from")
