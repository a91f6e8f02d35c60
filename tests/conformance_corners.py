"""Streams for single rules, for the conformance kit. Most implementations that are wrong in one rule differ in one of these.

A stream is written as the lines that arrive, so no code of the package makes it. The second reading says what is expected.
"""

from collections.abc import Iterator
from itertools import pairwise

from tests.reading import DAY, DETAILS, DISCONNECT_TYPES, PENDING, PREFIX, SECOND, SETTINGS, Json, Options, printed
from tests.reading_streams import START, Stream, as_line, envelope, in_base64

Facts = tuple[Json, ...]
"""Envelopes. One without an id gets one by its place."""

OPTIONAL = {"wrapupPrompt": "optional"}
TIMED = {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 30_000}
FORCED = {**TIMED, "wrapupPrompt": "forcedTimeout"}
MANDATORY = {"wrapupPrompt": "mandatory"}
DRAFT = {"notes": "asked twice", "provisional": True}
GRACE = Options(alerting_timeout=20_000, alerting_grace=250)
NO_TRANSFER = Options(acw_after_transfer=False)


def corners() -> Iterator[tuple[str, Stream]]:
    """Yield the streams with their names: `corner RULE what` or `repeat what, what it states`."""
    yield from repeats()
    for some in (times(), envelopes(), details(), settings(), alerts(), ends(), work(), reports(), wrapups(), orders(), copies()):
        for name, stream in some:
            yield f"corner {name}", stream


def at(second: float, kind: str, /, **data: object) -> Json:
    """Return an event that occurs so many seconds after the start. Its id is not set."""
    event = envelope("s1", "/test", "", kind, START + round(second * SECOND))
    return event | ({"data": data} if data else {})


def stream(*facts: Json, options: Options | None = None, until: float | None = None) -> Stream:
    """Return a stream of these events, which advances to a second."""
    lines = [as_line({**fact, "id": fact["id"] or f"e{place}"}) for place, fact in enumerate(facts, 1)]
    return Stream(lines, options or Options(), None if until is None else printed(START + round(until * SECOND)), [])


def ended(**stated: object) -> Facts:
    """Return a leg that was connected for a minute."""
    return at(0, "connected", **stated), at(60, "disconnected", disconnectType="peer")


# --- SAME: an event that repeats what the session has, and what else it states --------------------------------------------------

STATED: dict[str, Json] = {
    "nothing": {},
    "a detail": {"viewerUrl": "https://example.com/v/9"},
    "a grant": {"controlling": ["p1"]},
    "a setting": {"wrapupTimeoutMs": 45_000},
    "a grant and a setting": {"controlling": ["p1"], "wrapupTimeoutMs": 45_000},
    "all three": {"viewerUrl": "https://example.com/v/9", "controlling": ["p1"], "wrapupTimeoutMs": 45_000},
}
SAVED = {"code": "sale", "disableEndTimeUpdates": True}
DONE = {"by": "platform", "state": "complete"}
SKIPPED = {"by": "platform", "state": "skipped"}
NONE = {"by": "platform", "state": "notApplicable"}
REPEATED: dict[str, tuple[Facts, str, Json]] = {
    **{state: ((at(0, state),), state, {}) for state in (*PENDING, "connected", "disconnected", "terminated")},
    "disconnected after terminated": ((at(0, "terminated"),), "disconnected", {}),
    "updated before any state": ((), "updated", {}),
    "updated while alerting": ((at(0, "alerting"),), "updated", {}),
    "updated while connected": ((at(0, "connected"),), "updated", {}),
    "updated after the end": (ended(), "updated", {}),
    "request": ((at(0, "connected"), at(1, "acw.required", required=True)), "acw.required", {"required": True}),
    "withdrawn request": ((at(0, "connected"), at(1, "acw.required", required=False)), "acw.required", {"required": False}),
    "prepared wrap-up": ((at(0, "connected"), at(1, "wrapup", code="sale")), "wrapup", {"code": "sale"}),
    "prepared draft": ((at(0, "connected"), at(1, "wrapup", **DRAFT)), "wrapup", DRAFT),
    "draft, optional": ((*ended(**OPTIONAL), at(61, "wrapup", **DRAFT)), "wrapup", DRAFT),
    "draft, mandatory": ((*ended(**MANDATORY), at(61, "wrapup", **DRAFT)), "wrapup", DRAFT),
    "draft, forced": ((*ended(**FORCED), at(61, "wrapup", **DRAFT)), "wrapup", DRAFT),
    "saved wrap-up, forced": ((*ended(**FORCED), at(61, "wrapup", code="sale")), "wrapup", {"code": "sale"}),
    "saved wrap-up, complete": ((*ended(**MANDATORY), at(61, "wrapup", **SAVED)), "wrapup", SAVED),
    "saved wrap-up, skipped": ((*ended(wrapupPrompt="agentRequested"), at(61, "wrapup", **SAVED)), "wrapup", SAVED),
    "saved wrap-up, no work": ((*ended(), at(61, "wrapup", **SAVED)), "wrapup", SAVED),
    "report of pending": (ended(**TIMED), "acw.started", {}),
    "Done, complete": ((*ended(**OPTIONAL), at(61, "wrapup", code="sale")), "acw.ended", {"by": "agent"}),
    "Done, skipped": ((*ended(**OPTIONAL), at(61, "wrapup")), "acw.ended", {"by": "agent"}),
    "Done, no work": (ended(), "acw.ended", {"by": "agent"}),
    "offline, complete": ((*ended(**OPTIONAL), at(61, "acw.ended", by="offline")), "acw.ended", {"by": "offline"}),
    "report of complete": ((*ended(**OPTIONAL), at(63, "acw.ended", **DONE)), "acw.ended", DONE),
    "report of skipped": ((*ended(**OPTIONAL), at(63, "acw.ended", **SKIPPED)), "acw.ended", SKIPPED),
    "report of no work": (ended(), "acw.ended", NONE),
}
"""What came before, and the kind and data of the event that repeats it."""


