"""Seeded random streams of event lines: lifelike ones and hostile ones."""

import base64
import itertools
import json
import random
from dataclasses import dataclass
from typing import Any

from tests.reading import DAY, DETAILS, DISCONNECT_TYPES, PENDING, PREFIX, PROMPTS, RANKS, SECOND, Json, Options, moment, printed

START = moment("2026-03-01T09:00:00.000Z")
MINUTE = 60 * SECOND
SOURCES = ("/providers/acme", "/providers/zeta")
TIMEOUT_CODES = ("ININ-WRAP-UP-TIMEOUT", "LATE")
CODES = ("sale", "help", *TIMEOUT_CODES)


@dataclass(frozen=True)
class Stream:
    """Lines in order of arrival, the lifecycle that reads them, the latest advance, and moments for `as_of`."""

    lines: list[str]
    options: Options
    until: str | None
    moments: list[str]


def some_options(rng: random.Random, timeouts: tuple[int, ...]) -> Options:
    prompt = rng.choice((None, None, "mandatory", "optional", "agentRequested", "timeout", "forcedTimeout"))
    asks_timeout = prompt in ("timeout", "forcedTimeout")
    return Options(
        wrapup_prompt=prompt,
        wrapup_timeout=rng.choice(timeouts) if asks_timeout or rng.random() < 0.3 else None,
        alerting_timeout=rng.choice((None, None, *timeouts)),
        alerting_grace=rng.choice((None, 0, 250, SECOND)),
        acw_when_unanswered=rng.random() < 0.2,
        acw_after_transfer=rng.random() < 0.7,
        timeout_code=rng.choice(TIMEOUT_CODES) if rng.random() < 0.2 else TIMEOUT_CODES[0],
    )


# --- What data can state --------------------------------------------------------------------------------------------


def some_settings(rng: random.Random, timeouts: tuple[int, ...]) -> Json:
    prompts = (*PROMPTS, "TIMEOUT", "MANDATORY_TIMEOUT", "shiny")
    settings: Json = {}
    if rng.random() < 0.8:
        settings["wrapupPrompt"] = rng.choice(prompts)
    if rng.random() < 0.7:
        settings["wrapupTimeoutMs"] = rng.choice(timeouts)
    if rng.random() < 0.3:
        settings["alertingTimeoutMs"] = rng.choice(timeouts)
    return settings


DETAIL_VALUES: dict[str, tuple[Any, ...]] = {
    "self": (
        {"name": "Ada"},
        {"name": "Ada", "addressRaw": "sip:a@b", "nameRaw": ""},
        {"name": "Björn", "addressNormalized": None},
    ),
    "provider": ("acme", "zeta"),
    "peerId": ("p1", "p2"),
    "cobrowseSessionId": ("cb-1", "cb-2"),
    "cobrowseRole": ("viewer", "sharer", "VIEWER", "watcher"),
    "controlling": ([], ["cb-0"], ["cb-0", "cb-1"]),
    "viewerUrl": ("https://example.com/v/1", "https://example.com/v/2"),
    "initialState": ("alerting", "Connected", "parked"),
    "afterCallWorkRequired": (True, False),
}


def some_details(rng: random.Random, most: int = 2) -> Json:
    return {key: rng.choice(DETAIL_VALUES[key]) for key in rng.sample(DETAILS, rng.randint(1, most))}


def some_wrapup(rng: random.Random) -> Json:
    wrapup: Json = {"name": "Sale", "notes": "asked twice", "tags": ["a", "b"]}
    wrapup = {key: value for key, value in wrapup.items() if rng.random() < 0.3}
    if rng.random() < 0.7:
        wrapup["code"] = rng.choice(CODES[:2]) if rng.random() < 0.9 else rng.choice(CODES)
    if rng.random() < 0.3:
        wrapup["provisional"] = True
    if rng.random() < 0.2:
        wrapup["disableEndTimeUpdates"] = rng.random() < 0.8
    if rng.random() < 0.1:
        wrapup["wrapUpCode"] = "sale"
    return wrapup


def own_data(rng: random.Random, kind: str) -> Json:
    if kind in PENDING or kind == "connected":
        return {"segmentType": rng.choice(("IVR", "Delay"))} if rng.random() < 0.2 else {}
    if kind in ("disconnected", "terminated"):
        return {"disconnectType": some_disconnect_type(rng)} if rng.random() < 0.7 else {}
    if kind == "acw.required":
        return {"required": rng.random() < 0.7}
    if kind == "wrapup":
        return some_wrapup(rng)
    if kind != "acw.ended":
        return {}
    by = rng.choice(("agent", "agent", "offline", "platform", "platform", "Platform", "robot"))
    states = ("complete", "skipped", "notApplicable", "COMPLETE", "unknown")
    return {"by": by, "state": rng.choice(states)} if by.lower() == "platform" else {"by": by}


