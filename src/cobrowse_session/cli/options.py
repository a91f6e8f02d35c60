"""The options of the commands, each defined once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from cobrowse_session import Lifecycle, Settings, SettingsError, SourceError, WrapupPrompt
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.suggest import unknown_value
from cobrowse_session.cli.tables import TableName, table_of
from cobrowse_session.sources import BUILT_IN, Source, known_sources, sources_named
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.converter import read_time

FILES, TIME, WORK = "Input and output", "Time", "After-call work and alerts"
"""The groups of options in a command's help."""


def families_of(sources: Iterable[Source]) -> list[str]:
    """Return the families of all sources."""
    return [family for source in sources for family in source.families]


Events = Annotated[str, typer.Argument(metavar="EVENTS.jsonl", help="The events, one per line. Use `-` for standard input.")]
Output = Annotated[
    str,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Where the result goes. Use `-` for standard output.", rich_help_panel=FILES
    ),
]
Rejects = Annotated[
    str | None,
    typer.Option(metavar="REJECTS.jsonl", help="Where to write the lines that cannot be read.", rich_help_panel=FILES),
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
Payloads = Annotated[
    list[str],
    typer.Argument(metavar="PAYLOAD", help="Files with JSON of the platform, or folders of them. Use `-` for standard input."),
]
Family = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FAMILY",
        help=f"Do not recognise the payload. It is one of: {', '.join(families_of(BUILT_IN))}, or one of a source that is named.",
        rich_help_panel=FILES,
    ),
]
Received = Annotated[
    str | None,
    typer.Option(
        "--received",
        metavar="TIME",
        help="When all of the payloads were received (RFC 3339, with its zone, on the cloud clock). "
        "A state counts from then if its payload has no time. In Python, give each payload its own.",
        rich_help_panel=TIME,
    ),
]
MaxBytes = Annotated[
    int,
    typer.Option(
        min=1,
        max=1 << 40,
        metavar="BYTES",
        help="The longest payload, or array of payloads, that is read. It may need 20 times as much memory.",
        rich_help_panel=FILES,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, for programs.", rich_help_panel=FILES)]
MAX_SECONDS = 10_000_000
"""The longest duration that an option takes: 115 days."""

_LONG_NUMBER = re.compile("[0-9]{4,}")
_WITHOUT_LIMIT = (WrapupPrompt.MANDATORY, WrapupPrompt.OPTIONAL, WrapupPrompt.NONE)
_EFFECT = "on sessions whose events name no prompt with a time limit"


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


def lifecycle_of(  # noqa: PLR0913, PLR0917 (the options)
    acw: Annotated[
        str | None,
        typer.Option(
            metavar="PROMPT",
            help=f"The prompt of sessions whose events name none: {', '.join(WrapupPrompt)}.",
            rich_help_panel=WORK,
        ),
    ] = None,
    acw_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long after-call work lasts where the prompt has a limit and events name none.",
            rich_help_panel=WORK,
        ),
    ] = None,
    no_acw_after_transfer: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--no-acw-after-transfer", help="A transferred leg has no after-call work.", rich_help_panel=WORK)
    ] = False,
    acw_when_unanswered: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--acw-when-unanswered", help="A leg that never connected has after-call work.", rich_help_panel=WORK)
    ] = False,
    alerting_grace: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="End unanswered alerts this long after their timeout. 0.25 or more is advised.",
            rich_help_panel=WORK,
        ),
    ] = None,
    table: TableName = None,
) -> Lifecycle:
    """Return the rules that the options ask for. Rules that make no sense are wrong usage."""
    try:
        lifecycle = Lifecycle(
            settings=Settings(wrapup_prompt=acw, wrapup_timeout=seconds("--acw-timeout", acw_timeout)),
            acw_after_transfer=not no_acw_after_transfer,
            acw_when_unanswered=acw_when_unanswered,
            alerting_grace=seconds("--alerting-grace", alerting_grace),
            table=table_of(table),
        )
    except SettingsError as error:
        if error.setting == "wrapup_timeout" and acw_timeout is None:
            raise typer.BadParameter(f"--acw {acw} needs --acw-timeout SECONDS.", param_hint="--acw") from None
        given = {
            "wrapup_prompt": ("--acw", acw),
            "wrapup_timeout": ("--acw-timeout", acw_timeout),
            "alerting_grace": ("--alerting-grace", alerting_grace),
        }
        raise wrong_setting(error, given) from None
    if acw_timeout is not None and lifecycle.settings.wrapup_prompt in (None, *_WITHOUT_LIMIT):
        inform(f"Warning: --acw-timeout has no effect {_EFFECT}. Add --acw timeout to give all sessions this limit.", "yellow")
    return lifecycle


def sources_of(
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Recognise the payloads of this source, too. Another package has it. Several can be named.",
            rich_help_panel=FILES,
        ),
    ] = None,
) -> tuple[Source, ...]:
    """Return the built-in sources and those that are named."""
    names, known = source or (), known_sources()
    for name in names:
        if name not in known:
            raise unknown_value(name, known, "--source")
    try:
        return sources_named(*names)
    except SourceError as error:
        raise typer.BadParameter(f"{error}.", param_hint="--source") from None


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


def duration_of(option: str, text: str | None) -> timedelta | None:
    """Return the duration that an option names with its unit, as `90d` or `12h`."""
    from cobrowse_session.testing.stream import duration  # noqa: PLC0415 (one command needs it)

    try:
        return None if text is None else duration(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"expected a number and a unit, as 90d, 12h or 30m, found {text!r}", param_hint=option) from None


def wrong_setting(error: SettingsError, given: Mapping[str, tuple[str, str | float | None]]) -> typer.BadParameter:
    """Return the error of a setting that makes no sense, in the words of its option.

    Args:
        error: of the setting.
        given: the option behind each setting, and its value.
    """
    option, value = given[error.setting]
    found = "none" if value is None else error.found if isinstance(value, str) else f"{value:g} s"
    expected = _LONG_NUMBER.sub(lambda number: f"{int(number[0]):,}", error.expected.replace("a timedelta", "a duration"))
    return typer.BadParameter(f"expected {expected}, found {found}", param_hint=option)


def check_family(family: str | None, sources: Sequence[Source] = BUILT_IN) -> None:
    """Check that a source has a family. Another one is wrong usage."""
    if family is not None and family not in (known := families_of(sources)):
        raise unknown_value(family, known, "--from")