def repeats() -> Iterator[tuple[str, Stream]]:
    """Yield each event that repeats the session, with each statement."""
    for name, (before, kind, data) in REPEATED.items():
        for stated, more in STATED.items():
            yield f"repeat {name}, {stated}", stream(*before, at(63, kind, **data, **more))


# --- TIME, EVENT, CONTEXT, KEEP -------------------------------------------------------------------------------------------------


def times() -> Iterator[tuple[str, Stream]]:
    """Yield streams for TIME."""
    leap = at(0, "alerting") | {"time": "2026-03-01T09:00:60Z"}
    yield "TIME-10 second 60", stream(leap)
    yield "TIME-10 second 60 with a fraction", stream(leap | {"time": "2026-03-01T09:00:60.250Z"})
    yield "TIME-9 cut, not rounded", stream(at(0, "alerting") | {"time": "2026-03-01T09:00:00.9999999Z"})
    yield "TIME-9 an offset", stream(at(0, "alerting") | {"time": "2026-03-01T14:45:00.5+05:45"})
    for late in (-2.001, -2, 1.999, 2, 2.001):
        received = {"receivedtime": printed(START + round((10 + late) * SECOND))}
        yield f"TIME-8 received after {late} s", stream(at(10, "alerting") | received, at(10, "connected") | received)


