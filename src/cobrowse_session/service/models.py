"""The shapes of the answers, for OpenAPI. The answers themselves are made in `views.py`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

MAX_EXACT = (1 << 53) - 1
"""The largest integer that every reader of JSON reads as it is."""

_SESSION = {"id": "s1", "state": "connected", "self": {"name": "Ann"}, "connectedTime": "2026-03-01T09:00:03.000Z"}


_EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/acme",
    "type": "cobrowse.session.alerting",
    "subject": "s1",
    "time": "2026-03-01T09:00:00Z",
}
_ONE = {"$ref": "#/components/schemas/Event"}  # `schemas.py` puts it there
EVENTS = {
    "required": True,
    "content": {
        "application/cloudevents+json": {"schema": _ONE, "example": _EVENT},
        "application/cloudevents-batch+json": {"schema": {"type": "array", "items": _ONE}, "example": [_EVENT]},
        "application/json": {"schema": {"anyOf": [_ONE, {"type": ["object", "array"]}]}, "example": _EVENT},
        "application/x-ndjson": {"schema": {"type": "array", "items": _ONE, "description": "Each is a line."}},
    },
}
"""The bodies of `POST /events`, for OpenAPI."""


class Problem(BaseModel):
    """The reason why a request cannot be answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class ContextOut(BaseModel):
    """Whose leg it is."""

    conversationid: str | None = None
    participantid: str | None = None
    userid: str | None = None
    queueid: str | None = None
    purpose: str | None = None
    mediatype: str | None = None


class SessionOut(BaseModel):
    """A session."""

    id: str
    version: int | None = Field(None, description="How often it was written. It grows with each change.")
    events: int = Field(description="How many copies of events it has.")
    sealed: bool = Field(description="It takes no more events.")
    latest: str | None = Field(description="When its latest event occurred, on the corrected provider clock.")
    deadline: str | None = Field(description="When something is due, on the same clock.")
    context: ContextOut
    session: dict[str, Any] = Field(description="The vendor's JSON of the session.", examples=[_SESSION])  # JSON


class PageOut(BaseModel):
    """Sessions that were found, by id."""

    sessions: list[SessionOut]
    next: str | None = Field(description="Pass it as `after`, for the sessions that follow.")


class ProblemOut(BaseModel):
    """One thing wrong with a document."""

    error: str
    path: str
    found: str
    expected: str


class AnswerOut(BaseModel):
    """The result of an event."""

    outcome: Literal["applied", "duplicate", "stale", "ignored", "refused", "repeat", "late", "rejected"]
    session: str | None = None
    source: str | None = None
    id: str | None = None
    type: str | None = None
    reason: str | None = None
    row: str | None = None
    rule: str | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    acw: str | None = None
    notes: list[str] = []
    problems: list[ProblemOut] = Field([], description="Of what was rejected.")
    count: int | None = Field(None, description="How many documents a rejection stands for.")


class WarningOut(BaseModel):
    """A statement of a payload that the converter could not use."""

    warning: str
    path: str
    found: str
    leg: str | None


class TakenOut(BaseModel):
    """The result of a document. Everything in it is on disk."""

    answers: list[AnswerOut]
    warnings: list[WarningOut]
    skipped: list[str] = Field(description="The kinds of payloads that state nothing of a leg.")


class ActivityOut(BaseModel):
    """The activity of a session."""

    at: str
    queue: str | None
    user: str | None
    state: str
    since: str
    for_ms: int = Field(alias="forMs")
    deadline: str | None
    left_ms: int | None = Field(alias="leftMs")
    session: str
    conversation: str | None
    participant: str | None
    purpose: str | None
    media: str | None


class GroupOut(BaseModel):
    """An agent or a queue, and what goes on there."""

    id: str | None
    activities: list[ActivityOut]


class GroupsOut(BaseModel):
    """All agents or queues in which something goes on."""

    at: str
    groups: list[GroupOut]


class EntriesOut(BaseModel):
    """The trace of a session."""

    session: str
    entries: list[dict[str, Any]]  # JSON: trace entries


class ExplanationOut(BaseModel):
    """The reason why a field holds its value, or all fields and their values."""

    session: str
    field: str | None = None
    value: Any = None
    entry: dict[str, Any] | None = None  # JSON: a trace entry
    rows: list[str] = []
    cites: list[str] = []
    rules: list[str] = []
    clock: str | None = None
    unset: list[str] = []
    earlier: list[str] = []
    alternatives: list[str] = []
    fields: dict[str, Any] | None = Field(None, description="Without `field`: all fields and their values.")


class AllowedOut(BaseModel):
    """The answer to whether events of a kind would be applied."""

    type: str
    answer: Literal["yes", "no", "depends"]
    rules: list[str]
    reasons: list[str]


class AllowedListOut(BaseModel):
    """The kinds of event, each with whether it would be applied now."""

    session: str
    at: str
    allowed: list[AllowedOut]


class MessageOut(BaseModel):
    """Something that happened to a session."""

    id: int
    position: str
    kind: Literal["changed", "sealed", "late", "refolded"]
    version: int
    stored: SessionOut
    new: list[dict[str, Any]] | None = None  # JSON: trace entries
    withdrawn: list[dict[str, Any]] | None = None  # JSON
    changed: list[list[dict[str, Any]]] | None = None  # JSON
    event: dict[str, Any] | None = None  # JSON: an event that came too late
    fields: list[str] | None = None


class UnreadableOut(BaseModel):
    """A message of a session whose rows cannot be read, in the stream of changes."""

    session: str


class MessagesOut(BaseModel):
    """Messages that were not handed over yet."""

    messages: list[MessageOut]


class AcknowledgedIn(BaseModel):
    """The messages that were handed over."""

    ids: list[Annotated[int, Field(ge=1, le=MAX_EXACT, strict=True)]] = Field(max_length=1000, examples=[[1, 2, 3]])


ACKNOWLEDGED = {"required": True, "content": {"application/json": {"schema": AcknowledgedIn.model_json_schema()}}}
"""The body of `POST /messages/acknowledged`, for OpenAPI."""


class AcknowledgedOut(BaseModel):
    """The number of messages that were acknowledged."""

    acknowledged: int


class LiveOut(BaseModel):
    """The answer of a process that is alive."""

    live: bool


class ReadyOut(BaseModel):
    """The state of the store and of the timers."""

    ready: bool
    store: str
    timers: str
