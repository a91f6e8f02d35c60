"""The schemas of events and sessions, and the documents of OpenAPI and AsyncAPI."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.tables import hold, parked, pause, short_calls
from hypothesis import given
from jsonschema import Draft202012Validator
from tests.effort import examples
from tests.serving import Json, call, event, served
from tests.strategies import events, reached

from cobrowse_session import Event
from cobrowse_session.events import KINDS
from cobrowse_session.lifecycle import Table
from cobrowse_session.model import CobrowseSession
from cobrowse_session.service.__main__ import write
from cobrowse_session.service.schemas import event_schema, session_schema
from cobrowse_session.wire import encode_event, encode_session

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
COMMITTED = Path(__file__).parents[1] / "examples" / "schemas"
STANDARD = Table.standard()
EVENT, SESSION = Draft202012Validator(event_schema(STANDARD)), Draft202012Validator(session_schema(STANDARD))


def lines(file: Path) -> list[Json]:
    return list(map(json.loads, file.read_text(encoding="utf-8").splitlines()))


# --- Schemas ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: str(case.name))
def test_the_events_and_sessions_of_every_capture_are_valid(case: Path) -> None:
    for one in lines(case / "events.jsonl"):
        EVENT.validate(one)
    for one in lines(case / "sessions.jsonl"):
        SESSION.validate(one.get("session", one))


@examples(500)
@given(events())
def test_every_event_that_is_written_is_valid(written: Event) -> None:
    EVENT.validate(json.loads(encode_event(written)))


@examples(500)
@given(reached())
def test_every_session_that_is_written_is_valid(session: CobrowseSession) -> None:
    SESSION.validate(json.loads(encode_session(session)))


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("specversion", "id", "source", "type", "subject", "time")),
        {"id": ""},
        {"subject": 7},
        {"specversion": "0.3"},
        {"userid": 1},
        {"data": "text"},
        {"data": {"viewerUrl": 5}},
        {"data": {"self": {"name": 1}}},
        {"data": {"wrapupTimeoutMs": "30000"}},
        {"data": {"controlling": "p1"}},
        {"type": "cobrowse.session.acw.required"},
        {"type": "cobrowse.session.acw.required", "data": {}},
        {"type": "cobrowse.session.acw.ended", "data": {"by": 1}},
        {"type": "cobrowse.session.wrapup", "data": {"tags": [1]}},
    ],
    ids=str,
)
def test_an_event_that_is_rejected_is_not_valid(changes: Json) -> None:
    wrong = {**event(), **changes}

    assert not EVENT.is_valid(wrong)
    with served() as one:
        assert one.outcomes(wrong) == ["rejected"]


def test_every_kind_of_event_has_its_part_and_no_other_part_takes_it() -> None:
    schema = event_schema(STANDARD)
    for kind, cls in KINDS.items():
        parts = [
            name
            for name in (part["$ref"].rpartition("/")[2] for part in schema["anyOf"])
            if Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]}).is_valid(
                event(kind, data={"required": True, "by": "agent"})
            )
        ]

        assert parts == [cls.__name__]


@pytest.mark.parametrize(
    "table", [hold.TABLE, parked.TABLE, pause.TABLE, short_calls.TABLE], ids=["hold", "parked", "pause", "short"]
)
def test_the_schemas_of_a_table_of_ones_own_have_its_events_and_fields(table: Table) -> None:
    written, read = event_schema(table), session_schema(table)

    Draft202012Validator.check_schema(written)
    Draft202012Validator.check_schema(read)
    assert {cls.__name__ for cls in table.events} - written["$defs"].keys() == set()
    assert len(read["properties"]) == len(json.loads(json.dumps(session_schema(STANDARD)))["properties"]) + len(
        {a.name for a in table.session.__attrs_attrs__} - {a.name for a in CobrowseSession.__attrs_attrs__}
    )


# --- Documents ----------------------------------------------------------------------------------------------------------------


def test_the_committed_files_are_what_is_printed_and_what_the_service_answers(tmp_path: Path) -> None:
    write(tmp_path)
    printed = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with served() as one:
        paths = {"event": "/schemas/event.json", "session": "/schemas/session.json"}
        answered = {
            f"{name}.json": one.client.get(paths.get(name, f"/{name}.json")).json()
            for name in ("event", "session", "openapi", "asyncapi")
        }

    assert {file.name: file.read_bytes() for file in COMMITTED.iterdir()} == printed
    assert {name: json.loads(text) for name, text in printed.items()} == answered


def references(document: Json) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("$ref"), str):
            yield document["$ref"]
        for inner in document.values():
            yield from references(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from references(inner)


@pytest.mark.parametrize("name", ["event", "session", "openapi", "asyncapi"])
def test_every_reference_of_a_document_leads_somewhere(name: str) -> None:
    document = json.loads((COMMITTED / f"{name}.json").read_text(encoding="utf-8"))
    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]

        assert found


def test_every_answer_is_what_the_openapi_document_says() -> None:
    agent = {"userid": "ann", "queueid": "sales", "purpose": "agent"}
    with served() as one:
        document = one.client.get("/openapi.json").json()
        one.post([*call("s1"), {**event(session="s2"), **agent}])
        asked = [
            ("post", "/events", "/events", [*call("s3"), {"a": 1}]),
            ("post", "/events", "/events", {"a": 1}),
            ("post", "/events", "/events", 1),
            *(
                ("get", f"/sessions/{{session}}{rest}".partition("?")[0], f"/sessions/{session}{rest}", None)
                for rest in ("", "/trace", "/explain", "/explain?field=state", "/explain?field=none", "/allowed", "?known_at=x")
                for session in ("s1", "none")
            ),
            ("get", "/sessions/{session}", "/sessions/s1?known_at=2026-03-01T09:01:00Z", None),
            *(
                ("get", path, path, None)
                for path in ("/sessions", "/agents", "/queues", "/messages", "/health/live", "/health/ready")
            ),
            *(("post", "/messages/acknowledged", "/messages/acknowledged", {"ids": ids}) for ids in ([1], [1], ["x"])),
        ]
        for method, path, address, content in asked:
            response = one.client.request(method, address, json=content) if content else one.client.get(address)
            described = document["paths"][path][method]["responses"][str(response.status_code)]["content"]
            schema = described[response.headers["content-type"]]["schema"]

            Draft202012Validator({**schema, "components": document["components"]}).validate(response.json())