def envelopes() -> Iterator[tuple[str, Stream]]:
    """Yield streams for EVENT, CONTEXT, KEEP and KIND."""
    provider = {"providertime": "2026-03-01T08:59:00.000Z"}
    yield "EVENT-5 the uncorrected time orders nothing", stream(at(5, "connected") | provider, at(2, "alerting"))
    yield "EVENT-8 the origin of a time", stream(at(0, "connected") | {"derivedfrom": "the envelope"})
    yield "EVENT-9 data in base64", stream(in_base64(at(0, "connected", peerId="p1")))
    whole = dict.fromkeys(("conversationid", "participantid", "userid", "queueid", "purpose", "mediatype"), "a")
    yield "EVENT-6 the whole context", stream(at(0, "connected") | whole)
    yield "CONTEXT-3 the latest of each field", stream(at(0, "connected") | whole, at(1, "updated") | {"userid": "b"})
    yield "CONTEXT-3 of an event that is refused", stream(*ended(), at(61, "connected") | {"mediatype": "cobrowse"})
    yield "CONTEXT-3 of an event that is unknown", stream(at(0, "com.example.unheard") | {"participantid": "p"})
    yield "KEEP-1 unknown keys change nothing", stream(at(0, "connected", roomId=None, room={"id": None}))
    nulls = {"self": {"name": None, "addressRaw": "sip:a@b"}, "provider": None, "controlling": None, "wrapupTimeoutMs": None}
    yield "KEEP-5 a null is absent", stream(at(0, "connected", **TIMED, peerId="p1"), at(1, "updated", **nulls, peerId=None))
    every = dict.fromkeys((*DETAILS, *SETTINGS, "segmentType"))
    yield "KEEP-5 every null is absent", stream(at(0, "connected", **every), at(1, "updated", **every))
    yield "KEEP-5 a null ends nothing", stream(*ended(**OPTIONAL), at(61, "wrapup", code=None, name=None, tags=None, notes=None))
    yield "KEEP-2 unknown words are kept", stream(at(0, "connected", cobrowseRole="Watcher", initialState="Parked"))
    yield "KEEP-2 an unknown reason is kept", stream(at(0, "connected"), at(9, "disconnected", disconnectType="Sunspots"))
    yield (
        "KEEP-3 the case of words",
        stream(at(0, "connected", cobrowseRole="VIEWER"), at(9, "disconnected", disconnectType="PEER")),
    )
    yield "KEEP-6 an empty code is none", stream(*ended(**OPTIONAL), at(61, "wrapup", code=""))
    yield "KEEP-8 a code of a space is a code", stream(*ended(**OPTIONAL), at(61, "wrapup", code=" "))
    yield "KEEP-9 an unknown value before the end", stream(at(0, "connected"), at(1, "acw.ended", by="robot"))
    yield "KEEP-9 an unknown report", stream(*ended(**OPTIONAL), at(61, "acw.ended", by="platform", state="lost"))
    yield "KEEP-9 pending is no report", stream(*ended(**OPTIONAL), at(61, "acw.ended", by="platform", state="pending"))
    yield "KEEP-10 a misspelt code", stream(*ended(**OPTIONAL), at(61, "wrapup", wrapUpCode="sale"))
    for name in ("connected", PREFIX + "Connected", PREFIX.upper() + "connected"):
        yield f"KEEP-11 the type {name}", stream(at(0, "alerting"), at(1, "updated") | {"type": name})


# --- DETAIL, SETTING ------------------------------------------------------------------------------------------------------------


def details() -> Iterator[tuple[str, Stream]]:
    """Yield streams for DETAIL."""
    whole: Json = {
        "self": {"name": "Ada"},
        "provider": "acme",
        "peerId": "p1",
        "cobrowseSessionId": "cb-1",
        "cobrowseRole": "sharer",
    }
    whole |= {
        "controlling": ["p1"],
        "viewerUrl": "https://example.com/v/1",
        "initialState": "dialing",
        "afterCallWorkRequired": False,
    }
    yield "DETAIL-1 all details", stream(at(0, "connected", **whole))
    for text in ("", " ", " v "):
        before = at(0, "connected", viewerUrl="v", provider="v", self={"name": "v"})
        given = at(1, "updated", viewerUrl=text, provider=text, self={"name": text})
        yield f"DETAIL-4 the text {text!r}", stream(before, given)
    yield "DETAIL-3 taken with the end", stream(at(0, "connected"), at(9, "disconnected", afterCallWorkRequired=True))
    yield "DETAIL-3 not after the end", stream(*ended(), at(61, "updated", afterCallWorkRequired=True))
    yield (
        "DETAIL-6 the platform's first state",
        stream(at(0, "connected", initialState="alerting"), at(1, "updated", initialState="dialing")),
    )
    yield "DETAIL-6 not after a state", stream(at(0, "alerting"), at(1, "updated", initialState="dialing"))
    yield "DETAIL-6 before any state", stream(at(0, "updated", initialState="dialing"), at(1, "alerting"))
    for kind in ("alerting", "connected", "updated", "disconnected"):
        yield f"DETAIL-7 a grant with {kind}", stream(at(0, "connected"), at(9, kind, controlling=["p1"]))
        yield f"DETAIL-7 a first grant with {kind}", stream(at(9, kind, controlling=["p1"]))
    granted = at(0, "connected", controlling=["p1"])
    yield "DETAIL-8 grants end with the leg", stream(granted, at(9, "disconnected"))
    yield "DETAIL-7 a grant of the end", stream(granted, at(9, "disconnected", controlling=["p1", "p2"]))
    yield "DETAIL-4 a grant is replaced", stream(granted, at(1, "updated", controlling=["p2"]), at(2, "updated", controlling=[]))
    yield (
        "SAME-2 what is refused states nothing",
        stream(at(0, "connected"), at(1, "alerting", peerId="p1", **TIMED), at(9, "disconnected")),
    )
    yield "SAME-8 a first empty grant", stream(at(0, "connected"), at(1, "updated", controlling=[]))
    yield "SAME-8 a first false", stream(at(0, "connected"), at(1, "updated", afterCallWorkRequired=False))
    yield "SAME-8 a first request of false", stream(at(0, "connected"), at(1, "acw.required", required=False))


