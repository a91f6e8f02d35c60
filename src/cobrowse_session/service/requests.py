"""Requests with events: their bodies within bounds, and their documents in any of the transports' forms.

CloudEvents come structured (`application/cloudevents+json`), in batches (`application/cloudevents-batch+json`) and binary
(attributes in headers). `application/json` is whatever a source recognises: CloudEvents, or payloads of the platform.
`application/x-ndjson` has one of these a line.
"""

import re
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from starlette.requests import ClientDisconnect

from cobrowse_session.errors import DecodeError
from cobrowse_session.service.problems import ProblemError
from cobrowse_session.service.views import problems_json
from cobrowse_session.wire.strict_json import read_json

MAX_BATCH = 1000
"""The number of documents of a batch."""
LINES = "application/x-ndjson"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')  # a text in quotation marks, as HTTP writes it
JSON_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json", LINES)


async def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request. Of one that is too long, no more than that is read.

    Raises:
        ProblemError: 413: it is longer than `most` bytes. 400: the sender went away.
    """
    announced = request.headers.get("content-length", "")
    body = bytearray()
    if not (announced.isascii() and announced.isdigit() and int(announced[:12]) > most):
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    break
            else:
                return bytes(body)
        except ClientDisconnect:  # nobody reads the answer, but it is counted
            raise ProblemError(400, "Not whole", "The connection ended before the body did.") from None
    raise ProblemError(413, "Too large", f"Send at most {most:,} bytes in one request.", {"Connection": "close"})


def check_signed(request: Request) -> None:
    """Check that everything that a signed request states is in its body.

    Raises:
        ProblemError: 400: attributes of an event are in headers. Whoever sees one signed request could send any event with it.
    """
    if any(name.startswith("ce-") for name in request.headers):
        raise ProblemError(400, "Not signed", "A signature covers no header ce-*. Send the whole event in the body.")


def read_document(request: Request, body: bytes, most: int) -> Any:  # JSON
    """Return the document of a request: parsed JSON. A batch is a list.

    Raises:
        ProblemError: 400: it is no JSON. 413: too many documents. 415: another content type, or a compressed body.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # The content type decides before the headers do (CloudEvents, HTTP binding 3).
    is_binary = "ce-specversion" in request.headers and not kind.startswith("application/cloudevents")
    if kind not in JSON_TYPES and not (is_binary and (kind.endswith("+json") or not body)):
        raise ProblemError(415, "Unsupported content type", f"Send one of {', '.join(JSON_TYPES)}.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ProblemError(415, "Unsupported content encoding", "Send the body as it is, not compressed.")
    if "ce-id" in request.headers and not (is_binary or kind.startswith("application/cloudevents")):
        raise ProblemError(400, "Wrong header", "A binary CloudEvent has ce-specversion: 1.0 beside ce-id.")
    if kind == LINES and not is_binary:
        return _lines(body, most)
    document = _parsed(body, most) if body or not is_binary else None
    if is_binary:
        return _from_headers(request, document, kind)
    if kind.endswith("batch+json") and not isinstance(document, list):
        raise ProblemError(400, "No batch", "A batch is a JSON array of events.")
    if isinstance(document, list) and len(document) > MAX_BATCH:
        raise _too_many()
    if not isinstance(document, dict | list):
        raise ProblemError(400, "No document", "Send an event, a batch of events, or a payload of the platform.")
    return document


def _too_many() -> ProblemError:
    return ProblemError(413, "Too many documents", f"Send at most {MAX_BATCH:,} documents in one request.")


def _lines(body: bytes, most: int) -> list[Any]:  # JSON
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > MAX_BATCH:
        raise _too_many()
    return [_parsed(line, most, f"Correct line {number}.") for number, line in lines]


def _parsed(body: bytes, most: int, detail: str = "Correct the problems that are listed.") -> Any:  # JSON
    try:
        return read_json(body, max_line_bytes=most)
    except DecodeError as error:
        if body.count(b"}\n{"):
            detail = f"Send one document, or an array of them. If each line is a document, the content type is {LINES}."
        elif b"}{" in body:
            detail += " Two documents have no line end between them: curl removes it with -d, and keeps it with --data-binary."
        raise ProblemError(400, "No JSON", detail, more={"problems": problems_json(error)}) from None


def _from_headers(request: Request, data: Any, kind: str) -> dict[str, Any]:  # JSON
    """Return the event whose attributes are in headers: `ce-id: e1`, percent-encoded."""
    attributes = [(name.removeprefix("ce-"), value) for name, value in request.headers.items() if name.startswith("ce-")]
    try:
        event: dict[str, Any] = {name: _decoded(value) for name, value in attributes}
    except UnicodeError:
        raise ProblemError(400, "Wrong header", "Percent-encode the UTF-8 of an attribute: ce-subject: caf%C3%A9.") from None
    if len(event) < len(attributes):
        raise ProblemError(400, "Wrong header", "Send each attribute once.")
    if data is not None:
        event["data"] = data
        event["datacontenttype"] = kind
    return event


def _decoded(value: str) -> str:
    """Return the text of an attribute in a header (CloudEvents, HTTP binding 3.1.3.2).

    Raises:
        UnicodeError: a character is not ASCII, or what is percent-encoded is no UTF-8.
    """
    value.encode("ascii")
    if _QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return unquote(value, errors="strict")
