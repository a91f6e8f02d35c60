"""The options of the commands, each defined once."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from cobrowse_session import Lifecycle, Settings, SettingsError, WrapupPrompt
from cobrowse_session.cli.suggest import unknown_value
from cobrowse_session.sources.genesys import FAMILIES
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.converter import read_time

FILES, TIME, WORK = "Input and output", "Time", "After-call work and alerts"
"""The groups of options in a command's help."""

Events = Annotated[str, typer.Argument(metavar="EVENTS.jsonl", help="The events, one per line. `-`: standard input.")]
Output = Annotated[
    str,
    typer.Option("-o", "--output", metavar="FILE", help="The file for the result. `-`: standard output.", rich_help_panel=FILES),
]
Rejects = Annotated[
    str | None,
    typer.Option(metavar="REJECTS.jsonl", help="The file for lines that cannot be read.", rich_help_panel=FILES),
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|end",
        help="Advance all sessions to this time (RFC 3339, with its zone), or until no deadline is left. "
        "Default: the latest time in the events.",
        rich_help_panel=TIME,
    ),
]
Payload = Annotated[str, typer.Argument(metavar="PAYLOAD", help="JSON of the platform. `-`: standard input.")]
Family = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FAMILY",
        help=f"Do not recognise the payload. It is one of: {', '.join(FAMILIES)}.",
        rich_help_panel=FILES,
    ),
]
MaxBytes = Annotated[
    int,
    typer.Option(
        min=1,
        max=1 << 40,
        metavar="BYTES",
        help="The greatest length of a payload, or of an array of payloads. Memory may need 20 times as much.",
        rich_help_panel=FILES,
    ),
]
MAX_SECONDS = 10_000_000
"""The longest duration that an option takes: 115 days."""
_OPTIONS = {"wrapup_prompt": "--acw", "wrapup_timeout": "--acw-timeout", "alerting_grace": "--alerting-grace"}
"""The option behind each setting of a lifecycle."""


class Command(TyperCommand):
    """A command whose help names no types: the help of each argument describes it."""

    def get_params(self, ctx: Any) -> list[Any]:  # typer's own click is no public module
        """Return the parameters. Those without a metavar, and arguments, show no type."""
        params: list[Any] = [*super().get_params(ctx)]
        for param in params:
            if param.param_type_name == "argument" or param.metavar is None:
                param.display_type_rich = lambda ctx: None  # noqa: ARG005 (typer passes it by name)
        return params


# --- Groups of options --------------------------------------------------------------------------------------------------------


def grouped(**groups: Callable[..., object]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that replaces arguments of a function by the options from which they are made.

    Args:
        groups: what makes each argument. Its own arguments are the options.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(**given: object) -> Any:  # what the command returns
            options = {name: {one: given.pop(one) for one in signature(group).parameters} for name, group in groups.items()}
            return command(**{name: group(**options[name]) for name, group in groups.items()}, **given)

        wrapped.__signature__ = Signature(list(_expanded(command, groups)))  # type: ignore[attr-defined]  # what typer reads
        return wrapped

    return decorate


def _expanded(command: Callable[..., Any], groups: dict[str, Callable[..., object]]) -> Iterator[Parameter]:
    for name, parameter in signature(command).parameters.items():
        for one in signature(groups[name]).parameters.values() if name in groups else (parameter,):
            yield one.replace(kind=Parameter.KEYWORD_ONLY)


def lifecycle_of(
    acw: Annotated[
        str | None,
        typer.Option(
            metavar="PROMPT",
            help=f"The prompt of after-call work, if events have none: {', '.join(WrapupPrompt)}.",
            rich_help_panel=WORK,
        ),
    ] = None,
    acw_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The duration of timed after-call work.", rich_help_panel=WORK)
    ] = None,
    no_acw_after_transfer: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--no-acw-after-transfer", help="A transferred leg has no after-call work.", rich_help_panel=WORK)
    ] = False,
    acw_when_unanswered: Annotated[  # noqa: FBT002 (typer's option)
        bool,
        typer.Option("--acw-when-unanswered", help="A leg that never connected may have after-call work.", rich_help_panel=WORK),
    ] = False,
    alerting_grace: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="End unanswered alerts this long after their timeout. Advised: 0.25 or more.",
            rich_help_panel=WORK,
        ),
    ] = None,
) -> Lifecycle:
    """Return the rules that the options ask for. Rules that make no sense are wrong usage."""
    try:
        return Lifecycle(
            settings=Settings(wrapup_prompt=acw, wrapup_timeout=seconds("--acw-timeout", acw_timeout)),
            acw_after_transfer=not no_acw_after_transfer,
            acw_when_unanswered=acw_when_unanswered,
            alerting_grace=seconds("--alerting-grace", alerting_grace),
        )
    except SettingsError as error:
        raise wrong_setting(error, _OPTIONS) from None


# --- Values -------------------------------------------------------------------------------------------------------------------


def moment_of(text: str | None) -> datetime | None:
    """Return the time to which all sessions are advanced."""
    return MAX_TIME if text == "end" else time_of("--until", text, " or 'end'")


def time_of(option: str, text: str | None, other: str = "") -> datetime | None:
    """Return the time that an option names."""
    try:
        return None if text is None else read_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected {error}{other}, found {text!r}", param_hint=option) from None


def seconds(option: str, number: float | None) -> timedelta | None:
    """Return the duration that an option names."""
    if number is not None and not abs(number) <= MAX_SECONDS:
        raise typer.BadParameter(f"expected at most {MAX_SECONDS:,} seconds, found {number:g}", param_hint=option)
    return None if number is None else timedelta(seconds=number)


def wrong_setting(error: SettingsError, options: dict[str, str]) -> typer.BadParameter:
    """Return the error of an option behind a setting that makes no sense."""
    expected = error.expected.replace("a timedelta", "a duration")
    found = "none" if error.found == "None" else error.found
    return typer.BadParameter(f"expected {expected}, found {found}", param_hint=options.get(error.setting))


def check_family(family: str | None) -> None:
    """Check that a family is known. Another one is wrong usage."""
    if family is not None and family not in FAMILIES:
        raise unknown_value(family, FAMILIES, "--from")