def settings() -> Iterator[tuple[str, Stream]]:
    """Yield streams for SETTING. Each prompt meets each event that ends after-call work."""
    prompts = ("mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "none", "AGENT_REQUESTED", "shiny")
    for prompt in (*prompts, "OPTIONAL", "MANDATORY", "MANDATORY_TIMEOUT", "mandatory_forced_timeout"):
        for timed in ({}, {"wrapupTimeoutMs": 30_000}):
            limit = "with a limit" if timed else "without a limit"
            leg = ended(wrapupPrompt=prompt, **timed, afterCallWorkRequired=True)
            yield f"SETTING {prompt} {limit}: skip", stream(*leg, at(61, "wrapup"), until=100)
            yield f"SETTING {prompt} {limit}: Done", stream(*leg, at(61, "acw.ended", by="agent"), until=100)
            yield f"SETTING {prompt} {limit}: save", stream(*leg, at(61, "wrapup", code="sale"), until=100)
    for default in ("mandatory", "forcedTimeout"):
        yield f"SETTING-3 none over {default}", stream(*ended(wrapupPrompt="none"), options=Options(default, 30_000), until=100)
        yield f"SETTING-5 {default} by default", stream(*ended(), at(61, "wrapup"), options=Options(default, 30_000), until=100)
    leg = at(0, "connected", **OPTIONAL), at(60, "disconnected", **TIMED)
    yield "SETTING-4 of the end", stream(*leg, until=100)
    yield "SETTING-4 not after the end", stream(*ended(**TIMED), at(61, "updated", peerId="p1", wrapupTimeoutMs=5_000), until=100)
    for timeout in (0, 1, DAY, DAY + 1, -5, 1.5, 10**30):
        yield f"SETTING-8 {timeout} ms", stream(*ended(wrapupPrompt="timeout", wrapupTimeoutMs=timeout))


# --- CONN, STAMP, SEG, ALERT ----------------------------------------------------------------------------------------------------


def alerts() -> Iterator[tuple[str, Stream]]:
    """Yield streams for ALERT, STAMP and SEG."""
    yield "ALERT-3 from the open segment", stream(at(0, "dialing"), at(10, "alerting"), options=GRACE, until=60)
    twice = at(0, "alerting"), at(10, "offering"), at(13, "alerting")
    yield "ALERT-3 from the second alert", stream(*twice, options=GRACE, until=60)
    yield "STAMP-2 the first alert", stream(*twice, at(14, "connected"))
    yield "ALERT-3 due at the advance", stream(at(0, "alerting"), options=GRACE, until=20.25)
    yield "ALERT-3 not due yet", stream(at(0, "alerting"), options=GRACE, until=20.249)
    yield "ALERT-2 without a grace", stream(at(0, "alerting"), options=Options(alerting_timeout=20_000), until=60)
    yield "ALERT-5 an event does not fire it", stream(at(0, "alerting"), at(50, "connected"), options=GRACE, until=60)
    yield "ALERT-7 it is the last entry", stream(at(0, "alerting"), at(50, "updated", peerId="p1"), options=GRACE, until=60)
    unanswered = Options("optional", alerting_timeout=20_000, alerting_grace=250, acw_when_unanswered=True)
    yield "ALERT-4 no after-call work", stream(at(0, "alerting"), options=unanswered, until=60)
    late = {"receivedtime": printed(START + 2 * SECOND)}
    yield "STAMP-3 never before the alert", stream(at(0.5, "alerting") | late, at(1, "connected"))
    yield "STAMP-4 the time of the end", stream(at(0, "connected"), at(1, "disconnected") | late)
    yield "STAMP-6 only what is applied", stream(*ended(), at(61, "alerting"), at(62, "disconnected"))
    yield "STAMP-6 no timer", stream(*ended(**TIMED), until=100)
    yield "SEG-1 the time of the provider", stream(at(1, "alerting") | late, at(2, "connected"))
    yield "SEG-2 its own type", stream(at(0, "connected", segmentType="IVR"))
    yield "SEG-4 how it ended", stream(at(0, "alerting"), at(1, "connected", segmentType="IVR"))


def ends() -> Iterator[tuple[str, Stream]]:
    """Yield streams for CONN and for ACW-2."""
    plain = at(0, "connected", **OPTIONAL), at(60, "disconnected")
    yield "CONN-15 a reason that comes later", stream(*plain, at(61, "disconnected", disconnectType="client"))
    yield "CONN-15 the first reason", stream(*ended(), at(61, "terminated", disconnectType="client"))
    yield "CONN-15 after-call work stays", stream(*plain, at(61, "terminated", disconnectType="transfer"), options=NO_TRANSFER)
    yield "CONN-6 disconnected after terminated", stream(at(0, "terminated"), at(1, "disconnected"))
    for reason in DISCONNECT_TYPES:
        yield f"DISC-1 {reason}", stream(at(0, "connected"), at(60, "disconnected", disconnectType=reason.upper()))
    for reason in ("transfer", "TRANSFER", "Transfer.Odd", "transfer.conference", "no.transfer"):
        end = at(60, "disconnected", disconnectType=reason)
        yield f"ACW-4 {reason}", stream(at(0, "connected", **OPTIONAL), end, options=NO_TRANSFER)
        yield f"ACW-9 {reason}", stream(at(0, "connected", **OPTIONAL), end)
        yield f"ACW-4 {reason} without a prompt", stream(at(0, "connected"), end, options=NO_TRANSFER)
    for prompt in ("mandatory", "agentRequested", "none"):
        leg = at(0, "connected", wrapupPrompt=prompt), at(1, "acw.required", required=True), at(60, "disconnected")
        yield f"ACW-47 under {prompt}", stream(*leg)
    asked = {"wrapupPrompt": "agentRequested"}
    yield "ACW-5 not asked", stream(*ended(**asked))
    yield "ACW-5 withdrawn", stream(*ended(**asked, afterCallWorkRequired=False))
    yield "ACW-5 asked with the end", stream(at(0, "connected", **asked), at(60, "disconnected", afterCallWorkRequired=True))
    yield "ACW-7 a prepared wrap-up", stream(at(0, "connected"), at(9, "wrapup", **DRAFT), at(60, "disconnected"))
    yield "ACW-11 a prepared wrap-up", stream(at(0, "connected", **asked), at(9, "wrapup", **DRAFT), at(60, "disconnected"))
    yield "ACW-3 never connected", stream(at(0, "alerting", **OPTIONAL), at(60, "disconnected"))
    yield (
        "ACW-8 never connected",
        stream(at(0, "alerting", **OPTIONAL), at(60, "disconnected"), options=Options(acw_when_unanswered=True)),
    )


# --- ACW, WRAP ------------------------------------------------------------------------------------------------------------------

DRAFTS: dict[str, Json] = {
    "notes": {"notes": "asked twice", "provisional": True},
    "tags": {"tags": ["a"], "provisional": True},
    "a name": {"name": "Sale", "provisional": True},
    "all": {"name": "Sale", "notes": "asked twice", "tags": ["a"], "provisional": True},
    "a code": {"code": "sale", "name": "Sale", "provisional": True},
}
MORE = {"wrapupTimeoutMs": 600_000}


def work() -> Iterator[tuple[str, Stream]]:
    """Yield streams for what ends after-call work."""
    for name, draft in DRAFTS.items():
        for prompt, leg in (("optional", ended(**OPTIONAL)), ("timeout", ended(**TIMED)), ("forced", ended(**FORCED))):
            pending = *leg, at(65, "wrapup", **draft)
            yield f"ACW-21 {prompt}, a draft with {name}: skip", stream(*pending, at(66, "wrapup"))
            yield f"ACW-20 {prompt}, a draft with {name}: Done", stream(*pending, at(66, "acw.ended", by="agent"))
            yield f"ACW-17 {prompt}, a draft with {name}: offline", stream(*pending, at(66, "acw.ended", by="offline"))
            yield f"ACW-21 {prompt}, a draft with {name}: a report", stream(*pending, at(66, "acw.ended", **SKIPPED))
        yield f"ACW-23 a draft with {name}: the deadline", stream(*ended(**TIMED), at(65, "wrapup", **draft), until=100)
    yield "ACW-23 no wrap-up", stream(*ended(**TIMED), until=100)
    yield "ACW-24 another code", stream(*ended(**TIMED), options=Options(timeout_code="LATE"), until=100)
    yield "ACW-25 due at the advance", stream(*ended(**TIMED), until=90)
    yield "ACW-25 not due yet", stream(*ended(**TIMED), until=89.999)
    for second in (90, 90.001):
        yield f"ACW-26 a save at {second} s", stream(*ended(**TIMED), at(second, "wrapup", code="sale"))
    yield "WRAP-9 the deadline ends the wrap-up", stream(*ended(**FORCED), at(65, "wrapup", code="sale"), until=100)
    yield "WRAP-6 no draft over a final save", stream(*ended(**FORCED), at(65, "wrapup", code="sale"), at(66, "wrapup", **DRAFT))
    moved = at(100, "updated") | {"id": "m", "sequence": "1"}, at(80, "updated") | {"id": "m", "sequence": "2"}
    yield "TIMER-6 the time of the edition that counts", stream(*ended(**TIMED), *moved)
    yield "TIMER-1 a refused event fires it", stream(*ended(**TIMED), at(91, "alerting"))


def reports() -> Iterator[tuple[str, Stream]]:
    """Yield streams for the reports of the platform."""
    for code in ("ININ-WRAP-UP-TIMEOUT", "LATE"):
        options = Options(timeout_code=code)
        for name, draft in DRAFTS.items():
            late = *ended(**TIMED), at(65, "wrapup", **draft)
            yield f"ACW-39 {code}, a draft with {name}", stream(*late, at(100, "acw.started", **MORE), options=options)
            yield f"ACW-30 {code}, a draft with {name}: skipped", stream(*late, at(100, "acw.ended", **SKIPPED), options=options)
            yield f"ACW-30 {code}, a draft with {name}: none", stream(*late, at(100, "acw.ended", **NONE), options=options)
            yield f"ACW-28 {code}, a draft with {name}: complete", stream(*late, at(100, "acw.ended", **DONE), options=options)
        saved = *ended(**OPTIONAL), at(65, "wrapup", code="ININ-WRAP-UP-TIMEOUT", name="Late", notes="n")
        yield f"ACW-39 {code}, saved by hand", stream(*saved, at(100, "acw.started"), options=options)
    yield "ACW-39 no wrap-up", stream(*ended(**TIMED), at(100, "acw.started", **MORE))
    yield "ACW-38 the end of the wrap-up", stream(*ended(**OPTIONAL), at(65, "wrapup", code="sale"), at(100, "acw.started"))
    yield "ACW-31 a draft", stream(*ended(**OPTIONAL), at(65, "wrapup", **DRAFT), at(66, "acw.ended", **NONE))
    for second in (90, 90.001):
        yield f"ACW-41 at {second} s", stream(*ended(**TIMED), at(second, "acw.started"))
        yield f"ACW-41 closed, at {second} s", stream(*ended(**TIMED), at(65, "wrapup", code="sale"), at(second, "acw.started"))
        yield f"ACW-36 its own limit, at {second} s", stream(*ended(**MANDATORY), at(second, "acw.started", **TIMED))
    for prompt in ({}, {"wrapupPrompt": "none"}):
        name = "the prompt none" if prompt else "no prompt"
        started = *ended(**prompt, wrapupTimeoutMs=30_000), at(70, "acw.started")
        yield f"ACW-42 {name}: skip", stream(*started, at(71, "wrapup"))
        yield f"ACW-42 {name}: no deadline", stream(*started, until=200)
        yield f"ACW-42 {name}: save", stream(*started, at(71, "wrapup", code="sale"))
    for name, report in (("complete", DONE), ("skipped", SKIPPED), ("none", NONE)):
        saved = *ended(**OPTIONAL), at(65, "wrapup", code="sale")
        yield f"ACW-29 {name}, pending", stream(*ended(**OPTIONAL), at(64, "acw.ended", **report))
        yield f"ACW-29 {name}, no work", stream(*ended(), at(64, "acw.ended", **report))
        yield f"ACW-29 {name}, a save before", stream(*saved, at(66, "acw.ended", **report))
        yield f"ACW-29 {name}, twice", stream(*saved, at(66, "acw.ended", **report), at(67, "acw.ended", **report))
        yield f"ACW-34 {name}, too early", stream(at(0, "connected"), at(1, "acw.ended", **report))
        yield f"ACW-29 {name} with a detail", stream(*ended(), at(64, "acw.ended", **report, peerId="p1"))
        yield f"ACW-29 {name} with a detail, saved", stream(*saved, at(66, "acw.ended", **report, peerId="p1"))


def wrapups() -> Iterator[tuple[str, Stream]]:
    """Yield streams for WRAP."""
    first = at(65, "wrapup", code="a", name="A", notes="n", tags=["t"])
    legs = (("pending", ended(**FORCED)), ("closed", ended(**OPTIONAL)), ("no work", ended()))
    for name, leg in (*legs, ("connected", (at(0, "connected"),))):
        for kept in ({}, {"disableEndTimeUpdates": True}):
            how = "the end stays" if kept else "the end moves"
            yield f"WRAP-10 {name}, {how}: another code", stream(*leg, first, at(70, "wrapup", code="b", **kept))
            yield f"WRAP-3 {name}, {how}: the same", stream(*leg, first, at(70, "wrapup", **first["data"], **kept))
            yield f"WRAP-2 {name}, {how}: the first save", stream(*leg, at(70, "wrapup", code="b", **kept))
            yield f"WRAP-6 {name}, {how}: a draft", stream(*leg, first, at(70, "wrapup", **DRAFT, **kept))
        yield f"WRAP-7 {name}: a skip", stream(*leg, first, at(70, "wrapup"))
        for tags in (["b", "a"], ["a", "a", "b"], ["a", "b", ""], []):
            saves = (at(second, "wrapup", code="sale", tags=some) for second, some in ((65, ["a", "b"]), (70, tags)))
            yield f"WRAP-3 {name}: the tags {tags}", stream(*leg, *saves)
        yield f"WRAP-1 {name}: empty texts", stream(*leg, first, at(70, "wrapup", code="a", name="", notes="", tags=[""]))
    for end in (60.999, 61, 74.22, 74.999):
        yield f"WRAP-11 saved at {end} s", stream(*ended(**OPTIONAL), at(end, "wrapup", code="a"))
    for kind in ("scheduled", "alerting"):
        yield f"WRAP-4 {kind}", stream(at(0, kind), at(1, "wrapup", code="a"))
    yield "WRAP-4 before any state", stream(at(1, "wrapup", code="a"))


# --- ORDER, COPY ----------------------------------------------------------------------------------------------------------------

ASTRAL = "\U0001f600"
BELOW = "\uff5e"
"""Before `ASTRAL` by code point, behind it by UTF-16 units."""


def orders() -> Iterator[tuple[str, Stream]]:
    """Yield pairs of events at one instant. The later one in order gives the peer."""

    def both(one: Json, other: Json) -> Stream:
        return stream(at(0, "connected"), at(1, "updated", peerId="a") | one, at(1, "updated", peerId="b") | other)

    alike = ("e", "E"), ("e", " e"), ("e", "e "), ("\u00e9", "e\u0301"), ("ss", "ß"), ("7", "٧")
    for one, other in (("B", "a"), ("e10", "e9"), (BELOW, ASTRAL), ("é", "z"), *alike):
        yield f"ORDER-1 the ids {one} and {other}", both({"id": one}, {"id": other})
        yield f"ORDER-1 the sources {one} and {other}", both({"source": one, "id": "e2"}, {"source": other, "id": "e1"})
        yield f"ORDER-5 the sequences {one} and {other}", both({"sequence": one, "id": "e2"}, {"sequence": other, "id": "e1"})
    numbers = ("9", "10"), ("9" * 39, "1" * 40), ("7", "007"), ("0", "00"), ("2", str(2**64 + 1)), (str(2**53), f"0{2**53 + 1}")
    for less, more in (*numbers, ("12", "7a"), ("8", "٧"), (None, "0"), (None, "a")):
        yield f"ORDER-3 the sequences {less} and {more}", both({"sequence": less, "id": "e2"}, {"sequence": more, "id": "e1"})
    yield "ORDER-1 the source before the sequence", both({"source": "/b", "sequence": "1"}, {"source": "/a", "sequence": "2"})
    ranks = *PENDING, "connected", "updated", "acw.required", "disconnected", "terminated", "acw.started", "wrapup", "acw.ended"
    own: dict[str, Json] = {"acw.required": {"required": True}, "wrapup": {"code": "sale"}, "acw.ended": {"by": "agent"}}
    kinds = *ranks, "com.example.unheard"
    for one, other in pairwise(kinds):
        events = (at(1, kind, **own.get(kind, {}), peerId=kind) | {"id": kind} for kind in (other, one))
        yield f"ORDER-2 {one} and {other}", stream(at(0, "connected", **OPTIONAL), *events)


def copies() -> Iterator[tuple[str, Stream]]:
    """Yield copies of one event."""
    one = at(9, "disconnected") | {"id": "e"}
    start = at(0, "connected", **OPTIONAL)

    def both(first: Json, second: Json) -> Iterator[Stream]:
        yield stream(start, one | first, one | second)
        yield stream(start, one | second, one | first)

    def received(second: float) -> Json:
        return {"receivedtime": printed(START + round(second * SECOND))}

    peer, client = {"data": {"disconnectType": "peer"}}, {"data": {"disconnectType": "client"}}
    detail = {"data": {"peerId": "p1", "wrapupPrompt": "none"}, "userid": "u1"}
    named = {
        "COPY-2 the highest edition": ({"sequence": "9", **peer}, {"sequence": "10", **client}),
        "COPY-3 the earliest received": (received(10) | client, received(9.5) | peer),
        "COPY-3 the smallest form": (client, peer),
        "COPY-4 details, settings and context": ({"sequence": "1"} | detail, {"sequence": "2"} | peer),
        "COPY-4 not of the same edition": ({"sequence": "2"} | detail, {"sequence": "2"} | peer),
        "COPY-5 the reason": ({"sequence": "1"} | peer, {"sequence": "2"}),
        "COPY-5 not of another type": ({"sequence": "1"} | peer, {"sequence": "2", "type": PREFIX + "terminated"}),
        "COPY-7 the earliest time received": ({"sequence": "1"} | received(9.1), {"sequence": "2"} | received(9.2) | peer),
        "COPY-7 not of another time": (
            {"sequence": "1", "time": printed(START)} | received(0),
            {"sequence": "2"} | received(9.2),
        ),
        "COPY-10 a null is left out": ({"data": {"peerId": None}}, {"data": {}}),
        "COPY-10 known words have one spelling": (peer, {"data": {"disconnectType": "PEER"}}),
        "COPY-10 times have one spelling": (
            {"time": "2026-03-01T14:00:09+05:00", "providertime": "2026-03-01T14:00:00+05:00"},
            {"providertime": "2026-03-01T09:00:00Z"},
        ),
        "COPY-11 other keys as they came": ({"data": {"room": None}}, {"data": {"room": 1}}),
        "COPY-11 1 is not true": ({"data": {"room": 1}}, {"data": {"room": True}}),
        "COPY-13 data of an unknown type": ({"type": "com.example.a", "data": [1]}, {"type": "com.example.a", "data": [2]}),
        "COPY-14 the order of keys": ({"data": {"peerId": "a", "provider": "b"}}, {"data": {"provider": "b", "peerId": "a"}}),
        "COPY-14 not escaped": ({"data": {"peerId": "z"}}, {"data": {"peerId": "é"}}),
        "COPY-9 by code point": ({"data": {"peerId": BELOW}}, {"data": {"peerId": ASTRAL}}),
        "COPY-19 a copy that differs is a repeat": (peer, client),
        "COPY-12 no data": ({"data": {}}, {"data": None, "userid": None}),
        "COPY-15 when it was received": (received(9.1), received(9.2)),
        "COPY-17 only the highest edition": ({"sequence": "1"} | peer, {"sequence": "2"} | client),
        "COPY-17 the text of the edition": ({"sequence": "7"} | peer, {"sequence": "07"} | client),
        "WORD-6 the source": ({"source": "/a"} | peer, {"source": "/b"} | client),
        "COPY-9 ids above U+FFFF": ({"id": ASTRAL} | peer, {"id": ASTRAL} | client),
    }
    for name, (first, second) in named.items():
        for order, made in zip(("", ", the other order"), both(first, second), strict=True):
            yield name + order, made
    lower = at(61, "wrapup", code="sale", name="Sale", notes="n") | {"id": "w", "sequence": "1"}
    higher = at(61, "wrapup", code="help") | {"id": "w", "sequence": "2"}
    yield "COPY-6 a wrap-up is replaced whole", stream(*ended(**OPTIONAL), lower, higher)
    unheard = at(1, "com.example.unheard") | {"id": "u"}
    yield "COPY-12 empty data of an unknown type", stream(start, unheard, unheard | {"data": {}})
    yield "COPY-13 a null in data of an unknown type", stream(start, unheard, unheard | {"data": {"peerId": None}})
    unheard = at(1, "com.example.unheard") | {"id": "u", "userid": "u1", "sequence": "1"}
    yield "COPY-4 not of an unknown type", stream(start, unheard, at(1, "updated", peerId="p1") | {"id": "u", "sequence": "2"})
