"""The guard of the service: who may do what, limits, and nothing stored of what is refused."""

import gzip
import json
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from tests.commands import command
from tests.effort import examples
from tests.serving import JSON_BODY, Served, as_headers, call, event, served

from cobrowse_session.errors import SettingsError
from cobrowse_session.service import Guard, Scope, Service, Token, read_secrets, read_tokens
from cobrowse_session.store import DurableInbox, Store

READ, WRITE, BOTH = "reads-0123456789abcdef", "writes-0123456789abcdef", "both-0123456789abcdef"
ACKNOWLEDGE = "acknowledges-0123456789abcdef"
SECRET_OF = {"read": READ, "write": WRITE, "acknowledge": ACKNOWLEDGE}
KEY, OLD_KEY, OTHER_KEY = b"k" * 24, b"o" * 32, b"x" * 24
TOKENS = f"""
# who may do what
dashboard read {READ}
platform write {WRITE}
desk read,write {BOTH}
biller acknowledge {ACKNOWLEDGE}
"""
SECRETS = "\n".join(f"whsec_{b64encode(key).decode()}" for key in (KEY, OLD_KEY))
ROUTES = [
    ("POST", "/events", "write"),
    ("GET", "/sessions", "read"),
    ("GET", "/sessions/s1", "read"),
    ("GET", "/sessions/s1/trace", "read"),
    ("GET", "/sessions/s1/explain", "read"),
    ("GET", "/sessions/s1/allowed", "read"),
    ("GET", "/agents", "read"),
    ("GET", "/queues", "read"),
    ("GET", "/messages", "read"),
    ("POST", "/messages/acknowledged", "acknowledge"),
    ("GET", "/metrics", "read"),
]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """Return a service with tokens and secrets, in which nothing is stored."""
    with served(guard=Guard(read_tokens(TOKENS), read_secrets(SECRETS))) as one:
        yield one


@pytest.fixture
def here() -> Iterator[Served]:
    with served(guard=Guard(read_tokens(TOKENS), read_secrets(SECRETS))) as one:
        yield one


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}", **JSON_BODY}


def signed(body: bytes, key: bytes = KEY, age: timedelta = timedelta(0), number: str = "msg_1") -> dict[str, str]:
    """Return the headers of a webhook."""
    at = datetime.now(UTC) - age
    return {
        "webhook-id": number,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(number, at, body.decode()),
        **JSON_BODY,
    }


BODY = json.dumps(call()).encode()


# --- Tokens -------------------------------------------------------------------------------------------------------------------


def test_every_route_that_shows_or_changes_sessions_is_in_the_list_above(guarded: Served) -> None:
    paths = guarded.client.get("/openapi.json").json()["paths"]
    found = {(method.upper(), path.replace("{session}", "s1")) for path, methods in paths.items() for method in methods}

    assert found - {(method, path) for method, path, _ in ROUTES} == {
        ("GET", "/changes"),  # below
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
    }


@pytest.mark.parametrize(("method", "path", "scope"), [*ROUTES, ("GET", "/changes", "read")])
def test_a_route_needs_a_token_with_its_scope(guarded: Served, method: str, path: str, scope: str) -> None:
    others = [secret for name, secret in SECRET_OF.items() if name != scope]
    no_token = [
        guarded.client.request(method, path, headers=headers)
        for headers in (
            {},
            bearer("wrong-0123456789abcdef"),
            bearer(""),
            bearer(READ[:-1]),
            {"authorization": f"Basic {BOTH}"},
            {"authorization": BOTH},
        )
    ]
    forbidden = [guarded.client.request(method, path, headers=bearer(other)) for other in others]

    assert {(one.status_code, one.headers["www-authenticate"], one.json()["title"]) for one in no_token} == {
        (401, "Bearer", "No valid token")
    }
    assert {one.status_code for one in forbidden} == {403}
    assert {one.headers["www-authenticate"] for one in forbidden} == {'Bearer error="insufficient_scope"'}
    assert guarded.stored == 0


