"""Paths routed as they were sent: an encoded slash is a part of an id, and no border between two parts of a path."""

from urllib.parse import quote, unquote

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
            path = quote(scope["path"]) if sent is None else sent.decode("latin-1")
            scope = {**scope, "path": _routed(path, scope.get("root_path", ""))}
        await self.app(scope, receive, send)


def _routed(sent: str, root: str) -> str:
    """Return a path as it was sent, but behind the path at which the application is mounted as the server decoded it."""
    # Example: mounted at `/a b`. `/a%20b/sessions/x%2Fy` is routed as `/a b/sessions/x%2Fy`.
    parts, depth = sent.split("/"), root.count("/") + 1
    return "/".join((root, *parts[depth:])) if unquote("/".join(parts[:depth])) == root else sent
