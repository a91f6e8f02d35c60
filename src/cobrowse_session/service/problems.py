"""Errors of the service, as problem details (RFC 9457)."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cobrowse_session.errors import ConflictError, StoreError, UnreadableError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""The seconds after which a sender may try again while the database cannot be used."""


class ProblemError(Exception):
    """A request that cannot be answered.

    Args:
        status: the HTTP status.
        title: what is wrong.
        detail: what to do.
        headers: of the response.
        more: further members of the problem.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.headers, self.more = status, title, detail, headers, more or {}

    def response(self) -> JSONResponse:
        """Return the response."""
        content = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail, **self.more}
        return JSONResponse(content, self.status, dict(self.headers or {}), MEDIA_TYPE)


def wrong_parameter(name: str, problem: str) -> ProblemError:
    """Return the problem of one parameter."""
    return _wrong([{"parameter": name, "problem": problem}])


def wrong_parameters(errors: Iterable[Mapping[str, Any]]) -> ProblemError:
    """Return the problem of parameters that pydantic found to be wrong. `Any`: what it says of an error."""
    return _wrong([{"parameter": ".".join(map(str, one["loc"])) or "body", "problem": one["msg"]} for one in errors])


def _wrong(parameters: list[dict[str, str]]) -> ProblemError:
    detail = "Correct this: " + "; ".join(f"{one['parameter']}: {one['problem']}" for one in parameters)
    return ProblemError(422, "Wrong parameters", detail, more={"parameters": parameters})


def stopping() -> ProblemError:
    """Return the problem of a request that is ended because the service stops."""
    detail = "It is not known whether this was stored. Send the same request again: a copy changes nothing."
    return ProblemError(503, "The service stops", detail, {"Retry-After": str(RETRY_AFTER)})


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every error as problem details."""

    @app.exception_handler(ProblemError)
    def problem(_: Request, error: ProblemError) -> JSONResponse:
        return error.response()

    @app.exception_handler(StoreError)
    def store(request: Request, error: StoreError) -> JSONResponse:
        title = "Too many writers" if isinstance(error, ConflictError) else "The store cannot be used"
        lead = "" if request.method == "GET" else "Nothing was stored. "
        detail = f"{lead}Send the same request again."  # not the error: it names the database
        return ProblemError(503, title, detail, {"Retry-After": str(RETRY_AFTER)}).response()

    @app.exception_handler(UnreadableError)
    def unreadable(_: Request, error: UnreadableError) -> JSONResponse:
        detail = (
            "Something else changed its rows. Tell the operator, who can restore them. Until then, the same request fails again."
        )
        return ProblemError(503, "The session cannot be read", detail, more={"session": error.session}).response()

    @app.exception_handler(RequestValidationError)
    def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return wrong_parameters([{**one, "loc": one["loc"][1:]} for one in error.errors()]).response()

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> JSONResponse:
        described = f"{request.scope.get('root_path', '')}/openapi.json"  # the path at which the application is mounted
        return ProblemError(error.status_code, str(error.detail), f"See {described}.", error.headers).response()