@pytest.fixture(scope="module")
def stocked() -> Iterator[Served]:
    """Return a service with tokens and a session."""
    with served(guard=Guard(read_tokens(TOKENS))) as one:
        one.client.post("/events", content=BODY, headers=bearer(BOTH))
        yield one


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_token_with_the_scope_is_enough(stocked: Served, method: str, path: str, scope: str) -> None:
    content = {"/events": BODY, "/messages/acknowledged": b'{"ids":[1]}'}.get(path)
    statuses = {
        stocked.client.request(method, path, content=content, headers=bearer(one)).status_code
        for one in (SECRET_OF[scope], *([BOTH] if scope == "read" else []))
    }

    assert statuses == {200}


def test_health_and_description_need_no_token(guarded: Served) -> None:
    statuses = {guarded.client.get(path).status_code for path in ("/health/live", "/health/ready", "/openapi.json")}

    assert statuses == {200}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name read", "line 1 of the tokens: expected 3 words, NAME SCOPE,SCOPE SECRET, found 2"),
        ("\n\nname read sec ret-0123456789", "line 3 of the tokens"),
        ("name admin secret-0123456789abc", "scopes of the token 'name'"),
        ("name read secret-short", "secret of the token 'name'"),
    ],
)
def test_a_line_of_tokens_that_is_none_is_an_error_without_the_secret(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_tokens(text)

    assert message in str(raised.value)
    assert "secret-" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann read secret-0123456789\nann write other-0123456789", "tokens: expected each name once, found 'ann'"),
        (
            "ann read secret-0123456789\nben write secret-0123456789",
            "tokens: expected each secret once, found one that 'ann' and",
        ),
    ],
)
def test_a_name_or_a_secret_that_two_tokens_have_is_an_error(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Guard(read_tokens(text))


def test_tokens_are_compared_as_digests_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("cobrowse_session.service.guard.hmac.compare_digest", compare)
    guard = Guard(read_tokens(TOKENS))

    assert guard.check_token(f"Bearer {READ}", Scope.READ) == "dashboard"
    digests = [sha256(secret.encode()).digest() for secret in (READ, WRITE, BOTH, ACKNOWLEDGE)]
    assert compared == [(digest, digests[0]) for digest in digests]  # all of them, although the first is it


# --- Webhooks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
def test_a_webhook_signed_with_any_of_the_secrets_is_taken(here: Served, key: bytes) -> None:
    response = here.client.post("/events", content=BODY, headers=signed(BODY, key))

    assert (response.status_code, here.stored) == (200, 3)


def test_one_of_several_signatures_is_enough_while_the_sender_rotates(here: Served) -> None:
    headers = signed(BODY)
    headers["webhook-signature"] = f"{signed(BODY, OTHER_KEY)['webhook-signature']} {headers['webhook-signature']}"

    assert here.client.post("/events", content=BODY, headers=headers).status_code == 200


def _without(missing: str) -> dict[str, str]:
    return {name: value for name, value in signed(BODY).items() if name != missing}


@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json", "application/vnd.acme+json"])
@pytest.mark.parametrize("forged", [as_headers(event("connected", "victim")), {"ce-subject": "victim"}, {"ce-id": "other"}])
def test_a_signed_body_with_attributes_in_headers_is_a_400_and_nothing_is_stored(
    here: Served, kind: str, forged: dict[str, str]
) -> None:
    headers = {**signed(BODY), **forged, "content-type": kind}

    response = here.client.post("/events", content=BODY, headers=headers)

    assert (response.status_code, response.json()["title"], here.stored) == (400, "Not signed", 0)


# Signed in the test, not when it is collected: minutes lie in between, and a signature is valid for five of them.
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda: signed(BODY, OTHER_KEY), id="another key"),
        pytest.param(lambda: signed(BODY[:-1] + b" "), id="another body"),
        pytest.param(lambda: {**signed(BODY), "webhook-id": "msg_2"}, id="another message"),
        pytest.param(lambda: signed(BODY, age=timedelta(minutes=6)), id="too old"),
        pytest.param(lambda: signed(BODY, age=-timedelta(minutes=6)), id="too new"),
        *(
            pytest.param(lambda text=text: {**signed(BODY), "webhook-signature": text}, id=f"signature {text[:9]!r}")
            for text in ("v1", "v1,", "v2,AAAA", "v1,!!!", ",", " ", "v1,a,b", "x" * 10_000)
        ),
        *(
            pytest.param(lambda text=text: {**signed(BODY), "webhook-timestamp": text}, id=f"time {text[:9]!r}")
            for text in ("", "x", "NaN", "inf", "1e400", "-1", "9" * 400)
        ),
        *(
            pytest.param(lambda missing=missing: _without(missing), id=f"no {missing}")
            for missing in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ),
    ],
)
def test_a_webhook_without_a_valid_signature_is_a_401_and_nothing_is_stored(
    guarded: Served, headers: Callable[[], dict[str, str]]
) -> None:
    response = guarded.client.post("/events", content=BODY, headers=headers())

    assert (response.status_code, guarded.stored) == (401, 0)


