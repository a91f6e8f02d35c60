"""The server of a service: uvicorn, which ends the streams of changes before it waits for its connections."""

import signal
import socket
from types import TracebackType
from typing import Self

from attrs import frozen

from cobrowse_session.errors import MissingExtraError
from cobrowse_session.service.app import Service

try:
    import uvicorn
except ModuleNotFoundError:
    raise MissingExtraError("the service", "service") from None

GRACE = 5
"""The seconds that a request may go on when the server is told to stop. Then it is answered with 503."""


@frozen
class Listening:
    """A place at which connections are accepted, before anybody is served.

    Attributes:
        host: the address.
        port: the port.
        socket: it has both.
    """

    host: str
    port: int
    socket: socket.socket

    @classmethod
    def at(cls, host: str, port: int) -> "Listening":
        """Return a place.

        Args:
            host: the address.
            port: the port. 0: a free one.

        Raises:
            OSError: it is taken, or there is no such address.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
        return cls(host, listener.getsockname()[1], listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()

    @property
    def address(self) -> str:
        """The address of the service, as a browser takes it."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class Server(uvicorn.Server):
    """A server of an application with a service inside. `run()` serves until a signal comes or `should_exit` is set.

    uvicorn alone waits for the readers of `/changes` until its `timeout_graceful_shutdown`. This one ends their streams first.

    Args:
        config: of the application. Give it a `timeout_graceful_shutdown`.
        service: it is served, or mounted in the application.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the connections, then the application."""
        # A stream of changes never ends by itself. The application is told that it ends only after all connections were closed.
        self._service.end_streams()
        await super().shutdown(sockets)
        if self.force_exit:
            # The signal came a second time. Nobody is waited for, but a transaction is not cut: uvicorn alone would cancel the
            # application, with a traceback.
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()


def config_of(service: Service) -> uvicorn.Config:
    """Return the configuration of a server of a service alone."""
    return uvicorn.Config(
        service.app,
        http="h11",  # httptools is faster, but reads headers without a limit
        ws="none",
        log_level="warning",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        proxy_headers=False,  # anybody on this machine may send X-Forwarded-For, and have an address of his own for each guess
    )


def serve(service: Service, listening: Listening) -> None:
    """Serve until SIGINT or SIGTERM. What came is answered, or is not stored. For the main thread of a process that ends then."""
    server = Server(config_of(service), service)

    def stop(*_: object) -> None:
        server.should_exit = True

    # While it runs, uvicorn has handlers of its own, and in the end it raises again what they caught. Without this handler, a
    # SIGINT that comes then would be a traceback in the middle of closing the database.
    signal.signal(signal.SIGINT, stop)
    server.run(sockets=[listening.socket])
