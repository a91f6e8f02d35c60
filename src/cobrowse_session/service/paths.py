"""Paths routed as they were sent: an encoded slash is a part of an id, and no border between two parts of a path."""

from urllib.parse import quote

from attrs import define
from starlette.types import ASGIApp, Receive, Scope, Send


@define(eq=False)
class SentPaths:
    """Routes requests by the path that was sent. A server decodes it, and `/sessions/a%2Ftrace` would be `/sessions/a/trace`.

    Args:
        app: the application. It decodes the parts.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            sent = scope.get("raw_path")  # a server need not have it
            scope = {**scope, "path": quote(scope["path"]) if sent is None else sent.decode("latin-1")}
        await self.app(scope, receive, send)