def some_disconnect_type(rng: random.Random) -> str:
    return rng.choice((*DISCONNECT_TYPES[:8], "client", "peer", "transfer", "TRANSFER", "Transfer.Odd", "sunspots"))


# --- Lines ----------------------------------------------------------------------------------------------------------


def envelope(subject: str, source: str, identity: str, kind: str, at: int) -> Json:
    name = PREFIX + kind if kind in RANKS else kind
    return {"specversion": "1.0", "id": identity, "source": source, "type": name, "subject": subject, "time": printed(at)}


def as_line(event: Json) -> str:
    return json.dumps(event, ensure_ascii=False)


def in_base64(event: Json) -> Json:
    data = base64.b64encode(json.dumps(event["data"]).encode()).decode()
    rest = {key: value for key, value in event.items() if key != "data"}
    return rest | {"data_base64": data, "datacontenttype": "application/vnd.acme+JSON; charset=utf-8"}


# --- Lifelike -------------------------------------------------------------------------------------------------------

TIMEOUTS = (10 * SECOND, 30 * SECOND, 60 * SECOND, 10 * MINUTE)

Fact = tuple[int, str, Json]


def lifelike(seed: int) -> Stream:
    """Lives as providers report them, over a feed that repeats, corrects and delays."""
    rng = random.Random(f"lifelike {seed}")
    copies: list[tuple[int, Json]] = []
    last = START
    for subject in [f"s{number}" for number in range(rng.choice((1, 1, 1, 2)))]:
        facts = life(rng, START + rng.randrange(5 * SECOND))
        last = max([last, *(at for at, _, _ in facts)])
        for number, fact in enumerate(facts):
            copies += feed(rng, subject, number, fact)
    if rng.random() < 0.5:
        rng.shuffle(copies)
    else:
        copies.sort(key=lambda pair: pair[0])
    until = rng.choice((None, last, last + 45 * SECOND, last + 20 * MINUTE, START + 40 * SECOND))
    received = [at for at, _ in copies]
    moments = [*rng.sample(received, min(2, len(received))), START + rng.randrange(15 * MINUTE), last + 30 * MINUTE]
    return Stream(
        [as_line(event) for _, event in copies],
        some_options(rng, TIMEOUTS),
        None if until is None else printed(until),
        [printed(at) for at in moments],
    )


def life(rng: random.Random, start: int) -> list[Fact]:
    """What happens to one leg, in order, and stray facts at the end."""
    facts: list[Fact] = []
    at = start

    def happens(kind: str, most: int = 20 * SECOND) -> None:
        nonlocal at
        at += rng.choice((0, rng.randrange(1, most), rng.randrange(1, most)))
        facts.append((at, kind, own_data(rng, kind)))

    for kind in rng.choices(PENDING, weights=(1, 1, 1, 1, 4), k=rng.choice((0, 1, 1, 2, 3))):
        happens(kind)
    if rng.random() < 0.8:
        happens("connected")
        for kind in rng.choices(
            ("updated", "acw.required", "wrapup", "connected", "acw.ended"), (4, 2, 2, 1, 0.3), k=rng.randrange(4)
        ):
            happens(kind, 2 * MINUTE)
    if rng.random() < 0.9:
        happens("disconnected", 2 * MINUTE)
        ended = at
        if rng.random() < 0.4:
            happens("terminated", 300)
        for kind in rng.choices(
            ("acw.started", "wrapup", "acw.ended", "updated", "terminated"), (3, 4, 3, 1, 0.3), k=rng.randrange(7)
        ):
            happens(kind, 40 * SECOND)
        if rng.random() < 0.4:
            facts += reopened(rng, ended)
    return [(when, kind, with_extras(rng, kind, data)) for when, kind, data in facts] + strays(rng, start)


def strays(rng: random.Random, start: int) -> list[Fact]:
    kinds = rng.choices(
        (*RANKS, "cobrowse.session.parked", "acme.heartbeat", "COBROWSE.SESSION.ALERTING"), k=rng.choice((0, 0, 1, 2))
    )
    return [(start + rng.randrange(5 * MINUTE), kind, own_data(rng, kind)) for kind in kinds]


