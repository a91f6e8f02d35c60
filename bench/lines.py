"""The lines of a file, read by hand with msgspec: the same checks as the package, for lines that a sound filter accepts.

A line that it does not accept raises. The file of the benchmark has none. The package reads such a line the plain way.
"""

import re
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, Union

import msgspec
from msgspec import Meta, Struct

from bench.by_hand import DETAILS
from cobrowse_session import Context, Settings
from cobrowse_session.model import NO_CONTEXT, NO_DETAILS
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.vocabulary import (
    AfterCallWorkEndedBy,
    AfterCallWorkState,
    CobrowseRole,
    DisconnectType,
    UnknownPrompt,
    WrapupPrompt,
)

MOST_FUTURE = timedelta(hours=24)
MOST_BYTES = 4300
DAY = 86_400_000
SPACE = re.compile(rb'"\s')
Word = Annotated[str, Meta(min_length=1)]


class NotPlainError(ValueError):
    """A line that this reader does not take."""


# --- What msgspec reads -------------------------------------------------------------------------------------------------------


class Data(Struct, rename="camel", forbid_unknown_fields=True):
    """Details and settings, which any event may carry. Words are replaced by their members."""

    provider: str | None = None
    peer_id: str | None = None
    cobrowse_session_id: str | None = None
    cobrowse_role: str | None = None
    controlling: tuple[str, ...] | None = None
    viewer_url: str | None = None
    initial_state: None = None  # a line that has one is not plain, nor is one with an address
    after_call_work_required: bool | None = None
    wrapup_prompt: str | None = None
    wrapup_timeout_ms: Annotated[int, Meta(ge=1, le=DAY)] | None = None
    alerting_timeout_ms: Annotated[int, Meta(ge=1, le=DAY)] | None = None
    self: None = None


class EnteredData(Data, rename="camel", forbid_unknown_fields=True):
    """The data of the six kinds that enter a state."""

    segment_type: str | None = None


class EndedData(Data, rename="camel", forbid_unknown_fields=True):
    """The data of the two kinds that end the leg."""

    disconnect_type: str | None = None


class RequiredData(Data, rename="camel", forbid_unknown_fields=True):
    """The data of a request."""

    required: bool | None = None


class WrapupData(Data, rename="camel", forbid_unknown_fields=True):
    """The data of a save."""

    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    provisional: bool | None = None
    disable_end_time_updates: bool | None = None


class WorkEndedData(Data, rename="camel", forbid_unknown_fields=True):
    """The data of an end of after-call work."""

    by: str | None = None
    state: str | None = None


class Line(Struct, tag_field="type", forbid_unknown_fields=True):
    """The envelope. Times stay text: what the file says in the model's form is written again as it is."""

    kind: ClassVar[str]
    rank: ClassVar[int]

    specversion: Literal["1.0"]
    id: Word
    source: Word
    subject: Word
    time: str
    receivedtime: str | None = None
    conversationid: str | None = None
    participantid: str | None = None
    userid: str | None = None
    queueid: str | None = None
    purpose: str | None = None
    mediatype: str | None = None


PREFIX = "cobrowse.session."
KINDS = {
    **dict.fromkeys(("scheduled", "offering", "contacting", "dialing", "alerting", "connected"), EnteredData),
    "updated": Data,
    "acw.required": RequiredData,
    **dict.fromkeys(("disconnected", "terminated"), EndedData),
    "acw.started": Data,
    "wrapup": WrapupData,
    "acw.ended": WorkEndedData,
}
EMPTY = {kind: data() for kind, data in KINDS.items()}
LINES = [
    msgspec.defstruct(
        "Line",
        [("data", data | None, None)],
        bases=(Line,),
        namespace={"kind": kind, "rank": rank},
        tag=PREFIX + kind,
        tag_field="type",
        forbid_unknown_fields=True,
    )
    for rank, (kind, data) in enumerate(KINDS.items())
]
READ = msgspec.json.Decoder(Union[tuple(LINES)])  # noqa: UP007 (a union of what was just made)


# --- What is kept -------------------------------------------------------------------------------------------------------------


class Fact(Struct):
    """An event as it is kept, with the attributes that the step by hand reads. `Any`: see there."""

    kind: str
    rank: int
    subject: str
    source: str
    id: str
    occurred_at: datetime
    received_at: datetime | None
    time: str
    receivedtime: str
    own: Any
    details: Any
    settings: Settings
    context: Context
    derived_from: ClassVar[None] = None
    provider_time: ClassVar[None] = None
    extra: ClassVar[None] = None

    @property
    def key(self) -> tuple[datetime, int, str, str]:
        """Return the place in the order. There is no sequence: such a line is not plain."""
        return self.occurred_at, self.rank, self.source, self.id


