"""The service of a durable inbox over HTTP: an ASGI application (extra `service`)."""

from cobrowse_session.errors import MissingExtraError

try:
    from cobrowse_session.service.app import Service
    from cobrowse_session.service.guard import Guard, Scope, Token, read_secrets, read_tokens
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in ("fastapi", "limits", "prometheus_client", "standardwebhooks"):
        raise
    raise MissingExtraError("the service", "service") from None

__all__ = ["Guard", "Scope", "Service", "Token", "read_secrets", "read_tokens"]
