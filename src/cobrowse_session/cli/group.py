"""The commands as a group. The module of a command is imported when the command is used."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import typer
from attrs import frozen
from typer.core import TyperCommand, TyperGroup


@frozen
class Place:
    """The place of a command.

    Attributes:
        module: in `cobrowse_session.cli`. It has a function of the name of the command and `_command`.
        panel: the group of commands in the help.
        examples: arguments to try.
        commands: the commands of a group. The module has a function of the name of the group, of each, and `_command`.
    """

    module: str
    panel: str
    examples: tuple[str, ...]
    commands: tuple[str, ...] = ()


SESSIONS, PLATFORM, CHECKS, PICTURES, STORES = "Sessions", "The platform's payloads", "Checks", "Pictures", "Service and stores"
PLACES: Mapping[str, Place] = {
    "replay": Place(
        "replay",
        SESSIONS,
        (
            "events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end",
            "events.jsonl --known-at 2026-03-01T09:05:00Z",
            "events.jsonl --by queue --at 2026-03-01T09:05:00Z",
        ),
    ),
    "history": Place("explain", SESSIONS, ("events.jsonl s1", "events.jsonl s1 --acw mandatory")),
    "explain": Place("explain", SESSIONS, ("events.jsonl s1 wrapup.endTime", "events.jsonl s1")),
    "convert": Place("convert", PLATFORM, ("conversation.json | cobrowse-session replay -",)),
    "reconcile": Place("reconcile", PLATFORM, ("events.jsonl conversation.json --all", "events/ records/ --summary summary.csv")),
    "shadow": Place(
        "shadow", SESSIONS, ("events.jsonl records.jsonl", "events.jsonl records.jsonl --acw timeout --csv differences.csv")
    ),
    "validate": Place("check", CHECKS, ("events.jsonl && echo fine",)),
    "clocks": Place("check", CHECKS, ("events.jsonl --min-delay 0.1",)),
    "diff": Place("check", CHECKS, ("before.trace.jsonl after.trace.jsonl",)),
    "timeline": Place("diagram", PICTURES, ("events.jsonl s1 -o s1.svg",)),
    "diagram": Place(
        "diagram", PICTURES, ("after-call-work -o after-call-work.svg", "--trace trace.jsonl --session s1 -o s1.svg")
    ),
    "perfetto": Place("diagram", PICTURES, ("events.jsonl -o replay.json",)),
    "serve": Place("serve", STORES, ("", "--store postgresql://me@host/sessions --tokens tokens.txt --host 0.0.0.0")),
    "store": Place(
        "store",
        STORES,
        (
            "verify sqlite:///sessions.db",
            "repair sqlite:///sessions.db backup.jsonl -o lost.jsonl",
            "export sqlite:///sessions.db | cobrowse-session store import postgresql://me@host/db -",
            "forget sqlite:///sessions.db --before 90d",
        ),
        ("verify", "repair", "export", "import", "restored", "upgrade", "forget", "trim"),
    ),
}
"""The commands, in the order of the help."""


class OnDemand(Mapping[str, TyperCommand | TyperGroup]):
    """Commands and groups of them by name, each made when it is asked for."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        place = PLACES[name]
        module = import_module(f"cobrowse_session.cli.{place.module}")
        tries = "\n\n".join(f"Try: cobrowse-session {name} {example}" for example in place.examples)
        alone = typer.Typer(
            add_completion=False,
            rich_markup_mode="markdown",
            no_args_is_help=True,
            help=getattr(module, "HELP", None),
            epilog=tries,
            rich_help_panel=place.panel,
        )
        for one in place.commands:
            alone.command(one, cls=Command)(getattr(module, f"{name}_{one}_command"))
        if place.commands:
            group = typer.main.get_group(alone)
            group.name = name  # for the help of the group that it is in
            return group
        alone.command(name, cls=Command, rich_help_panel=place.panel, epilog=tries)(getattr(module, f"{name}_command"))
        return cast(TyperCommand, typer.main.get_command(alone))

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class Command(TyperCommand):
    """A command whose help names no types: the help of each argument describes it."""

    def get_params(self, ctx: Any) -> list[Any]:  # typer's own click is no public module
        """Return the parameters. Those without a metavar, and arguments, show no type."""
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # as above
        """Parse the arguments. The error of a missing one has an example."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if not error.message:  # only a missing parameter has none
                error.message = (self.epilog or "").partition("\n")[0]
            raise


class Commands(TyperGroup):
    """The group of all commands. Its help names no types."""

    def __init__(self, **given: Any) -> None:  # what typer passes on
        super().__init__(**given)
        self.commands = OnDemand()  # type: ignore[assignment]  # nothing adds a command

    def get_params(self, ctx: Any) -> list[Any]:  # as above
        """Return the parameters. They show no type."""
        return _without_types(super().get_params(ctx))


def _without_types(params: Iterable[Any]) -> list[Any]:
    listed = list(params)
    for param in listed:
        if param.param_type_name == "argument" or param.metavar is None:
            param.display_type_rich = lambda ctx: None  # noqa: ARG005 (typer passes it by name)
    return listed