@pytest.mark.parametrize(
    ("secrets", "path", "names_both"), [(SECRETS, "/events", True), (SECRETS, "/sessions", False), ("", "/events", False)]
)
def test_a_request_without_a_token_is_told_of_signatures_where_one_is_taken(secrets: str, path: str, *, names_both: bool) -> None:
    with served(guard=Guard(read_tokens(TOKENS), read_secrets(secrets))) as one:
        response = one.client.post(path, content=BODY) if path == "/events" else one.client.get(path)

    assert response.status_code == 401
    assert ("or sign the body" in response.json()["detail"]) is names_both


def test_a_signed_body_that_is_no_utf_8_is_a_401(guarded: Served) -> None:
    response = guarded.client.post("/events", content=b"\xff", headers=signed(b"{}"))

    assert (response.status_code, guarded.stored) == (401, 0)


def test_a_webhook_that_is_replayed_inside_the_window_changes_nothing(here: Served) -> None:
    headers = signed(BODY)
    here.client.post("/events", content=BODY, headers=headers)
    again = here.client.post("/events", content=BODY, headers=headers)

    assert {answer["outcome"] for answer in again.json()["answers"]} == {"repeat"}
    assert here.stored == 3


def test_the_log_says_why_a_signature_was_refused_and_not_the_secret(guarded: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cobrowse_session.service")
    response = guarded.client.post("/events", content=BODY, headers={**signed(BODY), "webhook-timestamp": "1000"})

    assert response.status_code == 401
    (line,) = (one.message for one in caplog.records if one.name == "cobrowse_session.service")
    assert line == "a signature was refused: Message timestamp too old; webhook-timestamp '1000'"


def test_a_signature_gives_no_right_to_read(guarded: Served) -> None:
    assert guarded.client.get("/sessions", headers=signed(b"")).status_code == 401


def test_a_signature_is_nothing_where_no_secret_is_known() -> None:
    with served(guard=Guard(read_tokens(TOKENS))) as one:
        assert one.client.post("/events", content=BODY, headers=signed(BODY)).status_code == 401


@pytest.mark.parametrize(
    "text", ["whsec_AAAA", "whsec_short", "whsec_no base64 at all, but long enough!!", "é" * 40, f"whsec_{'A' * 31}"]
)
def test_a_line_of_secrets_that_is_none_or_too_short_is_an_error_that_does_not_show_it(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_secrets(f"# comment\n{text}")

    assert "line 2 of the webhook secrets" in str(raised.value)
    assert text not in str(raised.value)


# --- Limits -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def limited() -> Iterator[Served]:
    """Return a service without a guard, in which nothing is stored."""
    with served(guard=Guard(max_body=1000)) as one:
        yield one


def in_pieces() -> Iterator[bytes]:
    """Yield a body in pieces, so that it has no length."""
    for _ in range(1000):
        yield b" " * 100


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        pytest.param(b" " * 1001, {}, id="with its length"),
        pytest.param(in_pieces, {}, id="in pieces"),
        pytest.param(b"{}", {"content-length": "9" * 30}, id="with a length that is not its own"),
        pytest.param(b" " * 1001, {"content-length": "2"}, id="with a length that is too small"),
    ],
)
@pytest.mark.parametrize("path", ["/events", "/messages/acknowledged"])
def test_a_long_body_is_a_413(limited: Served, path: str, content: Any, headers: dict[str, str]) -> None:
    response = limited.client.post(path, content=content() if callable(content) else content, headers={**JSON_BODY, **headers})

    assert (response.status_code, response.json()["detail"]) == (413, "Send at most 1,000 bytes in one request.")


def test_a_body_of_just_the_limit_is_read(limited: Served) -> None:
    body = json.dumps({"a": 1}).encode()

    assert limited.client.post("/events", content=body + b" " * (1000 - len(body)), headers=JSON_BODY).status_code == 422


