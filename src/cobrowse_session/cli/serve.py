"""The command that runs the service."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import field, frozen

from cobrowse_session import Lifecycle
from cobrowse_session.cli.errors import FileError, naming, usage_errors
from cobrowse_session.cli.inputs import many_objects
from cobrowse_session.cli.options import duration_of, grouped, lifecycle_of
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.stored import warn_of_other_tables

if TYPE_CHECKING:
    from cobrowse_session.service.server import Listening

GUARDED, STORED = "Who may do what", "Sessions"
TOKENS, SECRETS = "COBROWSE_SESSION_TOKENS", "COBROWSE_SESSION_WEBHOOK_SECRETS"


@frozen
class Guarding:
    """The options that say who may do what. The service, which needs an extra, makes its guard of it."""

    tokens: str = field(repr=False)
    secrets: str = field(repr=False)
    rate: str | None
    max_body: int
    origins: tuple[str, ...]


def guarding_of(
    tokens: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A file of lines `NAME SCOPE,SCOPE SECRET`. The scopes are read, write and acknowledge. "
            f"Or the same in the environment: {TOKENS}.",
            rich_help_panel=GUARDED,
        ),
    ] = None,
    webhook_secrets: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help=f"A file of secrets `whsec_...` of signed webhooks. Or the same in the environment: {SECRETS}.",
            rich_help_panel=GUARDED,
        ),
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="How many requests a sender may make.", rich_help_panel=GUARDED)
    ] = "1000/second",
    max_body: Annotated[
        int, typer.Option(min=1, metavar="BYTES", help="How many bytes a request may have.", rich_help_panel=GUARDED)
    ] = 1 << 20,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let web pages of this origin use the service, as `https://desk.example`. Several can be named.",
            rich_help_panel=GUARDED,
        ),
    ] = None,
) -> Guarding:
    """Return what the options say about who may do what."""
    with usage_errors():
        return Guarding(_secret(tokens, TOKENS), _secret(webhook_secrets, SECRETS), rate, max_body, tuple(cors_origin or ()))


def _secret(name: str | None, variable: str) -> str:
    """Return the text of a file, or of a variable of the environment."""
    if name is None:
        return os.environ.get(variable, "")
    with naming(name):
        if os.name == "posix" and Path(name).stat().st_mode & 0o077:
            inform(f"warning: other users can read the secrets in {name}: chmod 600 {name}")
        text = Path(name).read_text(encoding="utf-8")
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        raise typer.BadParameter(f"{name} has no secret, only empty lines and comments. Leave the option out, or add one.")
    return text


@grouped(guarding=guarding_of, lifecycle=lifecycle_of)
def serve_command(  # noqa: PLR0913 (one argument an option)
    guarding: Guarding,
    lifecycle: Lifecycle,
    *,
    store: Annotated[
        str,
        typer.Option(
            metavar="STORE",
            envvar="COBROWSE_SESSION_STORE",
            help="The database: `sqlite:///sessions.db` or `postgresql://user@host/database`.",
            rich_help_panel=STORED,
        ),
    ] = "sqlite:///sessions.db",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Elsewhere than here, a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port.")] = 8000,
    worker: Annotated[
        str, typer.Option(metavar="NAME", help="The name of this process among several on one store.", rich_help_panel=STORED)
    ] = "worker",
    seal_after: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="Close sessions that are over so long after their latest event arrived, as `1d` or `12h`.",
            rich_help_panel=STORED,
        ),
    ] = "1d",
    forget_after: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Delete closed sessions so long after their latest event, as `90d`. Their messages must be acknowledged.",
            rich_help_panel=STORED,
        ),
    ] = None,
    delay: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="Fire timers so long after their deadline, for events need some time to arrive.",
            rich_help_panel=STORED,
        ),
    ] = "2s",
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log why a signature was refused, which no sender is told.", rich_help_panel=GUARDED)
    ] = False,
) -> None:
    """Run the service: events in by HTTP, sessions and changes out.

    /openapi.json describes it. Without tokens, everybody on this machine may use it.
    """
    sealing, late = duration_of("--seal-after", seal_after), duration_of("--delay", delay)
    forgetting = _forgetting(forget_after, sealing)
    if verbose:
        logging.basicConfig()
        logging.getLogger("cobrowse_session").setLevel(logging.INFO)
    with usage_errors():
        from cobrowse_session.service import Guard, Service, read_secrets, read_tokens  # noqa: PLC0415 (an extra)
        from cobrowse_session.service.server import serve  # noqa: PLC0415
        from cobrowse_session.store import DurableInbox, Store  # noqa: PLC0415

        guard = Guard(
            tokens=read_tokens(guarding.tokens),
            secrets=read_secrets(guarding.secrets),
            rate=guarding.rate,
            max_body=guarding.max_body,
            origins=guarding.origins,
        )
        if guard.is_open and not _is_loopback(host):
            raise typer.BadParameter(
                f"others can reach {host}. Give --tokens FILE or set {TOKENS}, so that not everybody may use the service.",
                param_hint="--host",
            )
        # The address first: if it is taken, no database is created.
        with _listening(host, port) as listening, Store(store, lifecycle) as opened:
            warn_of_other_tables(opened)
            service = Service(
                DurableInbox(opened, worker=worker, seal_after=sealing),
                guard,
                delay=late or timedelta(0),
                forget_after=forgetting,
            )
            inform(f"Sessions are in {opened.database.address}. The service is at {listening.address}")
            with many_objects():
                serve(service, listening)


def _forgetting(forget_after: str | None, sealing: timedelta | None) -> timedelta | None:
    found = duration_of("--forget-after", forget_after)
    if found is not None and (sealing is None or found < sealing):
        raise typer.BadParameter(
            "expected a longer time than --seal-after: only closed sessions are deleted", param_hint="--forget-after"
        )
    return found


@contextmanager
def _listening(host: str, port: int) -> "Iterator[Listening]":
    from cobrowse_session.service.server import Listening  # noqa: PLC0415 (an extra)

    try:
        listening = Listening.at(host, port)
    except OSError as error:
        raise FileError(f"{host}:{port}", error.strerror or str(error), "Choose another --host or --port.") from None
    with listening:
        yield listening


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
