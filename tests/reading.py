"""A second, independent reading of the specification (docs/lifecycle.md), as an oracle for tests.

It was written from the specification alone and shares no code with the package. It is slow and plain on purpose: merge the
copies, sort, fold from the start. Nothing is remembered between two calls. The parts follow the sections of the specification, so
that a person can compare the two.

It reads lines that section 2 accepts. What must be rejected, what is late, clocks (section 8) and the wording have tests of their
own. Inside, a time is an integer: milliseconds since 1970.
"""

import base64
import copy
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

PREFIX = "cobrowse.session."
SECOND = 1_000
DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PENDING = ("scheduled", "offering", "contacting", "dialing", "alerting")
ENDED = ("disconnected", "terminated")
STATES = ("none", *PENDING, "connected", *ENDED)
RANKS = (*PENDING, "connected", "updated", "acw.required", *ENDED, "acw.started", "wrapup", "acw.ended")
REPORTED = ("complete", "skipped", "notApplicable")
SEGMENTS = dict(zip((*PENDING, "connected"), ("Scheduled", "System", "Contacting", "Dialing", "Alert", "Interact"), strict=True))
PROMPTS = ("mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "none")
QUEUE_PROMPTS = {
    "mandatory": "mandatory",
    "optional": "optional",
    "agent_requested": "agentRequested",
    "mandatory_timeout": "timeout",
    "mandatory_forced_timeout": "forcedTimeout",
}
DISCONNECT_TYPES = (
    *("endpoint", "client", "system", "timeout", "transfer", "transfer.conference", "transfer.consult", "transfer.forward"),
    *("transport.failure", "error", "peer", "other", "spam", "uncallable", "endpoint.dnd", "transfer.dnd", "transfer.noanswer"),
    *("transfer.notavailable", "inactivity", "session.expired", "takeover"),
)

DETAILS = (
    *("self", "provider", "peerId", "cobrowseSessionId", "cobrowseRole", "controlling", "viewerUrl", "initialState"),
    "afterCallWorkRequired",
)
SETTINGS = ("wrapupPrompt", "wrapupTimeoutMs", "alertingTimeoutMs")
CONTEXT = ("conversationid", "participantid", "userid", "queueid", "purpose", "mediatype")
ADDRESS = ("name", "nameRaw", "addressNormalized", "addressRaw", "addressDisplayable")
OWN = {
    **dict.fromkeys((*PENDING, "connected"), ("segmentType",)),
    **dict.fromkeys(ENDED, ("disconnectType",)),
    "updated": (),
    "acw.required": ("required",),
    "wrapup": ("code", "name", "notes", "tags", "provisional", "disableEndTimeUpdates"),
    "acw.started": (),
    "acw.ended": ("by", "state"),
}
FILLED_AMONG_ONE_TYPE = ("disconnectType", "segmentType")

TIMEOUTS = ("wrapupTimeoutMs", "alertingTimeoutMs")
WORDS: dict[str, tuple[str, ...]] = {
    "wrapupPrompt": PROMPTS,
    "cobrowseRole": ("sharer", "viewer"),
    "initialState": STATES,
    "disconnectType": DISCONNECT_TYPES,
    "by": ("agent", "offline", "platform"),
    "state": ("unknown", "pending", *REPORTED),
}

MODEL = (
    *("state", "initialState", "id", "disconnectType", "self", "cobrowseSessionId", "cobrowseRole", "controlling", "viewerUrl"),
    *("providerEventTime", "startAlertingTime", "connectedTime", "disconnectedTime", "provider", "peerId", "segments"),
    *("wrapup", "afterCallWork", "afterCallWorkRequired"),
)
SEGMENT = ("startTime", "endTime", "type", "howEnded", "disconnectType")
WRAPUP = ("code", "name", "notes", "tags", "durationSeconds", "endTime", "provisional")
AFTER_CALL_WORK = ("startTime", "endTime", "state")


@dataclass(frozen=True)
class Options:
    """The settings of a lifecycle, as plain values. Durations are milliseconds."""

    wrapup_prompt: str | None = None
    wrapup_timeout: int | None = None
    alerting_timeout: int | None = None
    alerting_grace: int | None = None
    acw_when_unanswered: bool = False
    acw_after_transfer: bool = True
    timeout_code: str = "ININ-WRAP-UP-TIMEOUT"


@dataclass(frozen=True)
class Event:
    """One copy of an event, or what all copies of it amount to. `kind` is its type without the prefix, None if unknown."""

    subject: str
    source: str
    id: str
    type: str
    kind: str | None
    at: int
    received: int
    sequence: str | None
    context: Json
    data: Json
    other: Json
    notes: tuple[str, ...]
    canonical: str

    @property
    def identity(self) -> tuple[str, str]:
        return self.source, self.id


@dataclass
class Account:
    """What the specification makes of the events of one session."""

    session: Json
    trace: list[Json]
    context: Json = field(default_factory=dict)
    deadline: int | None = None
    repeats: int = 0
    conflicts: int = 0
    corrected: int = 0


# --- Section 1: times -----------------------------------------------------------------------------------------------

TIME = re.compile(r"(.{17})(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def moment(text: str) -> int:
    """Milliseconds since 1970 of a time as text, cut to the millisecond. Second 60 is 59.999."""
    found = TIME.fullmatch(text)
    assert found, text
    minute, second, fraction, zone = found.groups()
    millis = 59_999 if second == "60" else int(second) * SECOND + int(((fraction or "") + "000")[:3])
    return (datetime.fromisoformat(minute + "00" + zone) - EPOCH) // timedelta(milliseconds=1) + millis


def printed(at: int) -> str:
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- Section 2: lines to events -------------------------------------------------------------------------------------


def read_event(line: str) -> Event:
    """Return the event of one line of CloudEvents JSON that section 2 accepts."""
    envelope = {key: value for key, value in json.loads(line).items() if value is not None}
    at, received = moment(envelope["time"]), moment(envelope.get("receivedtime", envelope["time"]))
    kind = known_kind(envelope["type"])
    data, other, notes = read_data(kind, payload(envelope)) if kind else ({}, {}, list[str]())
    return Event(
        subject=envelope["subject"],
        source=envelope["source"],
        id=envelope["id"],
        type=envelope["type"],
        kind=kind,
        at=at,
        received=received,
        sequence=envelope.get("sequence"),
        context={key: envelope[key] for key in CONTEXT if key in envelope},
        data=data,
        other=other,
        notes=(*notes, *notes_on_time(envelope, at)),
        canonical=canonical_form(envelope, at, data | other if kind else envelope.get("data")),
    )


def notes_on_time(envelope: Json, at: int) -> list[str]:
    """What is noted of the time: where it comes from, and that it was corrected (CLOCK-4)."""
    is_corrected = "providertime" in envelope and moment(envelope["providertime"]) != at
    return [key for key, noted in (("derivedfrom", "derivedfrom" in envelope), ("providertime", is_corrected)) if noted]


def known_kind(name: str) -> str | None:
    kind = name.removeprefix(PREFIX)
    return kind if name.startswith(PREFIX) and kind in RANKS else None


def canonical_form(envelope: Json, at: int, data: Any) -> str:
    """The JSON text of the event without `receivedtime`. Attributes that nobody reads stay as they came."""
    form = {key: value for key, value in envelope.items() if key not in ("receivedtime", "data", "data_base64")}
    form["time"] = printed(at)
    if "providertime" in form:
        form["providertime"] = printed(moment(form["providertime"]))
    if data not in (None, {}):
        form["data"] = data
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def payload(envelope: Json) -> Json:
    """The data of an event of a known type, whether it is plain or in base64."""
    if "data_base64" in envelope:
        return dict(json.loads(base64.b64decode(envelope["data_base64"])))
    return dict(envelope.get("data", {}))


def read_data(kind: str, data: Json) -> tuple[Json, Json, list[str]]:
    """Split data into what this kind of event reads, all other keys, and the names of what is noted."""
    keys = (*DETAILS, *SETTINGS, *OWN[kind])
    not_taken = [key for key, value in data.items() if key in TIMEOUTS and value is not None and not is_timeout(value)]
    other = {key: value for key, value in data.items() if key not in keys or key in not_taken}
    stated = {key: value for key, value in data.items() if key not in other and not is_unset(key, value)}
    notes = not_taken + [key for key, value in stated.items() if not is_known(key, value)]
    if kind == "wrapup" and "code" not in stated:
        notes += [key for key in other if key not in not_taken]
    return {key: in_models_spelling(key, value) for key, value in stated.items()}, other, notes


def is_unset(key: str, value: object) -> bool:
    """Whether the value is the same as no value."""
    return value is None or (key, value) == ("code", "") or (key in ("provisional", "disableEndTimeUpdates") and value is False)


def is_timeout(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= DAY


def is_known(key: str, value: object) -> bool:
    return key not in WORDS or word_of(key, value) is not None


def word_of(key: str, value: object) -> str | None:
    """The word in the model's spelling, whatever the case it came in. None if the model does not know it."""
    text = str(value).lower()
    spellings = {word.lower(): word for word in WORDS[key]} | (QUEUE_PROMPTS if key == "wrapupPrompt" else {})
    return spellings.get(text)


def in_models_spelling(key: str, value: Any) -> Any:
    if key == "self":
        return {name: part for name, part in value.items() if part is not None or name not in ADDRESS}
    return (word_of(key, value) or value) if key in WORDS else value


# --- Section 7: copies and order ------------------------------------------------------------------------------------


def sequence_key(sequence: str | None) -> tuple[int, int, str, str]:
    """No sequence before any, numbers (ASCII digits) before other text."""
    if sequence is None:
        return 0, 0, "", ""
    if re.fullmatch("[0-9]+", sequence):
        number = sequence.lstrip("0")
        return 1, len(number), number, sequence
    return 2, 0, sequence, ""


def preferred(copies: Iterable[Event]) -> list[Event]:
    """The copies, the best first: the highest sequence, then the earliest received, then the smallest canonical form."""
    by_form = sorted(copies, key=lambda event: (event.received, event.canonical))
    return sorted(by_form, key=lambda event: sequence_key(event.sequence), reverse=True)


def merged(copies: list[Event]) -> Event:
    """What all copies of one identity amount to."""
    best = preferred(copies)[0]
    data, context = dict(best.data), dict(best.context)
    lower = [other for other in preferred(copies) if sequence_key(other.sequence) < sequence_key(best.sequence)]
    for other in lower:
        if best.kind is None or other.kind is None:
            continue
        for key in CONTEXT:
            if key not in context and key in other.context:
                context[key] = other.context[key]
        for key in (*DETAILS, *SETTINGS):
            if key not in data and key in other.data:
                data[key] = other.data[key]
        for key in FILLED_AMONG_ONE_TYPE:
            if other.type == best.type and key not in data and key in other.data:
                data[key] = other.data[key]
    form = json.loads(best.canonical)
    if data != best.data and "json" not in form.get("datacontenttype", "json").lower():
        del form["datacontenttype"]  # EVENT-12
    received = min(other.received for other in copies if (other.type, other.at) == (best.type, best.at))
    notes = {*best.notes, *(key for key, value in data.items() if not is_known(key, value))}
    changes = {
        "data": data,
        "context": context,
        "received": received,
        "notes": tuple(sorted(notes)),
        "canonical": json.dumps(form),
    }
    return Event(**{**vars(best), **changes})


def in_conflict(copies: list[Event]) -> bool:
    """Whether copies of the highest edition differ in more than the time they were received."""
    highest = preferred(copies)[0].sequence
    return len({event.canonical for event in copies if event.sequence == highest}) > 1


def is_corrected(copies: list[Event]) -> bool:
    """Whether a lower edition states something that the merged event does not."""
    highest, whole = preferred(copies)[0].sequence, merged(copies)
    return any(states_something_else(event, whole) for event in copies if event.sequence != highest)


def states_something_else(lower: Event, whole: Event) -> bool:
    """Absence states nothing, except in a wrap-up, which is replaced whole."""
    if (lower.type, lower.at) != (whole.type, whole.at):
        return True
    if lower.kind == "wrapup" and any(lower.data.get(key) != whole.data.get(key) for key in OWN["wrapup"]):
        return True
    mine, theirs = stated(lower), stated(whole)
    return any(key in theirs and theirs[key] != value for key, value in mine.items())


def stated(event: Event) -> dict[str, str]:
    """Each thing that the event states, by its name, as JSON text: in Python 1 equals true."""
    form = json.loads(event.canonical)
    data = event.other | event.data if event.kind else {"data": form["data"]} if "data" in form else {}
    envelope = {key: value for key, value in form.items() if key not in ("data", "sequence")}
    return {key: json.dumps(value, sort_keys=True) for key, value in (envelope | event.context | data).items()}


def order(event: Event) -> tuple[Any, ...]:
    rank = RANKS.index(event.kind) if event.kind else len(RANKS)
    return event.at, rank, event.source, sequence_key(event.sequence), event.id


# --- Sections 3 to 6: the session -----------------------------------------------------------------------------------

Session = dict[str, Any]
"""All properties of the model under their JSON names, unset ones None, and the settings that events gave."""

RowOutcome = tuple[str, str | None]
"""The outcome and the name of the rule."""

APPLIED: RowOutcome = ("applied", None)
DUPLICATE: RowOutcome = ("duplicate", None)


def new_session(subject: str) -> Session:
    return {**dict.fromkeys((*MODEL, *SETTINGS)), "id": subject, "state": "none"}


def in_force(session: Session, options: Options, setting: str) -> Any:
    """The value of a setting: what an event gave, else the default of the lifecycle."""
    defaults = dict(zip(SETTINGS, (options.wrapup_prompt, options.wrapup_timeout, options.alerting_timeout), strict=True))
    return defaults[setting] if session[setting] is None else session[setting]


def column(session: Session, options: Options) -> str:
    """The column of the table of ACW-12 to ACW-18."""
    prompt = in_force(session, options, "wrapupPrompt")
    if prompt in ("timeout", "forcedTimeout") and in_force(session, options, "wrapupTimeoutMs") is None:
        return "mandatory"
    return prompt if prompt in PROMPTS and prompt != "none" else "optional"


def deadline(session: Session, options: Options) -> int | None:
    """When after-call work times out, were it pending. Only a leg that has ended has one."""
    timeout = in_force(session, options, "wrapupTimeoutMs")
    if timeout is None or column(session, options) not in ("timeout", "forcedTimeout", "agentRequested"):
        return None
    return int(session["disconnectedTime"] + timeout)


def acw_state(session: Session) -> str | None:
    work = session["afterCallWork"]
    return work["state"] if work else None


def is_taken(session: Session, event: Event, key: str) -> bool:
    """Whether a session in this state takes this detail or setting from this event."""
    ended = session["state"] in ENDED
    if key == "controlling":
        return event.kind == "connected" or (session["state"] == "connected" and event.kind not in ENDED)
    if key == "afterCallWorkRequired":
        return not ended
    if key == "initialState":
        return session["initialState"] is None
    if key in SETTINGS:
        return not ended or event.kind == "acw.started"
    return key in DETAILS


def differs(session: Session, event: Event, key: str) -> bool:
    return key in event.data and bool(session[key] != event.data[key])


def apply(before: Session, event: Event, options: Options) -> tuple[Session, RowOutcome]:
    """The session after one event, and the verdict on the event. `before` is not changed."""
    if event.kind is None:
        return before, ("ignored", "unknown_type")
    if event.kind == "acw.ended" and ("by" in event.notes or event.data.get("state", "complete") not in REPORTED):
        return before, ("ignored", "unknown_value")
    after = copy.deepcopy(before)
    taken = [key for key in (*DETAILS, *SETTINGS) if key in event.data and is_taken(before, event, key)]
    for key in taken:
        after[key] = event.data[key]
    news = any(differs(before, event, key) for key in taken)
    verdict = RULES[event.kind](after, event, options)
    if verdict == DUPLICATE:
        verdict = without_duplicate(before, event, news=news)
    if verdict != APPLIED:
        return before, verdict
    after["providerEventTime"] = event.at
    return after, APPLIED


def without_duplicate(session: Session, event: Event, *, news: bool) -> RowOutcome:
    """The verdict on an event that would be a duplicate."""
    if news:
        return APPLIED
    if differs(session, event, "controlling") and not is_taken(session, event, "controlling"):
        return "ignored", "not_connected"
    if session["state"] in ENDED and event.kind != "acw.started" and any(differs(session, event, key) for key in SETTINGS):
        return "ignored", "settings_after_end"
    return DUPLICATE


def cloud_time(event: Event) -> int:
    return event.received if abs(event.received - event.at) <= 2 * SECOND else event.at


def on_state(session: Session, event: Event, options: Options) -> RowOutcome:
    kind, state = str(event.kind), session["state"]
    if state in ENDED:
        return end_again(session, event) if kind in ENDED else ("refused", "session_is_over")
    if kind in ENDED:
        end(session, kind, event.at, event.data.get("disconnectType"))
        begin_after_call_work(session, options)
        return APPLIED
    if kind == state:
        return DUPLICATE
    if state == "connected":
        return "refused", "no_way_back"
    enter(session, event)
    return APPLIED


def enter(session: Session, event: Event) -> None:
    kind = str(event.kind)
    segment = {"startTime": event.at, "type": event.data.get("segmentType", SEGMENTS[kind])}
    close_segment(session, event.at, segment["type"])
    session["segments"] = [*(session["segments"] or []), segment]
    session["state"] = kind
    if session["initialState"] is None:
        session["initialState"] = kind
    if kind == "alerting" and session["startAlertingTime"] is None:
        session["startAlertingTime"] = cloud_time(event)
    if kind == "connected":
        session["connectedTime"] = max(cloud_time(event), session["startAlertingTime"] or 0)


def close_segment(session: Session, at: int, how: str) -> None:
    if session["segments"]:
        session["segments"][-1] |= {"endTime": at, "howEnded": how}


def end(session: Session, state: str, at: int, disconnect_type: str | None) -> None:
    close_segment(session, at, "Disconnect")
    session["state"] = state
    session["disconnectedTime"] = at
    if session["initialState"] is None:
        session["initialState"] = state
    if session["controlling"] is not None:
        session["controlling"] = []
    if disconnect_type is not None:
        name_the_reason(session, disconnect_type)


def name_the_reason(session: Session, disconnect_type: str) -> None:
    session["disconnectType"] = disconnect_type
    if session["segments"]:
        session["segments"][-1]["disconnectType"] = disconnect_type


def end_again(session: Session, event: Event) -> RowOutcome:
    verdict = DUPLICATE
    if "disconnectType" in event.data and session["disconnectType"] is None:
        name_the_reason(session, event.data["disconnectType"])
        verdict = APPLIED
    if session["state"] == "disconnected" and event.kind == "terminated":
        session["state"] = "terminated"
        verdict = APPLIED
    return verdict


def begin_after_call_work(session: Session, options: Options) -> None:
    at, prompt = session["disconnectedTime"], in_force(session, options, "wrapupPrompt")
    unanswered = session["connectedTime"] is None and not options.acw_when_unanswered
    if unanswered or prompt in (None, "none"):
        make_final(session, at)
    elif (not options.acw_after_transfer and (session["disconnectType"] or "").lower().startswith("transfer")) or (
        prompt == "agentRequested" and session["afterCallWorkRequired"] is not True
    ):
        settle(session, "skipped", at)
    else:
        session["afterCallWork"] = {"startTime": at, "state": "pending"}


def settle(session: Session, state: str, at: int) -> None:
    """End after-call work. The wrap-up that is stored becomes final."""
    session["afterCallWork"] = {"startTime": session["disconnectedTime"], "endTime": at, "state": state}
    make_final(session, at)


def make_final(session: Session, at: int) -> None:
    if session["wrapup"]:
        session["wrapup"]["provisional"] = False
        if session["wrapup"].get("endTime") is None:
            session["wrapup"]["endTime"] = at


def withdraw_timer_code(session: Session, options: Options) -> None:
    wrapup = session["wrapup"]
    if not wrapup or wrapup.get("code") != options.timeout_code:
        return
    left = {key: value for key, value in wrapup.items() if key not in ("code", "name")}
    is_a_draft = left.get("notes") is not None or left.get("tags") is not None
    session["wrapup"] = {**left, "provisional": True} if is_a_draft else None


def on_updated(_session: Session, _event: Event, _options: Options) -> RowOutcome:
    return DUPLICATE


def on_acw_required(session: Session, event: Event, _options: Options) -> RowOutcome:
    if session["state"] != "connected":
        return "refused", "not_connected"
    if session["afterCallWorkRequired"] is event.data["required"]:
        return DUPLICATE
    session["afterCallWorkRequired"] = event.data["required"]
    return APPLIED


def on_acw_started(session: Session, event: Event, options: Options) -> RowOutcome:
    if session["state"] not in ENDED:
        return "refused", "not_ended"
    latest = deadline(session, options)
    if latest is not None and event.at > latest:
        return "ignored", "deadline_passed"
    if acw_state(session) == "pending":
        return DUPLICATE
    session["afterCallWork"] = {"startTime": session["disconnectedTime"], "state": "pending"}
    if session["wrapup"]:
        session["wrapup"].pop("endTime", None)
    withdraw_timer_code(session, options)
    return APPLIED


def on_acw_ended(session: Session, event: Event, options: Options) -> RowOutcome:
    if session["state"] not in ENDED:
        return "refused", "not_ended"
    if event.data["by"] == "platform":
        return on_platform_report(session, event, options)
    if session["afterCallWork"] is None:
        return "refused", "no_after_call_work"
    if acw_state(session) != "pending":
        return DUPLICATE
    rules, has_code = column(session, options), (session["wrapup"] or {}).get("code") is not None
    if event.data["by"] == "agent" and rules == "forcedTimeout":
        return "refused", "no_early_exit"
    if event.data["by"] == "agent" and not has_code:
        if rules in ("mandatory", "timeout"):
            return "refused", "code_required"
        settle(session, "skipped", event.at)
    else:
        settle(session, "complete", event.at)
    return APPLIED


def on_platform_report(session: Session, event: Event, options: Options) -> RowOutcome:
    work, state = session["afterCallWork"], event.data["state"]
    if state == "notApplicable":
        if work is None:
            return DUPLICATE
        withdraw_timer_code(session, options)
        session["afterCallWork"] = None
        make_final(session, session["disconnectedTime"])
        return APPLIED
    if work and (work["state"], work.get("endTime")) == (state, event.at):
        return DUPLICATE
    if state == "skipped":
        withdraw_timer_code(session, options)
    settle(session, state, event.at)
    return APPLIED


def on_wrapup(session: Session, event: Event, options: Options) -> RowOutcome:
    if session["state"] not in ("connected", *ENDED):
        return "refused", "not_connected"
    pending = acw_state(session) == "pending"
    if event.data.get("provisional"):
        return on_draft(session, event, open_to_drafts=pending or session["state"] == "connected")
    if "code" not in event.data:
        return on_skip(session, event, options) if pending else ("ignored", "nothing_to_save")
    if session["state"] == "connected" or (pending and column(session, options) == "forcedTimeout"):
        return save(session, wrapup_of(event))
    if pending:
        session["wrapup"] = wrapup_of(event) | {"endTime": event.at}
        settle(session, "complete", event.at)
        return APPLIED
    old_end = (session["wrapup"] or {}).get("endTime")
    keeps = "disableEndTimeUpdates" in event.data and old_end is not None
    return save(session, wrapup_of(event) | {"endTime": old_end if keeps else event.at})


def wrapup_of(event: Event) -> Json:
    return {key: event.data.get(key) for key in ("code", "name", "notes", "tags")} | {"provisional": "provisional" in event.data}


def save(session: Session, wrapup: Json) -> RowOutcome:
    if shown(session["wrapup"], WRAPUP) == shown(wrapup, WRAPUP):
        return DUPLICATE
    session["wrapup"] = wrapup
    return APPLIED


def on_draft(session: Session, event: Event, *, open_to_drafts: bool) -> RowOutcome:
    has_final = session["wrapup"] is not None and not session["wrapup"]["provisional"]
    if has_final or not open_to_drafts:
        return "ignored", "already_final"
    return save(session, wrapup_of(event))


def on_skip(session: Session, event: Event, options: Options) -> RowOutcome:
    rules = column(session, options)
    if rules == "forcedTimeout":
        return "refused", "no_early_exit"
    if rules in ("mandatory", "timeout"):
        return "refused", "code_required"
    if session["wrapup"] and session["wrapup"]["provisional"]:
        session["wrapup"] = None
    settle(session, "skipped", event.at)
    return APPLIED


RULES: dict[str, Callable[[Session, Event, Options], RowOutcome]] = {
    **dict.fromkeys((*PENDING, "connected", *ENDED), on_state),
    "updated": on_updated,
    "acw.required": on_acw_required,
    "acw.started": on_acw_started,
    "wrapup": on_wrapup,
    "acw.ended": on_acw_ended,
}


# --- Section 7: the fold --------------------------------------------------------------------------------------------


def fold(subject: str, events: list[Event], options: Options, until: int | None) -> Account:
    """Fold the merged events of one session from the start, with the timers that have fired."""
    session, trace, context = new_session(subject), list[Json](), dict[str, str]()
    for event in sorted(events, key=order):
        due = acw_due(session, options)
        if due is not None and due < event.at:
            before, session = session, fire_acw(session, options, due)
            trace.append(row("timer.acw", due, before, session, context))
        context |= event.context
        before, (session, verdict) = session, apply(session, event, options)
        trace.append(event_row(event, verdict, before, session, context))
    for kind, due_of, fire in (("timer.acw", acw_due, fire_acw), ("timer.alerting", alerting_due, fire_alerting)):
        due = due_of(session, options)
        if due is not None and until is not None and due <= until:
            before, session = session, fire(session, options, due)
            trace.append(row(kind, due, before, session, context))
    due = min((at for at in (acw_due(session, options), alerting_due(session, options)) if at is not None), default=None)
    return Account(session=session_json(session), trace=trace, context=context, deadline=due)


def acw_due(session: Session, options: Options) -> int | None:
    return deadline(session, options) if acw_state(session) == "pending" else None


def fire_acw(session: Session, options: Options, due: int) -> Session:
    session = copy.deepcopy(session)
    wrapup = session["wrapup"] or {"notes": None, "tags": None}
    if wrapup.get("code") is None:
        session["wrapup"] = {**wrapup, "code": options.timeout_code, "name": None}
    settle(session, "complete", due)
    return session


def alerting_due(session: Session, options: Options) -> int | None:
    timeout = in_force(session, options, "alertingTimeoutMs")
    if session["state"] != "alerting" or timeout is None or options.alerting_grace is None:
        return None
    return int(session["segments"][-1]["startTime"] + timeout + options.alerting_grace)


def fire_alerting(session: Session, _options: Options, due: int) -> Session:
    session = copy.deepcopy(session)
    end(session, "disconnected", due, "system")
    return session


def row(kind: str, at: int, before: Session, after: Session, context: Json, **more: Any) -> Json:
    """A trace row. `set` has the names that it must have at least: those of what changed."""
    return shown(
        {
            "session": after["id"],
            **{key.removesuffix("id").removesuffix("type"): context.get(key) for key in CONTEXT},
            "type": kind,
            "at": printed(at),
            "outcome": "applied",
            "from": before["state"],
            "to": after["state"],
            "acw": acw_state(after),
            "set": [key for key in MODEL if before[key] != after[key]],
            **more,
        }
    )


def event_row(event: Event, verdict: RowOutcome, before: Session, after: Session, context: Json) -> Json:
    outcome, rule = verdict
    received, notes = printed(event.received), list(event.notes) or None
    found = row(event.type, event.at, before, after, context, source=event.source, event=event.id, received=received, notes=notes)
    if outcome == "applied":
        return found | {"set": sorted({*found["set"], *DETAILS} & {*found["set"], *event.data})}
    return shown(found | {"outcome": outcome, "rule": rule, "from": None, "to": None, "set": None})


# --- Section 9: session JSON ----------------------------------------------------------------------------------------


def shown(value: Json | None, names: Iterable[str] | None = None) -> Json:
    """The object without what is unset, in the order of `names`. `provisional` is there only if it is true."""
    value = value or {}
    held = {name: value.get(name) for name in names or value}
    return {name: item for name, item in held.items() if item is not None and not (name == "provisional" and item is False)}


def with_times(value: Json) -> Json:
    return {key: printed(item) if key.endswith("Time") else item for key, item in value.items()}


def session_json(session: Session) -> Json:
    parts = dict(session)
    if session["segments"]:
        parts["segments"] = [with_times(shown(segment, SEGMENT)) for segment in session["segments"]]
    if session["wrapup"]:
        parts["wrapup"] = wrapup_json(session["wrapup"], session["disconnectedTime"])
    if session["afterCallWork"]:
        parts["afterCallWork"] = with_times(shown(session["afterCallWork"], AFTER_CALL_WORK))
    return with_times(shown(parts, MODEL))


def wrapup_json(wrapup: Json, disconnected: int) -> Json:
    timed = dict(wrapup)
    if wrapup.get("endTime") is not None:
        timed["durationSeconds"] = (wrapup["endTime"] - disconnected) // SECOND
    return with_times(shown(timed, WRAPUP))


# --- What tests call ------------------------------------------------------------------------------------------------


def account(subject: str, copies: list[Event], options: Options, until: int | None) -> Account:
    """The account of one session from all copies of its events, with the latest advance, None for no advance at all."""
    identities: dict[tuple[str, str], list[Event]] = {}
    for event in copies:
        identities.setdefault(event.identity, []).append(event)
    whole = fold(subject, [merged(group) for group in identities.values()], options, until)
    whole.repeats = len(copies) - len(identities)
    whole.conflicts = sum(in_conflict(group) for group in identities.values())
    whole.corrected = sum(is_corrected(group) for group in identities.values())
    return whole


def can_be_sealed(whole: Account, horizon: int) -> bool:
    """Whether the session has ended, has no deadline left, and its latest event occurred before the horizon."""
    latest = max(row["at"] for row in whole.trace if "event" in row)
    return whole.session["state"] in ENDED and whole.deadline is None and moment(latest) < horizon


def account_as_of(subject: str, copies: list[Event], options: Options, at: int) -> Account:
    """The account from the copies that were received by `at`, advanced to `at`."""
    return account(subject, [event for event in copies if event.received <= at], options, at)
