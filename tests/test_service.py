"""The service over HTTP: events in, answers out; sessions and reasons; messages; health and metrics."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from examples.tables import parked, short_calls
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.effort import examples
from tests.serving import JSON_BODY, NOW, Served, as_headers, call, event, served
from tests.stores import Place

from cobrowse_session import Lifecycle, Settings
from cobrowse_session.io.answers import Taken
from cobrowse_session.observe import SpanObserver
from cobrowse_session.service import Guard, Service, read_tokens
from cobrowse_session.service.committer import Committer
from cobrowse_session.service.problems import ProblemError
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.schema import EVENTS, SESSIONS
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_session

CAPTURE = Path("examples/captures/notification_agent_disconnected.json")
ODD_IDS = [
    *(
        "a/b",
        "a/trace",
        "/",
        "a//",
        "trace",
        "a\nb",
        "\n",
        "a\0b",
        "\x7f",
        "..",
        "../x",
        ".",
        "?x#y",
        " ",
        "%",
        "%2F",
        "a%2Ftrace",
    ),
    *("café", "100%", "a+b", "a;b", "\\", "x" * 900),
]
WITH_WRAPUP = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))


@pytest.fixture
def here() -> Iterator[Served]:
    with served(clock=lambda: NOW) as one:
        yield one


@pytest.fixture(scope="module")
def asked() -> Iterator[Served]:
    """Return a service with one session, for tests that change nothing."""
    with served() as one:
        one.post(event())
        yield one


# --- Events -------------------------------------------------------------------------------------------------------------------


def test_an_event_is_answered_with_its_outcome_and_the_row_that_decided(here: Served) -> None:
    response = here.post(event())

    assert response.status_code == 200
    assert response.json() == {
        "answers": [
            {
                "session": "s1",
                "source": "/acme",
                "id": "e1",
                "type": "cobrowse.session.alerting",
                "outcome": "applied",
                "reason": "The agent is being alerted.",
                "row": "alerting",
                "rule": None,
                "from": "none",
                "to": "alerting",
                "acw": None,
                "notes": [],
            }
        ],
        "warnings": [],
        "skipped": [],
    }


@pytest.mark.parametrize(
    "kind", ["application/json", "application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8"]
)
def test_the_structured_mode_is_taken_in_any_spelling_of_its_type(here: Served, kind: str) -> None:
    response = here.client.post("/events", content=json.dumps(event()), headers={"content-type": kind})

    assert (response.status_code, here.stored) == (200, 1)


@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents-batch+json"])
def test_a_batch_is_taken_and_each_event_answered_in_its_order(here: Served, kind: str) -> None:
    response = here.client.post("/events", content=json.dumps([*call(), event()]), headers={"content-type": kind})

    assert [answer["outcome"] for answer in response.json()["answers"]] == ["applied", "applied", "applied", "repeat"]
    assert here.stored == 3


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.acme+json"])
def test_the_binary_mode_is_taken_with_data_of_any_json_type(here: Served, kind: str) -> None:
    ended = call()[2]
    headers = {**as_headers(ended), "content-type": kind}
    response = here.client.post("/events", content=json.dumps(ended["data"]), headers=headers)

    assert response.status_code == 200
    assert here.client.get("/sessions/s1").json()["session"]["disconnectType"] == "peer"


def test_the_binary_mode_needs_no_body_and_reads_percent_encoded_attributes(here: Served) -> None:
    response = here.client.post("/events", headers=as_headers({**event(), "subject": "caf%C3%A9%20%221%22"}))

    assert response.json()["answers"][0]["session"] == 'café "1"'


def test_a_cloudevents_type_is_the_structured_mode_whatever_the_headers_say(here: Served) -> None:
    headers = {**as_headers(event(session="other")), "content-type": "application/cloudevents+json"}
    response = here.client.post("/events", content=json.dumps(event()), headers=headers)

    assert response.json()["answers"][0]["session"] == "s1"


@pytest.mark.parametrize("subject", ["%ED%A0%80", "%FF", "caf%C3"])
def test_a_header_that_is_no_utf_8_is_a_400(here: Served, subject: str) -> None:
    response = here.client.post("/events", headers=as_headers({**event(), "subject": subject}))

    assert (response.status_code, response.json()["title"], here.stored) == (400, "Wrong header", 0)


def test_headers_of_an_event_without_the_version_of_cloudevents_are_a_400(here: Served) -> None:
    headers = {name: value for name, value in as_headers(event()).items() if name != "ce-specversion"}
    response = here.client.post("/events", json={}, headers=headers)

    assert (response.status_code, here.stored) == (400, 0)
    assert response.json()["detail"] == "A binary CloudEvent has ce-specversion: 1.0 beside ce-id."


LINES = {"content-type": "application/x-ndjson"}


def test_a_document_on_each_line_is_a_batch(here: Served) -> None:
    body = "\n".join(map(json.dumps, call())) + "\n\n"
    response = here.client.post("/events", content=body, headers=LINES)

    assert [one["outcome"] for one in response.json()["answers"]] == ["applied"] * 3


def test_data_of_lines_beside_the_headers_of_an_event_are_rejected(here: Served) -> None:
    response = here.client.post("/events", content="{}", headers={**as_headers(event()), **LINES})

    assert [one["error"] for one in response.json()["answers"][0]["problems"]] == ["wrong_content_type"]


def test_a_line_that_is_no_json_is_a_400_that_names_it_and_nothing_is_stored(here: Served) -> None:
    response = here.client.post("/events", content=json.dumps(event()) + "\n{", headers=LINES)
    many = here.client.post("/events", content="{}\n" * 1001, headers=LINES)

    assert (response.status_code, response.json()["detail"], here.stored) == (400, "Correct line 2.", 0)
    assert many.status_code == 413


def test_lines_that_have_lost_their_ends_are_a_400_that_names_what_keeps_them(here: Served) -> None:
    response = here.client.post("/events", content="".join(map(json.dumps, call())), headers=LINES)

    assert (response.status_code, here.stored) == (400, 0)
    assert response.json()["detail"].startswith("Correct line 1. ")
    assert "--data-binary" in response.json()["detail"]


def test_lines_that_are_sent_as_one_document_are_a_400_that_names_the_content_type(here: Served) -> None:
    response = here.client.post(
        "/events", content="\n".join(map(json.dumps, call())), headers={"content-type": "application/json"}
    )

    assert (response.status_code, here.stored) == (400, 0)
    assert "the content type is application/x-ndjson" in response.json()["detail"]


@pytest.mark.parametrize(("kind", "meant"), [("conected", "cobrowse.session.connected"), ("wrap-up", "cobrowse.session.wrapup")])
def test_an_event_of_a_misspelt_type_is_ignored_with_the_type_that_was_meant(here: Served, kind: str, meant: str) -> None:
    here.post(event())
    (answer,) = here.client.post("/events", json=event(kind, number=2)).json()["answers"]
    (other,) = here.client.post("/events", json={**event(number=3), "type": "com.example.order"}).json()["answers"]

    assert (answer["outcome"], other["outcome"], other["notes"]) == ("ignored", "ignored", [])
    assert answer["notes"] == [f"the type cobrowse.session.{kind} is not known. Did you mean {meant}?"]


@pytest.mark.parametrize("kind", ["connected", "wrapup", "acw.started", "started"])
def test_a_type_without_its_prefix_is_ignored_with_the_whole_type(here: Served, kind: str) -> None:
    (answer,) = here.client.post("/events", json={**event(), "type": kind}).json()["answers"]

    whole = f"cobrowse.session.{'acw.' * (kind == 'started')}{kind}"
    assert answer["notes"] == [f"the type {kind} is not known. Did you mean {whole}?"]


@pytest.mark.parametrize(
    ("sent", "session"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC", "Euro €"),
        ('"Euro%20s"', "Euro s"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ('"open', '"open'),
        ("%22x%22", '"x"'),
    ],
)
def test_an_attribute_in_a_header_is_read_as_the_http_binding_says(here: Served, sent: str, session: str) -> None:
    (answer,) = here.client.post("/events", headers={**as_headers(event()), "ce-subject": sent}).json()["answers"]

    assert answer["session"] == session


@pytest.mark.parametrize("sent", ["café".encode(), "café".encode("latin-1"), b"caf%E9"])
def test_an_attribute_in_a_header_that_is_not_percent_encoded_utf_8_is_a_400(here: Served, sent: bytes) -> None:
    headers = {name.encode(): value.encode() for name, value in as_headers(event()).items()}
    response = here.client.post("/events", headers={**headers, b"ce-subject": sent})

    assert (response.status_code, here.stored) == (400, 0)


@pytest.mark.parametrize("path", ["/events", "/messages/acknowledged"])
def test_an_unknown_parameter_of_what_is_posted_is_a_422(here: Served, path: str) -> None:
    body = event() if path == "/events" else {"ids": []}

    assert (here.client.post(f"{path}?x=1", json=body).status_code, here.stored) == (422, 0)


def test_an_attribute_that_comes_twice_is_a_400(here: Served) -> None:
    response = here.client.post("/events", headers=[*as_headers(event()).items(), ("ce-subject", "s2")])

    assert (response.status_code, here.stored) == (400, 0)


def test_a_payload_of_the_platform_may_come_twice(here: Served) -> None:
    responses, sessions = [], []
    for _ in "12":
        responses.append(here.client.post("/events", content=CAPTURE.read_bytes(), headers=JSON_BODY))
        sessions.append([one["session"] for one in here.client.get("/sessions").json()["sessions"]])

    assert {answer["outcome"] for answer in responses[0].json()["answers"]} == {"applied", "duplicate"}
    assert sessions[0] == sessions[1] != []


def test_a_batch_keeps_what_can_be_read_and_says_what_is_wrong_with_the_rest(here: Served) -> None:
    response = here.post([event(), {"a": 1}, event("connected", number=2, at="09:00:03")])

    assert response.status_code == 200
    assert [answer["outcome"] for answer in response.json()["answers"]] == ["applied", "rejected", "applied"]
    assert response.json()["answers"][1]["problems"] == [
        {
            "error": "not_recognised",
            "path": "$",
            "found": '{"a": 1}',
            "expected": "a payload of a known family (sources: genesys)",
        }
    ]
    assert here.stored == 2


def test_a_document_of_which_nothing_can_be_taken_is_a_422_with_the_reasons(here: Served) -> None:
    response = here.post({**event(), "time": "yesterday"})

    assert response.status_code == 422
    assert [(one["error"], one["path"]) for one in response.json()["answers"][0]["problems"]] == [("bad_time", "$.time")]
    assert here.stored == 0


def test_an_event_that_breaks_a_rule_is_refused_stored_and_answered_with_200(here: Served) -> None:
    outcomes = here.outcomes([*call(), event("connected", number=4, at="09:06:00")])

    assert outcomes == ["applied", "applied", "applied", "refused"]
    assert here.stored == 4


def test_events_in_any_order_and_twice_are_one_session(here: Served) -> None:
    for document in (*reversed(call()), *call()):
        here.post(document)
    with served() as other:
        other.post(call())

        assert here.client.get("/sessions/s1").json()["session"] == other.client.get("/sessions/s1").json()["session"]
    assert here.stored == 3


# --- Sessions -----------------------------------------------------------------------------------------------------------------


def test_a_session_is_shown_with_its_context_and_what_it_is_stored_as(here: Served) -> None:
    here.post(call())
    shown = here.client.get("/sessions/s1").json()
    log = here.service.store.load("s1")

    assert log is not None
    assert shown.pop("session") == json.loads(encode_session(log.session))
    assert shown == {
        "id": "s1",
        "version": 1,
        "events": 3,
        "sealed": False,
        "latest": "2026-03-01T09:05:00.000Z",
        "deadline": None,
        "context": {"userid": "ann", "queueid": "sales"},
    }


@pytest.mark.parametrize("path", ["", "/trace", "/explain", "/allowed"])
def test_a_session_that_nobody_knows_is_a_404_on_every_route(asked: Served, path: str) -> None:
    response = asked.client.get(f"/sessions/none{path}")

    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json()["detail"] == "The store has no event of 'none': none came, or they were deleted."


@examples(100)
@given(session=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(ODD_IDS))
def test_a_session_of_any_id_is_found_on_every_route_by_its_percent_encoded_id(anybody: Served, session: str) -> None:
    anybody.post(event(session=session))
    path = "/sessions/" + "".join(f"%{byte:02X}" for byte in session.encode())  # a client would take a dot for the folder itself

    assert anybody.client.get(path).json()["id"] == session
    for what in ("trace", "explain", "allowed"):
        assert anybody.client.get(f"{path}/{what}").json()["session"] == session


def test_a_mounted_service_finds_a_session_by_its_percent_encoded_id(anybody: Served) -> None:
    anybody.post(event(session="a/trace"))
    client = TestClient(Starlette(routes=[Mount("/co", anybody.service.app)]))

    assert client.get("/co/sessions/a%2Ftrace").json()["id"] == "a/trace"
    assert client.get("/co/sessions/a/trace").status_code == 404


@pytest.fixture(scope="module")
def anybody() -> Iterator[Served]:
    """Return one service for all examples."""
    with served() as one:
        yield one


@pytest.fixture(scope="module")
def three() -> Iterator[Served]:
    """Return a service with three sessions, for tests that change nothing."""
    with served() as one:
        one.post([*call("s1"), *call("s2"), event(session="s3")])
        yield one


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=alerting", ["s3"]),
        ("state=disconnected", ["s1", "s2"]),
        ("acw=pending", []),
        ("user=ann", ["s1", "s2"]),
        ("queue=sales&state=alerting", []),
        ("conversation=none", []),
        ("since=2026-03-01T09:04:00Z", ["s1", "s2"]),
        ("since=2026-03-01T10:04:00%2B01:00", ["s1", "s2"]),
        ("sealed=true", []),
        ("sealed=false&after=s1", ["s2", "s3"]),
        ("user=%00&queue=%00&conversation=%00&after=%00", []),
    ],
)
def test_sessions_are_found_by_all_conditions_together(three: Served, query: str, found: list[str]) -> None:
    response = three.client.get(f"/sessions?{query}").json()

    assert [one["id"] for one in response["sessions"]] == found


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            "/sessions?state=conected",
            "state: expected one of none, scheduled, offering, contacting, dialing, alerting, connected,",
        ),
        ("/sessions?state=Connected", "found 'Connected'. Did you mean connected?"),
        ("/sessions?acw=pendign", "acw: expected one of pending, complete, skipped, found 'pendign'. Did you mean pending?"),
        ("/sessions?acw=absent", "acw: expected one of pending, complete, skipped"),
        ("/sessions?state=", "state: expected one of"),
        (
            "/sessions?sate=connected",
            "sate: unknown: expected one of state, acw, conversation, queue, user, since, sealed, after,",
        ),
        ("/sessions?sate=connected", "Did you mean state?"),
        ("/sessions?state=connected&state=alerting", "state: expected once, found several times"),
        ("/sessions/s1?known=2026-03-01T09:01:00Z", "known: unknown: expected one of known_at. Did you mean known_at?"),
        ("/sessions/s1/trace?x=1", "x: unknown: expected one of known_at"),
        ("/sessions/s1/explain?fields=state", "Did you mean field?"),
        ("/sessions/s1/allowed?known_at=2026-03-01T09:01:00Z", "expected one of at"),
        ("/agents?queue=sales", "queue: unknown: expected none"),
        ("/queues?x", "x: unknown: expected none"),
        ("/changes?since=0-0", "since: unknown: expected one of after"),
        ("/messages?limt=1", "Did you mean limit?"),
        ("/metrics?x=1", "x: unknown: expected none"),
    ],
)
def test_a_parameter_or_a_word_that_is_not_known_is_a_422_with_the_nearest_known_one(
    three: Served, path: str, problem: str
) -> None:
    response = three.client.get(path)

    assert response.status_code == 422
    assert problem in response.json()["detail"]


def test_an_own_state_of_the_table_is_a_known_word() -> None:
    with served(lifecycle=Lifecycle(table=parked.TABLE)) as one:
        assert one.client.get("/sessions?state=parked").json() == {"sessions": [], "next": None}


def test_every_route_that_shows_something_knows_its_parameters(three: Served) -> None:
    paths = three.client.get("/openapi.json").json()["paths"]
    shown = [path for path, methods in paths.items() if "get" in methods and not path.startswith("/health")]

    assert {three.client.get(f"{path}?nonsense=1").status_code for path in shown} == {422}


def test_pages_have_each_session_once(here: Served) -> None:
    here.post([event(session=f"s{number}") for number in range(5)])
    pages, after = [], ""
    while after is not None:
        page = here.client.get("/sessions", params={"limit": 2, **({"after": after} if after else {})}).json()
        pages.append([one["id"] for one in page["sessions"]])
        after = page["next"]

    assert pages == [["s0", "s1"], ["s2", "s3"], ["s4"]]


@pytest.mark.parametrize("large", [0, 18, 19, 20, 24])
def test_pages_of_large_sessions_end_after_one_mebibyte_and_none_is_missed(here: Served, large: int) -> None:
    names = [f"s{number:02}" for number in range(25)]
    for number, name in enumerate(names):
        here.post([event(session=name, data={"peerId": "p" * (700_000 if number >= large else 10)})])
    pages, after = [], ""
    while after is not None:
        answer = here.client.get("/sessions", params={"limit": 24, **({"after": after} if after else {})})
        page = answer.json()
        pages.append([one["id"] for one in page["sessions"]])
        assert len(answer.content) < 2_000_000
        after = page["next"]

    assert [name for page in pages for name in page] == names
    assert {len(page) for page in pages[1:-1]} <= {2}
    assert len(pages[0]) == min(large + 2, 24)


def test_a_page_may_have_more_sessions_than_are_read_at_once(here: Served) -> None:
    for number in range(90):
        here.post([event(session=f"s{number:02}")])
    found = {limit: here.client.get("/sessions", params={"limit": limit}).json() for limit in (20, 21, 40, 89, 90, 91)}

    assert {limit: (len(page["sessions"]), page["next"]) for limit, page in found.items()} == {
        **dict(zip((20, 21, 40, 89), ((20, "s19"), (21, "s20"), (40, "s39"), (89, "s88")), strict=True)),
        **dict.fromkeys((90, 91), (90, None)),
    }


def test_known_at_shows_the_session_before_later_events_were_received(here: Served) -> None:
    here.post(call())
    then = {"known_at": "2026-03-01T09:01:00Z"}

    assert here.client.get("/sessions/s1", params=then).json()["session"]["state"] == "connected"
    assert [one["event"] for one in here.client.get("/sessions/s1/trace", params=then).json()["entries"]] == ["e1", "e2"]
    assert here.client.get("/sessions/s1/explain", params=then).json()["fields"]["disconnectedTime"] is None


def test_the_trace_has_each_event_with_its_outcome(here: Served) -> None:
    here.post([*call(), event("connected", number=4, at="09:06:00")])
    entries = here.client.get("/sessions/s1/trace").json()["entries"]

    assert [(one["event"], one["outcome"]) for one in entries] == [
        ("e1", "applied"),
        ("e2", "applied"),
        ("e3", "applied"),
        ("e4", "refused"),
    ]


def test_a_field_is_explained_by_the_event_that_set_it(here: Served) -> None:
    here.post(call())
    explained = here.client.get("/sessions/s1/explain", params={"field": "connectedTime"}).json()

    assert (explained["value"], explained["entry"]["event"]) == ("2026-03-01T09:00:03.000Z", "e2")
    assert "connectedTime" in here.client.get("/sessions/s1/explain").json()["fields"]


def test_allowed_names_the_kinds_that_would_be_applied(here: Served) -> None:
    here.post(event())
    answer = here.client.get("/sessions/s1/allowed", params={"at": "2026-03-01T09:01:00Z"}).json()
    allowed = {one["type"]: one["answer"] for one in answer["allowed"]}

    assert answer["at"] == "2026-03-01T09:01:00.000Z"
    assert allowed["cobrowse.session.connected"] == "yes"
    assert here.client.get("/sessions/s1/allowed").json()["at"] == "2026-03-01T09:10:00.000Z"


def test_allowed_at_a_time_before_the_latest_event_is_answered_for_the_place_among_the_others(here: Served) -> None:
    here.post(call())
    answer = here.client.get("/sessions/s1/allowed?at=2026-03-01T09:00:01Z").json()

    assert {one["type"]: one["answer"] for one in answer["allowed"]}["cobrowse.session.connected"] == "yes"


def test_nothing_is_allowed_in_a_session_that_is_sealed(here: Served) -> None:
    here.post(call())
    here.service.store.seal(NOW + timedelta(days=1))

    allowed = here.client.get("/sessions/s1/allowed").json()["allowed"]

    assert {(one["answer"], *one["rules"]) for one in allowed} == {("no", "late")}


def test_a_session_as_it_was_known_before_its_first_event_came_is_a_404_that_says_so(here: Served) -> None:
    here.post(event())
    for route in ("", "/trace", "/explain"):
        response = here.client.get(f"/sessions/s1{route}?known_at=2020-01-01T00:00:00Z")

        assert response.status_code == 404
        assert response.json()["detail"] == "No event of the session 's1' was received by 2020-01-01T00:00:00.000Z."


def test_a_plus_that_is_not_percent_encoded_in_a_time_is_a_plus(here: Served) -> None:
    here.post(call())
    shown = [here.client.get(f"/sessions/s1?known_at=2026-03-01T10:10:00{zone}:00") for zone in ("+01", "%2B01", " 01")]

    assert [one.status_code for one in shown] == [200] * 3
    assert len({one.text for one in shown}) == 1


def test_agents_and_queues_show_what_goes_on_and_since_when(here: Served) -> None:
    agent: dict[str, Any] = {"userid": "ann", "queueid": "sales", "purpose": "agent"}
    here.post([event(**agent), event("connected", number=2, at="09:00:03", **agent), *call("s2")])
    activity = {
        "at": "2026-03-01T09:10:00.000Z",
        "queue": "sales",
        "user": "ann",
        "state": "connected",
        "since": "2026-03-01T09:00:03.000Z",
        "forMs": 597_000,
        "deadline": None,
        "leftMs": None,
        "session": "s1",
        "conversation": None,
        "participant": None,
        "purpose": "agent",
        "media": None,
    }

    assert here.client.get("/agents").json() == {"at": activity["at"], "groups": [{"id": "ann", "activities": [activity]}]}
    assert here.client.get("/queues").json() == {"at": activity["at"], "groups": [{"id": "sales", "activities": [activity]}]}


@pytest.mark.parametrize(
    "path",
    [
        "/sessions?limit=0",
        "/sessions?limit=1001",
        "/sessions?limit=x",
        "/sessions?since=yesterday",
        "/sessions?since=0001-01-01T00:00:00%2B14:00",
        "/sessions?sealed=perhaps",
        "/sessions/s1?known_at=9999-12-31T23:59:59-14:00",
        "/sessions/s1/trace?known_at=x",
        "/sessions/s1/explain?field=none",
        "/sessions/s1/explain?field=",
        "/sessions/s1/explain?field=segments.99999999999999999999",
        "/sessions/s1/explain?field=__class__",
        "/sessions/s1/allowed?at=x",
        "/changes?after=x",
        "/changes?after=1-9223372036854775808",
        "/changes?after=9999999999999999999-1",
        "/messages?limit=0",
    ],
)
def test_a_wrong_parameter_is_a_422_that_says_what_was_expected(asked: Served, path: str) -> None:
    response = asked.client.get(path)

    assert (response.status_code, response.json()["title"]) == (422, "Wrong parameters")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/none", 404), ("DELETE", "/events", 405), ("PURGE", "/sessions/s1", 405)]
)
def test_an_unknown_route_or_method_is_problem_details_too(asked: Served, method: str, path: str, status: int) -> None:
    response = asked.client.request(method, path)

    assert (response.status_code, response.json()["status"]) == (status, status)


def test_an_unknown_route_of_a_mounted_service_names_the_description_under_its_path() -> None:
    with Store("sqlite://") as store:
        client = TestClient(Starlette(routes=[Mount("/co", Service(DurableInbox(store)).app)]))

        assert client.get("/co/none").json()["detail"] == "See /co/openapi.json."


@pytest.mark.parametrize("prefix", ["/co", "/a b", "/sitzungen-ü", "/one/two", "/x%y"])
def test_a_service_may_be_mounted_at_any_path(prefix: str) -> None:
    with Store("sqlite://") as store:
        store.append(stream("x/y%2F ü").alerting())
        client = TestClient(Starlette(routes=[Mount(prefix, Service(DurableInbox(store)).app)]))
        at = quote(prefix)

        assert client.get(f"{at}/sessions/x%2Fy%252F%20%C3%BC").json()["id"] == "x/y%2F ü"
        assert client.get(f"{at}/sessions/x%2Fy%252F%20%C3%BC/trace").json()["session"] == "x/y%2F ü"
        assert client.get(f"{at}/health/live").json() == {"live": True}


@pytest.mark.parametrize("query", ["", "?field=state"])
def test_a_session_that_was_sealed_under_another_table_is_shown_and_not_explained(tmp_path: Path, query: str) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    ended = (
        stream("s1").alerting(wrapup_prompt="mandatory").after(3).connected().after(5).disconnected("peer").after(9).wrapup("x")
    )
    with Store(url, Lifecycle(table=short_calls.TABLE)) as store:
        store.append(ended)
        assert store.seal(NOW) == ("s1",)
    with served(url) as here:
        assert here.client.get("/sessions/s1").json()["sealed"]
        response = here.client.get(f"/sessions/s1/explain{query}")

    assert (response.status_code, "sealed under another table" in response.json()["detail"]) == (422, True)


@pytest.mark.parametrize("name", ["after", "Last-Event-ID"])
@pytest.mark.parametrize("position", ["99", ""])
@pytest.mark.parametrize("other", [{}, {"after": "0-0", "Last-Event-ID": "0-0"}], ids=["alone", "beside a right one"])
def test_a_wrong_position_is_a_422_that_shows_a_right_one(asked: Served, name: str, position: str, other: dict[str, str]) -> None:
    given = {**other, name: position}
    params = {one: text for one, text in given.items() if one == "after"}
    headers = {one: text for one, text in given.items() if one != "after"}
    response = asked.client.get("/changes", params=params, headers=headers)

    problem = f"expected the position of a message, as '5f0c3a9e-0-12', found {position!r}"
    assert response.json()["detail"] == f"Correct this: {name}: {problem}"


# --- Messages -----------------------------------------------------------------------------------------------------------------


def test_messages_are_acknowledged_once_and_a_second_time_marks_none(here: Served) -> None:
    here.post([event(session="s1"), event(session="s2")])
    first, second = here.client.get("/messages").json()["messages"]
    done = here.client.post("/messages/acknowledged", json={"ids": [first["id"], first["id"]]})
    again = here.client.post("/messages/acknowledged", json={"ids": [first["id"], second["id"]]})

    assert (first["kind"], first["stored"]["id"], first["new"][0]["event"]) == ("changed", "s1", "e1")
    assert (done.status_code, done.json()) == (200, {"acknowledged": 1})
    assert (again.status_code, again.json()["title"]) == (409, "Not acknowledged")
    assert f"message {first['id']} is not pending" in again.json()["detail"]
    assert [one["id"] for one in here.client.get("/messages").json()["messages"]] == [second["id"]]


def test_a_message_that_does_not_exist_is_named_and_the_others_stay_pending(here: Served) -> None:
    here.post([event(session="s1")])
    (waiting,) = here.client.get("/messages").json()["messages"]

    answer = here.client.post("/messages/acknowledged", json={"ids": [waiting["id"], 99]})

    assert answer.status_code == 409
    assert "message 99 is not pending: it was acknowledged by somebody else, or there is none" in answer.json()["detail"]
    assert here.client.get("/messages").json()["messages"] == [waiting]


@pytest.mark.parametrize("ids", [[0], [-1], [2**63], [2**70], ["1"], [1.5], [True], [None], list(range(1, 1002)), "1", None, {}])
def test_what_is_no_number_of_a_message_is_a_422(asked: Served, ids: object) -> None:
    response = asked.client.post("/messages/acknowledged", json={"ids": ids})

    assert (response.status_code, response.json()["title"]) == (422, "Wrong parameters")


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b'{"ids":[NaN]}', 400), (b"[" * 100_000, 400), (b" " * 1_048_577, 413)]
)
def test_a_broken_or_long_acknowledgement_is_a_4xx(asked: Served, body: bytes, status: int) -> None:
    response = asked.client.post("/messages/acknowledged", content=body, headers={"content-type": "application/json"})

    assert response.status_code == status


# --- Transactions -------------------------------------------------------------------------------------------------------------


def test_requests_that_come_together_share_a_transaction_and_one_that_cannot_be_taken_fails_alone() -> None:
    async def run() -> tuple[list[Any], set[int]]:
        with Store("sqlite://") as store:
            service = Service(DurableInbox(store))
            async with service.running():
                documents: list[Any] = [event(session=f"s{number}") for number in range(20)]
                documents[7] = object()
                answers = await asyncio.gather(*map(service.take, documents), return_exceptions=True)
                good = await asyncio.gather(*(service.take(event(session=f"t{number}")) for number in range(20)))
            assert all(isinstance(one, Taken) for one in good)
            return answers, {message.version for message in store.outbox.pending(100)}

    answers, versions = asyncio.run(run())

    assert [number for number, answer in enumerate(answers) if isinstance(answer, TypeError)] == [7]
    assert sum(isinstance(answer, Taken) for answer in answers) == 19
    assert versions == {1}


def test_150_requests_at_once_need_two_commits() -> None:
    commits = []

    class Counting(DurableInbox):
        def take_each(self, *given: Any, **more: Any) -> tuple[Taken, ...]:
            commits.append(1)
            return super().take_each(*given, **more)

    async def run() -> None:
        with Store("sqlite://") as store:
            service = Service(Counting(store))
            async with service.running():
                await asyncio.gather(*(service.take(event(session=f"s{number}")) for number in range(150)))
            assert store.count() == 150

    asyncio.run(run())

    assert len(commits) == 2  # a transaction takes 100 documents at most


def test_requests_that_arrive_together_share_one_transaction_though_each_needs_some_turns_of_the_loop() -> None:
    commits: list[int] = []

    class Counting(DurableInbox):
        def take_each(self, documents: Any, *given: Any, **more: Any) -> tuple[Taken, ...]:
            commits.append(len(documents))
            return super().take_each(documents, *given, **more)

    async def run() -> None:
        with Store("sqlite://") as store:
            service = Service(Counting(store))

            async def arrive(number: int) -> None:
                for _ in range(number % 3):
                    await asyncio.sleep(0)
                await service.take(event(session=f"s{number}"))

            async with service.running():
                for _ in range(5):
                    await asyncio.gather(*map(arrive, range(16)))

    asyncio.run(run())

    assert commits == [16] * 5


def test_a_service_that_stops_stores_what_came_and_takes_no_more() -> None:
    async def run() -> None:
        with Store("sqlite://") as store:
            service = Service(DurableInbox(store))
            async with service.running():
                waiting = [asyncio.create_task(service.take(event(session=f"s{number}"))) for number in range(250)]
                await asyncio.sleep(0)  # they are in the queue now
            taken = await asyncio.gather(*waiting)
            with pytest.raises(ProblemError, match="Not running"):
                await service.take(event(session="late"))

            assert (len(taken), store.count()) == (250, 250)

    asyncio.run(run())


def test_a_mounted_service_that_nobody_runs_says_so_and_does_not_hang(caplog: pytest.LogCaptureFixture) -> None:
    with Store("sqlite://") as store:
        service = Service(DurableInbox(store))
        client = TestClient(Starlette(routes=[Mount("/co", service.app)]))
        client.post("/co/events", json=event())
        response = client.post("/co/events", json=event())
        ready = client.get("/co/health/ready")

        assert (response.status_code, response.json()["title"]) == (503, "Not running")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "store": "works", "timers": "does not work"})
        assert store.count() == 0
        assert [one.message for one in caplog.records if one.name == "cobrowse_session.service"] == [
            "nothing is taken: the application that mounts the service has to enter Service.running()"
        ]


@pytest.mark.parametrize(("guard", "warnings"), [(Guard(), 1), (Guard(tokens=read_tokens("desk read K1ClGmVxQhZ0zZ7m")), 0)])
def test_a_service_inside_of_an_application_warns_if_everybody_may_use_it(
    guard: Guard, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        with Store("sqlite://") as store:
            async with Service(DurableInbox(store), guard).running():
                pass

    asyncio.run(run())

    assert sum("no guard with tokens or secrets" in one.message for one in caplog.records) == warnings


# --- Timers, health, metrics --------------------------------------------------------------------------------------------------


def test_a_timer_fires_and_a_session_that_is_over_is_sealed() -> None:
    lifecycle, inbox = WITH_WRAPUP, {"seal_after": timedelta(hours=1)}
    now = [NOW]
    with served(lifecycle=lifecycle, clock=lambda: now[0], inbox=inbox) as here:
        here.post(call())
        now.append(now.pop() + timedelta(hours=2))
        kinds = _kinds_until(here, "sealed")
        session = here.client.get("/sessions/s1").json()

        assert (set(kinds[:-1]), kinds[-1]) == ({"changed"}, "sealed")
        assert (session["sealed"], session["session"]["wrapup"]["endTime"]) == (True, "2026-03-01T09:05:30.000Z")
        assert here.metric("cobrowse_session_timers_total") == 1
        assert here.metric("cobrowse_session_sealed_sessions_total") == 1


def _kinds_until(here: Served, last: str) -> list[str]:
    """Return the kinds of the messages, when the last one is there."""
    for _ in range(10_000):
        kinds = [one["kind"] for one in here.client.get("/messages").json()["messages"]]
        if last in kinds:
            return kinds
    raise AssertionError(f"there is no message of the kind {last!r}, but {kinds}")


def test_health_says_that_everything_works(here: Served) -> None:
    assert here.client.get("/health/live").json() == {"live": True}
    assert here.client.get("/health/ready").json() == {"ready": True, "store": "works", "timers": "works"}


def test_metrics_count_events_by_outcome_requests_by_route_and_what_waits(here: Served) -> None:
    here.post([*call(), event(), {"a": 1}])
    here.client.get("/sessions/s1")
    here.client.get("/sessions/s2")

    assert here.metric('cobrowse_session_events_total{outcome="applied"}') == 3
    assert here.metric('cobrowse_session_events_total{outcome="repeat"}') == 1
    assert here.metric('cobrowse_session_events_total{outcome="rejected"}') == 1
    assert here.metric("cobrowse_session_pending_messages") == len(here.client.get("/messages").json()["messages"])
    route = 'method="GET",route="/sessions/{session:path}"'
    assert here.metric(f'cobrowse_session_requests_total{{{route},status="200"}}') == 1
    assert here.metric(f'cobrowse_session_requests_total{{{route},status="404"}}') == 1
    assert here.metric(f"cobrowse_session_request_seconds_count{{{route}}}") == 2


def test_no_sender_can_add_labels_to_the_metrics_and_no_label_has_an_id(here: Served) -> None:
    here.post(event(session="secret-id"))
    here.client.get("/sessions/secret-id")
    here.client.get("/metrics")
    before = here.client.get("/metrics").text
    for number in range(20):
        here.client.get(f"/none-{number}/secret-id")
        here.client.request(f"PURGE{number}", "/sessions/secret-id")
        here.client.request(f"PURGE{number}", "/none")
    after = here.client.get("/metrics").text

    assert "secret-id" not in after
    new = {line.rpartition(" ")[0] for line in after.splitlines()} - {line.rpartition(" ")[0] for line in before.splitlines()}
    assert {line for line in new if line.startswith("cobrowse_session_requests_total")} == {
        'cobrowse_session_requests_total{method="GET",route="unknown",status="404"}',
        'cobrowse_session_requests_total{method="other",route="/sessions/{session:path}",status="405"}',
        'cobrowse_session_requests_total{method="other",route="unknown",status="404"}',
    }


# --- Traces -------------------------------------------------------------------------------------------------------------------


def test_each_request_and_each_transaction_is_a_span_where_a_tracer_is_given() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with served(tracer=tracer, inbox={"observers": [SpanObserver(tracer)], "seal_after": timedelta(0)}) as here:
        here.post([event(session="secret-id"), event("terminated", "secret-id", 2, "09:00:03")])
        here.client.get("/sessions/secret-id")
        here.client.get("/sessions/none")
        while here.metric("cobrowse_session_sealed_sessions_total") < 1:
            pass
    spans = exporter.get_finished_spans()
    requests = [dict(span.attributes or {}) for span in spans if span.name.startswith(("GET /s", "POST"))]
    transactions = [dict(span.attributes or {}) for span in spans if span.name == "cobrowse.transaction"]

    assert requests == [
        {"http.request.method": "POST", "http.route": "/events", "http.response.status_code": 200},
        {"http.request.method": "GET", "http.route": "/sessions/{session:path}", "http.response.status_code": 200},
        {"http.request.method": "GET", "http.route": "/sessions/{session:path}", "http.response.status_code": 404},
    ]
    assert transactions == [{"cobrowse.documents": 1}]
    assert [span.name for span in spans].count("cobrowse.session") == 1


def test_a_request_is_in_the_trace_of_its_caller_and_a_transaction_is_linked_to_its_requests() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with served(tracer=provider.get_tracer("tests")) as here:
        here.client.post("/events", json=event(), headers=caller)
        here.client.post("/events", json=event(number=2))
    spans = exporter.get_finished_spans()
    asked, alone = [span for span in spans if span.name == "POST /events"]
    stored, other = [span for span in spans if span.name == "cobrowse.transaction"]

    assert asked.parent is not None
    assert (f"{asked.context.trace_id:x}", f"{asked.parent.span_id:x}") == ("af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (alone.parent, stored.parent) == (None, None)
    assert [link.context.span_id for link in stored.links] == [asked.context.span_id]
    assert [link.context.span_id for link in other.links] == [alone.context.span_id]
    assert asked.kind is SpanKind.SERVER


def test_a_transaction_is_linked_to_each_of_its_requests_and_is_the_child_of_none() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")

    async def transact(inbox: DurableInbox) -> None:
        committer = Committer(inbox, lambda: datetime.now(UTC), tracer)

        async def request(number: int) -> None:
            with tracer.start_as_current_span(f"request {number}"):
                await committer.take(event(number=number))

        with tracer.start_as_current_span("host"):
            running = asyncio.create_task(committer.run())
        await asyncio.gather(request(1), request(2), committer.take(event(number=3)))
        committer.stop()
        await running

    with Store("sqlite://") as store:
        asyncio.run(transact(DurableInbox(store)))

    spans = {span.name: span for span in exporter.get_finished_spans()}
    transaction = spans["cobrowse.transaction"]
    assert (transaction.attributes, transaction.parent) == ({"cobrowse.documents": 3}, None)
    expected = [spans[f"request {number}"].context.span_id for number in (1, 2)]
    assert [link.context.span_id for link in transaction.links] == expected


def test_a_service_may_be_started_again_in_another_event_loop(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        service = Service(DurableInbox(store))
        for number in (1, 2):
            with TestClient(service.app) as client:
                assert client.post("/events", json=event(number=number)).status_code == 200
                assert client.get("/health/ready").status_code == 200
        assert store.count() == 1


def test_an_outage_of_the_store_is_logged_once_and_so_is_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(f"sqlite:///{tmp_path}/s.db") as here:
        database = here.service.store.database

        def rename(before: str, after: str) -> None:
            with database.engine.begin() as connection:
                connection.exec_driver_sql(f"alter table {before} rename to {after}")

        rename("events", "hidden")
        statuses = [here.post(event(number=number)).status_code for number in (1, 2, 3)]
        rename("hidden", "events")
        statuses.append(here.post(event()).status_code)

    logged = [record.getMessage() for record in caplog.records if record.name == "cobrowse_session.service"]
    assert statuses == [503, 503, 503, 200]
    assert [text.partition(":")[0] for text in logged] == ["nothing can be stored", "what comes is stored again"]


def _ended_by(error: Exception) -> "asyncio.Task[None]":
    async def ended() -> "asyncio.Task[None]":
        async def fail() -> None:
            raise error

        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        return task

    return asyncio.run(ended())


def test_timers_that_an_unforeseen_error_ended_are_logged_and_the_service_is_not_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(f"sqlite:///{tmp_path}/s.db") as here:
        here.service._timers_ended(_ended_by(RuntimeError("a bug")))  # noqa: SLF001 (no input makes the timers raise)

        assert here.client.get("/health/ready").json() == {"ready": False, "store": "works", "timers": "does not work"}
    assert [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"] == ["no timer fires any more"]


# --- Sessions that cannot be read ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["session", "event"])
def broken(request: pytest.FixtureRequest, place: Place) -> str:
    """Return the address of a store with four sessions of agents. The rows of two cannot be read."""
    with served(place.url) as one:
        one.post([event("connected", name, userid="ann", queueid="sales") for name in ("a", "bad", "c", "worse")])
    table, column = (SESSIONS, SESSIONS.c.id) if request.param == "session" else (EVENTS, EVENTS.c.session)
    with place.open().writing() as connection:
        connection.execute(update(table).where(column.in_(["bad", "worse"])).values(document="{"))
    return place.url


@pytest.mark.parametrize(
    "sessions", [["a", "bad", "c"], ["worse", "bad", "a", "new"], ["bad", "bad"], ["bad"], ["a", "new", "bad"]]
)
def test_an_event_of_a_session_that_cannot_be_read_is_rejected_and_the_others_of_its_batch_are_stored(
    broken: str, sessions: list[str]
) -> None:
    documents = [event("disconnected", name, number, "09:05:00") for number, name in enumerate(sessions, 5)]
    with served(broken) as one:
        response = one.post(documents if len(documents) > 1 else documents[0])
        found = [(answer["outcome"], answer.get("session")) for answer in response.json()["answers"]]
        again = [answer["outcome"] for answer in one.post(documents).json()["answers"]]
        problems = [answer["problems"] for answer in response.json()["answers"] if answer["outcome"] == "rejected"]
        counted = one.metric('cobrowse_session_events_total{outcome="rejected"}')

    unreadable = {"bad", "worse"} & {*sessions}
    names = {"a": ("applied", "a"), "c": ("applied", "c"), "new": ("applied", "new")}
    assert found == [names.get(name, ("rejected", None)) for name in sessions]
    assert {(one["error"], one["path"], one["found"]) for (one,) in problems} == {
        ("unreadable_session", "$.subject", f'"{name}"') for name in unreadable
    }
    assert response.status_code == (422 if {*sessions} <= unreadable else 200)
    assert again == ["rejected" if name in unreadable else "repeat" for name in sessions]
    assert counted == 2 * len(problems)


def test_documents_beside_an_event_of_a_session_that_cannot_be_read_are_stored(broken: str) -> None:
    payload = json.loads(CAPTURE.read_text(encoding="utf-8"))
    with served(broken) as one:
        answers = one.post([payload, 5, event(session="bad", number=9), "no", event(session="new")]).json()["answers"]

    assert [answer["outcome"] for answer in answers][-4:] == ["rejected", "rejected", "rejected", "applied"]
    assert {answer["outcome"] for answer in answers[:-4]} <= {"applied", "duplicate"}


def test_lists_leave_out_a_session_that_cannot_be_read_and_count_it(place: Place) -> None:
    with served(place.url) as one:
        one.post([event("connected", name, userid="ann", queueid="sales") for name in ("a", "bad", "c", "worse")])
    with place.open().writing() as connection:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id.in_(["bad", "worse"])).values(document="{"))
    with served(place.url) as one:
        pages = [one.client.get(f"/sessions?limit={limit}").json() for limit in (1, 2, 3, 4)]
        rest = [one.client.get(f"/sessions?limit=2&after={page['next']}").json() for page in pages[:3]]
        groups = [one.client.get(path).json()["groups"] for path in ("/agents", "/queues")]
        counted = one.metric("cobrowse_session_unreadable_sessions")

    assert [([shown["id"] for shown in page["sessions"]], page["next"]) for page in pages] == [
        *((["a"], "a"), (["a"], "bad"), (["a", "c"], "c"), (["a", "c"], None)),
    ]
    assert [[shown["id"] for shown in page["sessions"]] for page in rest] == [["c"], ["c"], []]
    assert [sorted(activity["session"] for activity in group["activities"]) for (group,) in groups] == [["a", "c"]] * 2
    assert counted == 2


def test_a_problem_names_the_session_that_cannot_be_read(place: Place) -> None:
    with served(place.url) as one:
        one.post(event(session="bad"))
    with place.open().writing() as connection:
        connection.execute(update(SESSIONS).values(document="{"))
    with served(place.url) as one:
        responses = [one.client.get(path) for path in ("/sessions/bad", "/sessions/bad/trace")]

    for response in responses:
        problem = response.json()
        assert (response.status_code, problem["title"], problem["session"]) == (503, "The session cannot be read", "bad")
        assert "retry-after" not in response.headers


def test_messages_of_a_session_that_cannot_be_read_wait_for_it(broken: str) -> None:
    with served(broken) as one:
        found = one.client.get("/messages").json()["messages"]

    assert {message["stored"]["id"] for message in found} in ({"a", "c"}, {"a", "bad", "c", "worse"})


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_can_be_asked_by_head_as_some_load_balancers_do(here: Served, path: str) -> None:
    assert here.client.head(path).status_code == here.client.get(path).status_code == 200


# --- Paths, parameters and runs -----------------------------------------------------------------------------------------------


def test_no_path_is_answered_with_a_redirection_that_openapi_does_not_list(here: Served) -> None:
    described = here.client.get("/openapi.json").json()["paths"]
    paths = [path.replace("{session}", "s1") for path in described]

    found = {path: here.client.get(f"{path}/", follow_redirects=False).status_code for path in paths}
    assert set(found.values()) <= {404, 405}


@pytest.mark.parametrize("body", [[], {}, {"ids": 5}, {"ids": ["x"]}])
def test_what_is_wrong_with_a_body_has_a_name(here: Served, body: object) -> None:
    problem = here.client.post("/messages/acknowledged", json=body).json()
    named = [one["parameter"] for one in problem["parameters"]]

    assert all(named)
    assert problem["detail"].startswith(f"Correct this: {named[0]}: ")


def test_a_service_that_is_running_cannot_be_run_again_and_goes_on() -> None:
    async def play(service: Service) -> list[str]:
        outcomes = []
        for number in range(2):  # one after the other is allowed
            async with service.running():
                with pytest.raises(RuntimeError, match="running already"):
                    async with service.running():
                        pass
                taken = await service.take(event(session=f"s{number}"))
                outcomes.append(taken.answers[0].outcome.kind)
        return outcomes

    with Store("sqlite://") as store:
        assert asyncio.run(play(Service(DurableInbox(store)))) == ["applied", "applied"]


def test_a_function_for_rejected_documents_that_raises_costs_the_sender_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def full(_: object) -> None:
        raise OSError("disk full")

    with served(inbox={"reject": full}) as one:
        assert one.outcomes([event(), {"no": "event"}]) == ["applied", "rejected"]
        assert one.stored == 1
    assert "disk full" in caplog.text