def reopened(rng: random.Random, ended: int) -> list[Fact]:
    """After-call work that times out, is reopened with a longer timeout, and times out again."""
    prompt = {"wrapupPrompt": rng.choice(("timeout", "timeout", "forcedTimeout", "agentRequested"))}
    facts: list[Fact] = [(ended, "acw.started", prompt | {"wrapupTimeoutMs": TIMEOUTS[0]})]
    for before, timeout in itertools.pairwise(TIMEOUTS):
        at = ended + before + rng.choice((-1, 0, 1, rng.randrange(20 * SECOND)))
        facts.append((at, "acw.started", {"wrapupTimeoutMs": timeout} if rng.random() < 0.9 else {}))
        if rng.random() < 0.3:
            kind = rng.choice(("wrapup", "acw.ended"))
            facts.append((at + rng.randrange(10 * SECOND), kind, own_data(rng, kind)))
    return facts


def with_extras(rng: random.Random, kind: str, data: Json) -> Json:
    """The data with settings, details and keys that no event reads."""
    likely = 0.6 if kind in PENDING else 0.25
    if rng.random() < likely:
        data = some_settings(rng, TIMEOUTS) | data
    if rng.random() < 0.3:
        data = data | some_details(rng)
    if rng.random() < 0.1:
        data = data | {"roomId": rng.choice((1, "r", [1]))}
    if rng.random() < 0.05:
        data = data | {"wrapupTimeoutMs": rng.choice((0, -5, 1.5, 86_400_001))}
    return data


def feed(rng: random.Random, subject: str, number: int, fact: Fact) -> list[tuple[int, Json]]:
    """All copies of one fact, each with the time at which it arrives."""
    at, kind, data = fact
    event = envelope(subject, rng.choices(SOURCES, (5, 1))[0], f"{subject}/{number}", kind, at)
    event |= rng.choice(({}, {"conversationid": "c1"}, {"conversationid": "c1", "userid": "u1", "queueid": rng.choice("qr")}))
    if rng.random() < 0.05:
        event["derivedfrom"] = "the envelope"
    sequence = rng.choice((None, None, 7, 99, 10**33))
    copies = [edition(event, data, sequence)]
    while rng.random() < 0.3:
        higher = sequence if sequence is None or rng.random() < 0.2 else sequence + rng.randint(1, 5)
        copies.append(rng.choice(copies) if rng.random() < 0.4 else edition(*changed(rng, event, kind, data), higher))
    return [arrival(rng, copy, at) for copy in copies]


def edition(event: Json, data: Json, sequence: int | None) -> Json:
    return event | ({} if sequence is None else {"sequence": str(sequence)}) | ({"data": data} if data else {})


def changed(rng: random.Random, event: Json, kind: str, data: Json) -> tuple[Json, Json]:
    """A later statement of the same fact: another time, other data, or less of it."""
    if rng.random() < 0.3:
        event = event | {"time": printed(moment(event["time"]) + rng.choice((-200, 50, SECOND, 15 * SECOND)))}
    required = {key: data[key] for key in ("required", "by", "state") if key in data}
    if rng.random() < 0.4:
        data = {key: value for key, value in data.items() if rng.random() < 0.5} | required
    if rng.random() < 0.4:
        data = data | with_extras(rng, kind, own_data(rng, kind))
    if kind in ("disconnected", "terminated") and rng.random() < 0.2:
        event = event | {"type": PREFIX + rng.choice(("disconnected", "terminated"))}
    return event, data


def arrival(rng: random.Random, event: Json, at: int) -> tuple[int, Json]:
    if rng.random() < 0.15:
        return at, event
    delays = (rng.randrange(300), rng.randrange(5 * SECOND), rng.randrange(20 * MINUTE), 2 * SECOND, -rng.randrange(900))
    received = at + rng.choices(delays, (8, 2, 1, 1, 1))[0]
    return received, event | {"receivedtime": printed(received)}


# --- Hostile --------------------------------------------------------------------------------------------------------

SHORT = (SECOND, 2 * SECOND, 3 * SECOND)
SEQUENCES = ("7", "007", "10", "9", "0", "00", "a", "B", "7a", "٧", "1" * 40, "9" * 39)
OFTEN = ("connected", "disconnected", "alerting", "wrapup", "acw.started", "acw.ended")


