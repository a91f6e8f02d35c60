"""Errors of the service, as problem details (RFC 9457)."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cobrowse_session.errors import ConflictError, StoreError

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


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every error as problem details."""

    @app.exception_handler(ProblemError)
    def problem(_: Request, error: ProblemError) -> JSONResponse:
        return error.response()

    @app.exception_handler(StoreError)
    def store(_: Request, error: StoreError) -> JSONResponse:
        title = "Too many writers" if isinstance(error, ConflictError) else "The store cannot be used"
        detail = "Nothing was stored. Send the same request again."  # not the error: it names the database
        return ProblemError(503, title, detail, {"Retry-After": str(RETRY_AFTER)}).response()

    @app.exception_handler(RequestValidationError)
    def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [{"parameter": ".".join(map(str, one["loc"][1:])), "problem": one["msg"]} for one in error.errors()]
        return ProblemError(
            422, "Wrong parameters", "Correct the parameters that are listed.", more={"parameters": wrong}
        ).response()

    @app.exception_handler(HTTPException)
    def other(_: Request, error: HTTPException) -> JSONResponse:
        return ProblemError(error.status_code, str(error.detail), "See the documentation at /docs.", error.headers).response()