_settings: dict[tuple[str | None, int | None, int | None], Settings] = {}
_contexts: dict[tuple[str | None, ...], Context] = {}
_texts: dict[str, str] = {}
_read_context = attrgetter("conversationid", "participantid", "userid", "queueid", "purpose", "mediatype")
_read_details = attrgetter(*DETAILS)
_no_details = (None,) * len(DETAILS)
_WORDS = {
    cls: {word.lower(): word for word in cls}
    for cls in (CobrowseRole, DisconnectType, WrapupPrompt, AfterCallWorkEndedBy, AfterCallWorkState)
}


def read(raw: bytes) -> Fact:
    """Return the event of a line.

    Raises:
        NotPlainError: the filter does not accept the line, or its time is in the future.
    """
    line = READ.decode(raw)
    data = line.data
    keys = 1 + _count(line) + (_count(data) if data is not None else 0)
    if raw.count(b'":') != keys or len(raw) > MOST_BYTES or SPACE.search(raw):
        raise NotPlainError(raw)
    at = _moment(line.time)
    received = None if line.receivedtime is None else _moment(line.receivedtime)
    if received is not None and at - received > MOST_FUTURE:
        raise NotPlainError(raw)
    context = _read_context(line)
    return Fact(
        line.kind,
        line.rank,
        _texts.setdefault(line.subject, line.subject),
        _texts.setdefault(line.source, line.source),
        line.id,
        at,
        received,
        line.time,
        line.receivedtime or line.time,
        *_parts(line.kind, data),
        _contexts.get(context) or _context(context),
    )


def _count(struct: Any) -> int:  # any Struct
    values = msgspec.structs.astuple(struct)
    return len(values) - values.count(None)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if len(text) != 24 or text[23] != "Z" or not 1970 <= at.year <= 9998:
        raise NotPlainError(text)
    return at


def _parts(kind: str, data: Any) -> tuple[Any, Any, Settings]:
    """Return own attributes, details and settings, with words as members. `Any`: see `Fact`."""
    if data is None:
        if kind in ("acw.required", "acw.ended"):
            raise NotPlainError(kind)
        return EMPTY[kind], NO_DETAILS, NO_SETTINGS
    if data.cobrowse_role is not None:
        data.cobrowse_role = _word(CobrowseRole, data.cobrowse_role)
    if kind == "wrapup":
        data.code, data.provisional = data.code or None, bool(data.provisional)
    elif kind in ("disconnected", "terminated"):
        data.disconnect_type = _word(DisconnectType, data.disconnect_type)
    elif kind == "acw.ended":
        data.by, data.state = _word(AfterCallWorkEndedBy, data.by), _word(AfterCallWorkState, data.state)
        if data.by is None or (data.state is None and data.by is AfterCallWorkEndedBy.PLATFORM):
            raise NotPlainError(kind)
    elif kind == "acw.required" and data.required is None:
        raise NotPlainError(kind)
    settings = data.wrapup_prompt, data.wrapup_timeout_ms, data.alerting_timeout_ms
    details = data if _read_details(data) != _no_details else NO_DETAILS
    return data, details, NO_SETTINGS if settings == (None, None, None) else _settings.get(settings) or _settings_of(settings)


def _word(cls: Any, text: str | None) -> Any:
    """Return the member that a text spells, or the text. Other spellings than the model's are not plain."""
    return None if text is None else _WORDS[cls].get(text) or _WORDS[cls].get(text.lower(), text)


def _settings_of(stated: tuple[str | None, int | None, int | None]) -> Settings:
    prompt, wrapup, alerting = stated
    word = _word(WrapupPrompt, prompt)
    found = _settings[stated] = Settings(
        wrapup_prompt=word if word is None or isinstance(word, WrapupPrompt) else UnknownPrompt(word),
        wrapup_timeout=None if wrapup is None else timedelta(milliseconds=wrapup),
        alerting_timeout=None if alerting is None else timedelta(milliseconds=alerting),
    )
    return found


def _context(stated: tuple[str | None, ...]) -> Context:
    names = ("conversation_id", "participant_id", "user_id", "queue_id", "purpose", "media_type")
    found = NO_CONTEXT if stated.count(None) == len(stated) else Context(**dict(zip(names, stated)))
    _contexts[stated] = found
    return found