def hostile(seed: int) -> Stream:
    """Any event at few instants and with few identities, so that every tie-break decides."""
    rng = random.Random(f"hostile {seed}")
    subjects = ("s1",) if rng.random() < 0.8 else ("s1", "s2")
    ids = [f"e{number}" for number in range(rng.randint(2, 16))] + ["é", "E1"]
    events = [hostile_event(rng, rng.choice(subjects), rng.choice(ids)) for _ in range(rng.randint(3, 24))]
    if rng.random() < 0.6:
        events += an_ended_leg(rng)
    rng.shuffle(events)
    instants = [START + step * SECOND + shift for step in range(8) for shift in (-1, 0, 250)]
    until = rng.choice((None, *instants, *instants[-4:], *instants[-4:], START + MINUTE))
    moments = [printed(at) for at in rng.sample(instants, 4)]
    return Stream(
        [as_line(event) for event in events], some_options(rng, SHORT), None if until is None else printed(until), moments
    )


def an_ended_leg(rng: random.Random) -> list[Json]:
    """A leg that was connected and has ended, so that after-call work is reached."""
    settings = {
        "wrapupPrompt": rng.choice(("timeout", "forcedTimeout", "agentRequested", "optional")),
        "wrapupTimeoutMs": rng.choice(SHORT),
    }
    connected = envelope("s1", SOURCES[0], "leg/connected", "connected", START) | {
        "data": settings | {"afterCallWorkRequired": True}
    }
    return [connected, envelope("s1", SOURCES[0], "leg/disconnected", "disconnected", START + rng.randrange(3) * SECOND)]


def hostile_event(rng: random.Random, subject: str, identity: str) -> Json:
    kind = rng.choice((*RANKS, *OFTEN, *OFTEN, "cobrowse.session.parked", "x"))
    at = START + rng.choice((0, 1, 2, 2, 3, 4, 5)) * SECOND
    event = envelope(subject, rng.choice(SOURCES), identity, kind, at)
    if rng.random() < 0.4:
        event["sequence"] = rng.choice(SEQUENCES)
    if rng.random() < 0.6:
        event["receivedtime"] = printed(
            at + rng.choice((0, 1, SECOND, 2 * SECOND, 2 * SECOND + 1, -2 * SECOND, -2 * SECOND - 1, 3 * SECOND))
        )
    for key in ("conversationid", "queueid", "purpose"):
        if rng.random() < 0.2:
            event[key] = rng.choice(("c1", "c2"))
    for key in ("sequence", "receivedtime", "userid", "derivedfrom"):
        if key not in event and rng.random() < 0.05:
            event[key] = None
    if rng.random() < 0.1:
        event["time"] = event["time"].replace("T09", "T14").replace("Z", "999+05:00")
    if kind not in RANKS:
        return event | rng.choice(
            ({}, {"data": [1]}, {"data": {"required": 1}}, {"data": "text", "datacontenttype": "text/plain"})
        )
    return with_hostile_data(rng, event, hostile_data(rng, kind))


def with_hostile_data(rng: random.Random, event: Json, data: Json) -> Json:
    if not data and rng.random() < 0.5:
        return event | rng.choice(({}, {"data": None}, {"datacontenttype": "text/plain"}))
    event = event | {"data": data}
    if rng.random() < 0.1:
        return in_base64(event)
    if rng.random() < 0.1:
        return event | rng.choice(({"data_base64": None}, {"datacontenttype": "application/JSON"}, {"datacontenttype": None}))
    return event


def hostile_data(rng: random.Random, kind: str) -> Json:
    data = own_data(rng, kind)
    if rng.random() < 0.4:
        data |= some_settings(rng, SHORT)
    if rng.random() < 0.4:
        data |= some_details(rng, 3)
    if rng.random() < 0.15:
        data |= rng.choice(ODDITIES)
    if kind == "wrapup" and rng.random() < 0.15:
        data |= rng.choice(({"code": ""}, {"code": None}, {"tags": []}, {"notes": ""}, {"provisional": False}, {"name": ""}))
    return data


ODDITIES: tuple[Json, ...] = (
    {"wrapupTimeoutMs": 0},
    {"wrapupTimeoutMs": -1},
    {"wrapupTimeoutMs": DAY},
    {"wrapupTimeoutMs": DAY + 1},
    {"wrapupTimeoutMs": 1.5},
    {"alertingTimeoutMs": 10**30},
    {"wrapupTimeoutMs": None, "wrapupPrompt": None, "controlling": None},
    {"wrapupPrompt": "MANDATORY_FORCED_TIMEOUT"},
    {"wrapupPrompt": "Agent_Requested"},
    {"controlling": []},
    {"afterCallWorkRequired": False},
    {"self": {}},
    {"self": {"name": None}},
    {"self": {"name": "Ada", "age": 7}},
    {"unread": 1},
    {"unread": True},
    {"unread": 1.0},
    {"unread": {}},
    {"unread": ["\u2028", "\u0000", "𝄞"]},
)