def test_a_batch_of_more_than_a_thousand_is_a_413() -> None:
    with served() as one:
        response = one.post([event(session=f"s{number}") for number in range(1001)])
        most = one.post([*({} for _ in range(999)), event()])

        assert (response.status_code, response.json()["title"]) == (413, "Too many documents")
        assert (most.status_code, one.stored) == (200, 1)


DEEP = b"[" * 65 + b"]" * 65
LINE = json.dumps(event()).encode()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"", {}, 400, id="empty"),
        pytest.param(LINE[:-1], {}, 400, id="truncated"),
        pytest.param(DEEP, {}, 400, id="deep"),
        pytest.param(LINE[:-1] + b',"data":' + DEEP + b"}", {}, 400, id="deep data"),
        pytest.param(b'{"a":NaN}', {}, 400, id="NaN"),
        pytest.param(b'{"a":1e400}', {}, 400, id="too large a number"),
        pytest.param(LINE[:-1] + b',"id":"e2"}', {}, 400, id="a key twice"),
        pytest.param(LINE.replace(b"s1", b"\\ud800"), {}, 400, id="a lone surrogate"),
        pytest.param(LINE.replace(b"s1", b"\xff"), {}, 400, id="no UTF-8"),
        pytest.param(LINE.decode().encode("utf-16"), {}, 400, id="UTF-16"),
        pytest.param(b"1", {}, 400, id="a number"),
        pytest.param(b'"text"', {}, 400, id="a text"),
        pytest.param(LINE, {"content-type": "application/cloudevents-batch+json"}, 400, id="a batch that is none"),
        pytest.param(gzip.compress(LINE), {"content-encoding": "gzip"}, 415, id="gzip"),
        pytest.param(gzip.compress(LINE), {}, 400, id="gzip that is not announced"),
        pytest.param(LINE, {"content-type": "text/plain"}, 415, id="text"),
        pytest.param(LINE, {"content-type": ""}, 415, id="no type"),
        pytest.param(LINE, {"content-type": "application/cloudevents+xml"}, 415, id="XML"),
        pytest.param(LINE, {**as_headers(event()), "content-type": "text/plain"}, 415, id="binary with text"),
        pytest.param(b'{"specversion":1}', {}, 422, id="a wrong type"),
        pytest.param(LINE.replace(b'"e1"', b"1"), {}, 422, id="a number for an id"),
        pytest.param(LINE.replace(b'"s1"', b"null"), {}, 422, id="no subject"),
        pytest.param(LINE.replace(b"s1", b"s" * 900), {}, 413, id="longer than the limit"),
        pytest.param(LINE.replace(b"2026-", b"9999-"), {}, 422, id="a year that is none"),
        pytest.param(LINE.replace(b"2026-", b"2096-"), {}, 422, id="a year too far ahead"),
    ],
)
def test_what_cannot_be_taken_is_a_4xx_and_nothing_is_stored(
    limited: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    response = limited.client.post("/events", content=body, headers={**JSON_BODY, **headers})

    assert (response.status_code, limited.stored) == (status, 0)


def test_an_event_of_a_new_source_that_is_rejected_does_not_fail_the_others_of_its_batch() -> None:
    with served() as one:
        ahead = event(source="/new", number=2, time="2096-03-01T09:00:00Z")

        assert one.outcomes([ahead, event()]) == ["rejected", "applied"]
        assert one.outcomes([event("connected", number=3, at="09:00:03"), ahead]) == ["applied", "rejected"]
        assert one.stored == 2


def test_a_batch_from_more_sources_than_clocks_are_kept_for_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse_session.io.arrival.MAX_SOURCES", 2)
    with served() as one:
        assert one.outcomes([event(source=f"/{number}", session=f"s{number}") for number in range(5)]) == ["applied"] * 5
        assert one.outcomes(event(source="/0", session="s9")) == ["applied"]


def test_an_id_that_is_too_long_for_the_store_is_rejected() -> None:
    with served() as one:
        assert (one.outcomes(event(session="s" * 1001)), one.stored) == (["rejected"], 0)


def test_a_sender_who_asks_too_often_is_told_when_to_come_again_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse_session.service.guard.monotonic", lambda: 5 * 3600 + 2999.5)  # in the middle of an hour
    with served(guard=Guard(read_tokens(TOKENS), rate="3/hour")) as one:
        statuses = [one.client.post("/events", content=BODY, headers=bearer(WRITE)) for _ in range(5)]
        other = one.client.get("/sessions", headers=bearer(READ))

        assert [response.status_code for response in statuses] == [200, 200, 200, 429, 429]
        assert (statuses[4].headers["retry-after"], other.status_code) == ("601", 200)


@pytest.mark.parametrize("headers", [bearer("wrong-0123456789abcdef"), signed(BODY, OTHER_KEY)])
def test_guesses_count_too(headers: dict[str, str]) -> None:
    with served(guard=Guard(read_tokens(TOKENS), read_secrets(SECRETS), rate="3/hour")) as one:
        statuses = [one.client.post("/events", content=BODY, headers=headers).status_code for _ in range(5)]

        assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("rate", ["", "x", "1000", "-1/second", "1/fortnight"])
def test_a_rate_that_is_none_is_a_settings_error(rate: str) -> None:
    with pytest.raises(SettingsError, match="rate"):
        Guard(rate=rate)


@pytest.mark.parametrize("rate", ["0/second", "0/hour"])
def test_a_rate_that_lets_nobody_in_is_a_settings_error(rate: str) -> None:
    with pytest.raises(SettingsError, match="rate: expected one request or more"):
        Guard(rate=rate)


# --- Web pages ----------------------------------------------------------------------------------------------------------------

DESK, ELSEWHERE = "https://desk.example", "https://elsewhere.example"


@pytest.mark.parametrize(("origins", "allowed"), [((), None), ((DESK,), DESK), ((ELSEWHERE,), None), (("*",), "*")])
def test_a_web_page_may_read_answers_only_if_its_origin_is_named(origins: tuple[str, ...], allowed: str | None) -> None:
    asks = {"origin": DESK, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    with served(guard=Guard(read_tokens(TOKENS), origins=origins)) as one:
        before = one.client.options("/changes", headers=asks)
        without, seen = (one.client.get("/sessions", headers={"origin": DESK, **more}) for more in ({}, bearer(READ)))

    assert [response.headers.get("access-control-allow-origin") for response in (before, without, seen)] == [allowed] * 3
    assert (without.status_code, seen.status_code) == (401, 200)
    assert "access-control-allow-credentials" not in seen.headers


@pytest.mark.parametrize(
    "origin", ["", "desk.example", "https://", f"{DESK}/", f"{DESK}/page", "null", "https://a b", "*.example"]
)
def test_what_is_no_origin_is_a_settings_error(origin: str) -> None:
    with pytest.raises(SettingsError, match="origins: expected an origin without a path"):
        Guard(origins=(origin,))


def test_the_service_has_no_page_that_loads_anything_from_elsewhere(guarded: Served) -> None:
    assert [guarded.client.get(path).status_code for path in ("/docs", "/redoc", "/")] == [404] * 3


# --- The command --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])  # noqa: S104 (it is refused)
def test_serve_refuses_to_listen_elsewhere_than_loopback_without_a_token(tmp_path: Path, host: str) -> None:
    done = command("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--host", host, COBROWSE_SESSION_TOKENS="# nobody yet")

    assert done.code == 2
    assert "others can reach" in done.err
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize("option", ["--tokens", "--webhook-secrets"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 (it is refused)
@pytest.mark.parametrize("text", ["", "# nobody yet\n\n"])
def test_a_file_without_a_secret_opens_the_service_to_nobody(tmp_path: Path, host: str, option: str, text: str) -> None:
    file = tmp_path / "secrets"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    done = command("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--host", host, option, file)

    assert done.code == 2
    assert "has no secret" in " ".join(done.err.replace("│", " ").split())
    assert not (tmp_path / "s.db").exists()


def test_serve_names_the_line_of_a_wrong_token_and_warns_of_a_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("desk read secret-but", encoding="utf-8")
    file.chmod(0o644)
    done = command("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--tokens", file)

    assert done.code == 2
    assert f"other users can read the secrets in {file}: chmod 600 {file}" in done.err
    assert "secret-" not in done.err + done.out


def test_serve_says_that_a_file_of_tokens_or_an_address_cannot_be_used(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/s.db")
    missing = command("serve", *store, "--tokens", tmp_path / "none")
    elsewhere = command("serve", *store, "--host", "192.0.2.1", COBROWSE_SESSION_TOKENS=f"desk read {READ}")

    assert (missing.code, elsewhere.code) == (2, 2)
    assert f"{tmp_path / 'none'}: No such file or directory" in missing.err
    assert "192.0.2.1:8000" in elsewhere.err


# --- Secrets and errors stay inside -------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_repr_an_answer_a_log_or_the_metrics(here: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for headers in (bearer(BOTH), bearer(READ), bearer(WRITE), signed(BODY), signed(BODY, OTHER_KEY), bearer(f"{BOTH}x")):
        texts += [
            here.client.request(method, path, content=BODY if method == "POST" else None, headers=headers).text
            for method, path, _ in ROUTES
        ]
    service = here.service
    texts += [repr(service), repr(service.guard), repr(read_tokens(TOKENS)), repr(Token.of("a", ["read"], READ)), caplog.text]
    everything = "\n".join(texts)

    kept = [READ, WRITE, BOTH, *SECRETS.split(), KEY.decode(), OLD_KEY.decode()]
    digests = [str(token.digest) for token in service.guard.tokens]
    assert [secret for secret in (*kept, *digests) if secret in everything] == []


def test_an_error_that_nobody_expected_shows_nothing_of_the_inside() -> None:
    class Broken(DurableInbox):
        def take_each(self, *_: object, **__: object) -> Any:
            raise RuntimeError("password=hunter2 in /srv/app/secrets.py")

    from fastapi.testclient import TestClient  # noqa: PLC0415

    with Store("sqlite://") as store, TestClient(Service(Broken(store)).app, raise_server_exceptions=False) as client:
        response = client.post("/events", json=event())
        counted = client.get("/metrics").text

        assert (response.status_code, response.text) == (500, "Internal Server Error")
        assert 'cobrowse_session_requests_total{method="POST",route="/events",status="500"} 1.0' in counted
        assert store.count() == 0


# --- Whatever is posted -------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=6), inside, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.sampled_from(
    ["specversion", "id", "source", "type", "subject", "time", "receivedtime", "data", "userid", "extra"]
)
EVENTS = st.builds(
    lambda changes, missing: {name: value for name, value in {**event(), **changes}.items() if name not in missing},
    st.dictionaries(
        ATTRIBUTES, VALUES | st.sampled_from(["", "s2", "2026-03-01T09:00:00Z", "cobrowse.session.connected"]), max_size=2
    ),
    st.sets(ATTRIBUTES, max_size=1),
)
DOCUMENTS = (EVENTS | st.lists(EVENTS | VALUES, max_size=4) | VALUES).map(lambda one: json.dumps(one).encode())
HEADERS = st.dictionaries(
    st.sampled_from(
        ["content-type", "content-encoding", "ce-specversion", "ce-id", "ce-subject", "ce-time", "ce-type", "ce-source"]
    )
    | st.just("webhook-signature"),
    st.sampled_from(
        ["application/json", "application/cloudevents-batch+json", "application/cloudevents+json", "gzip", "1.0", "%ff"]
    )
    | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=12),
    max_size=4,
)


@pytest.fixture(scope="module")
def anybody() -> Iterator[Served]:
    """Return one service for all examples."""
    with served() as one:
        yield one


@examples(500)
@given(body=DOCUMENTS | st.binary(max_size=200), headers=HEADERS)
def test_whatever_is_posted_is_stored_whole_or_refused_with_nothing_stored(
    anybody: Served, body: bytes, headers: dict[str, str]
) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in {"content-type": "application/json", **headers}.items()]
    before = _stored(anybody)
    response = anybody.client.post("/events", content=body, headers=sent)
    new = _stored(anybody) - before

    if response.status_code == 200:
        taken = [answer for answer in response.json()["answers"] if answer["outcome"] != "rejected"]
        assert sum(answer["outcome"] != "repeat" for answer in taken) <= new <= len(taken)
        for answer in taken:
            log = anybody.service.store.load(answer["session"])
            assert log is not None
            assert (answer["source"], answer["id"]) in {(copy.source, copy.id) for copy in log.copies}
    else:
        assert 400 <= response.status_code < 500
        assert new == 0


def _stored(one: Served) -> int:
    """Return the number of events in the store."""
    return sum(stored.events for stored in one.service.store.find(limit=100_000).sessions)
