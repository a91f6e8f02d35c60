"""Sources of payloads: the registry, sources of other packages by their entry points, and the conformance of every source."""

import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen
from tests.beamview import BEAMVIEW, Beamview
from tests.commands import command
from tests.test_corpus import FOLDERS, REJECTED, payload_of
from tests.test_genesys import SNAPSHOTS, WHOLE

from cobrowse_session import DecodeError, Event, Lifecycle, SourceError
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.io.kinds import kind_of
from cobrowse_session.io.payloads import read_payloads
from cobrowse_session.sources import BUILT_IN, Converted, convert, known_sources, sources_named, without_repeats
from cobrowse_session.testing import conversation
from cobrowse_session.testing.payloads import FAMILIES, payloads
from cobrowse_session.testing.sources import SourceConformance
from cobrowse_session.wire.strict_json import shown

SOURCE = Path(__file__).parent / "beamview.py"
BOTH = (*BUILT_IN, BEAMVIEW)
(GENESYS,) = BUILT_IN

AT = 1772355600000  # 2026-03-01T09:00:00Z
RINGING: dict[str, Any] = {"visit": "v-1", "region": "eu", "sent": AT + 20, "rang": AT}
JOINED = {**RINGING, "sent": AT + 4_200, "joined": AT + 4_000, "url": "/v/1"}
MOVED = {**JOINED, "sent": AT + 9_000, "url": "/v/2"}
LEFT = {**MOVED, "sent": AT + 61_000, "left": AT + 61_000, "why": "visitor_left"}
VISIT = [RINGING, JOINED, MOVED, LEFT]
PING = {"ping": 1}


TALK = (
    conversation("conv", media_type="call")
    .leg("c", purpose="customer")
    .connected()
    .after(2)
    .leg("a", purpose="agent", user_id="ann", queue_id="q1")
    .alerting(wrapup_prompt="mandatory")
    .after(3)
    .connected(provider="acme")
    .after(60)
    .disconnected("peer")
    .leg("c")
    .disconnected("client")
    .leg("a")
    .after(9)
    .wrapup("sale", notes="n")
)

# --- Every source conforms ----------------------------------------------------------------------------------------------------


class TestGenesys(SourceConformance):
    source = GENESYS

    def conversations(self) -> Sequence[Sequence[Any]]:
        built = [payloads(TALK, family) for family in FAMILIES]
        return [SNAPSHOTS, *(payloads_of(case) for case in FOLDERS if case not in REJECTED), *built]


def payloads_of(case: str) -> list[Any]:
    """The payloads of a folder of the corpus, in their order."""
    text = payload_of(case).read_text(encoding="utf-8")
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]
    return document if isinstance(document, list) else [document]


class TestBeamview(SourceConformance):
    source = BEAMVIEW

    def conversations(self) -> Sequence[Sequence[Any]]:
        return [VISIT, [PING]]


@frozen
class Mistaken(Beamview):
    """A source with an error: each event of a payload and its place is changed."""

    change: Callable[[Event, Any, int], Event] = field(kw_only=True)

    def convert(self, payload: Any, family: str | None = None, *, place: int = 0, **options: Any) -> Converted:
        converted = super().convert(payload, family, place=place, **options)
        return evolve(converted, events=tuple(self.change(event, payload, place) for event in converted.events))


def new_id(event: Event, _payload: Any, place: int) -> Event:
    return evolve(event, id=f"{event.id}/{place}")


def place_before_time(event: Event, _payload: Any, place: int) -> Event:
    return evolve(event, sequence=f"{place}{event.sequence}")


def raises(event: Event, payload: Any, _place: int) -> Event:
    return event if payload.get("why") != "" else payload["nothing"]


def another_session(event: Event, _payload: Any, _place: int) -> Event:
    return evolve(event, subject="another")


@pytest.mark.parametrize(
    ("change", "test"),
    [
        (new_id, "test_a_payload_that_comes_twice_states_each_fact_once"),
        (place_before_time, "test_payloads_with_times_of_their_own_give_the_same_sessions_in_any_order"),
        (raises, "test_a_hostile_payload_gives_events_or_warnings_or_a_decode_error"),
        (another_session, "test_a_payload_reconciles_with_its_own_events"),
    ],
)
def test_a_source_with_an_error_does_not_conform(change: Callable[[Event, Any, int], Event], test: str) -> None:
    conformance = TestBeamview()
    conformance.source = Mistaken(change=change)

    with pytest.raises(AssertionError):
        getattr(conformance, test)()


@frozen
class Converting(Beamview):
    """A source whose `convert` is another one."""

    changed: Callable[..., Converted] = field(kw_only=True)

    def convert(self, payload: Any, family: str | None = None, **options: Any) -> Converted:
        return self.changed(payload, family, **options)


def nothing(payload: Any, family: str | None = None, **options: Any) -> Converted:
    return Converted() if "visit" in payload else BEAMVIEW.convert(payload, family, **options)


def silence(payload: Any, family: str | None = None, **options: Any) -> Converted:
    return Converted() if BEAMVIEW.recognise(payload) is None else BEAMVIEW.convert(payload, family, **options)


def any_family(payload: Any, family: str | None = None, **options: Any) -> Converted:
    return Converted() if family and "visit" not in payload else BEAMVIEW.convert(payload, family, **options)


def without(option: str) -> Callable[..., Converted]:
    def converted(payload: Any, family: str | None = None, **options: Any) -> Converted:
        return BEAMVIEW.convert(payload, family, **{name: value for name, value in options.items() if name != option})

    return converted


CONVERTS = "test_each_family_of_the_conversations_gives_events"
REJECTS = "test_a_payload_of_nobody_is_a_decode_error"
KEEPS = "test_what_is_known_of_a_payload_is_in_what_it_gives"


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        (nothing, CONVERTS),
        (silence, REJECTS),
        (any_family, REJECTS),
        (without("received_at"), KEEPS),
        (without("place"), KEEPS),
        (without("path"), KEEPS),
    ],
    ids=["nothing", "silence", "any family", "received_at", "place", "path"],
)
def test_a_source_that_ignores_what_it_gets_does_not_conform(changed: Callable[..., Converted], test: str) -> None:
    conformance = TestBeamview()
    getattr(conformance, test)()
    conformance.source = Converting(changed=changed)

    with pytest.raises(AssertionError):
        getattr(conformance, test)()


class Raising(Beamview):
    def looks_like(self, keys: set[str]) -> bool:
        raise KeyError(*keys)


class LikeNothing(Beamview):
    def looks_like(self, keys: set[str]) -> bool:
        return not keys


class LikeEverything(Beamview):
    def looks_like(self, keys: set[str]) -> bool:
        return bool(keys)


@pytest.mark.parametrize("cls", [Raising, LikeNothing, LikeEverything])
def test_a_source_that_does_not_know_its_files_does_not_conform(cls: Callable[[], Beamview]) -> None:
    conformance = TestBeamview()
    conformance.source = cls()

    with pytest.raises(AssertionError):
        conformance.test_it_looks_like_its_own_files()


@pytest.mark.parametrize(
    "conversations", [[], [[]], VISIT, [VISIT, []], [["visit"]], [[VISIT]], None, {"v-1": VISIT}, [VISIT, PING]]
)
def test_conversations_of_another_shape_are_named(conversations: Any) -> None:
    class Other(SourceConformance):
        source = BEAMVIEW

        def conversations(self) -> Any:
            return conversations

    for name in dir(Other):
        if name.startswith("test_") and name not in WITHOUT_PAYLOADS:
            with pytest.raises(AssertionError, match=r"conversations\(\): expected "):
                getattr(Other(), name)()


WITHOUT_PAYLOADS = {
    "test_it_is_a_source_with_a_name_and_families",
    "test_it_can_be_pickled",
    "test_it_recognises_no_payload_of_nobody",
    REJECTS,
}


def test_conversations_without_a_payload_of_a_family_are_named() -> None:
    class Pings(SourceConformance):
        source = BEAMVIEW

        def conversations(self) -> Any:
            return [[PING]]

    with pytest.raises(AssertionError, match=r"conversations\(\): expected payloads of a family \(visit\), found none"):
        getattr(Pings(), CONVERTS)()


@pytest.mark.parametrize("records", [[], [VISIT] * 2, None])
def test_each_conversation_needs_a_record(records: Any) -> None:
    class Short(SourceConformance):
        source = BEAMVIEW

        def conversations(self) -> Any:
            return [VISIT]

        def records(self) -> Any:
            return records

    with pytest.raises(AssertionError, match=r"records\(\): expected one for each of 1 conversations, found "):
        Short().test_a_record_reconciles_with_the_events_of_its_conversation()


# --- One source converts a payload --------------------------------------------------------------------------------------------


def test_each_payload_of_a_list_goes_to_the_source_that_recognises_it() -> None:
    converted = convert([WHOLE, LEFT, [PING, PING]], sources=BOTH)

    assert [*dict.fromkeys(event.subject for event in converted.events)] == ["leg", "v-1"]
    assert [leg.path for leg in converted.legs] == ["$[0].participants[0].cobrowsesessions[0]", "$[1]"]
    assert converted.skipped == ("ping", "ping")


def test_a_payload_is_converted_under_its_path_in_a_larger_document() -> None:
    converted = convert([WHOLE, LEFT], sources=BOTH, path="$.items")

    assert [leg.path for leg in converted.legs] == ["$.items[0].participants[0].cobrowsesessions[0]", "$.items[1]"]


def test_the_payloads_of_a_list_have_places_from_the_given_one_on() -> None:
    converted = convert([RINGING, JOINED], sources=BOTH, place=5)

    assert {event.sequence[-2:] for event in converted.events if event.sequence} == {"05", "06"}


def queued(*urls: str) -> dict[str, Any]:
    """A payload of a queue that holds one snapshot of a leg for each address of its viewer."""
    legs = [{"id": "leg", "state": "connected", "connectedTime": "2026-03-01T09:00:03.000Z", "viewerUrl": url} for url in urls]
    bodies = [{"id": "conv", "participants": [{"id": "p", "purpose": "agent", "cobrowsesessions": [leg]}]} for leg in legs]
    return {"Records": [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(bodies)]}


def places(converted: Iterable[Converted]) -> list[int]:
    found = [event.sequence for part in converted for event in part.events if event.id == "leg/viewerUrl"]
    return [int((sequence or "")[-7:]) for sequence in found]


@pytest.mark.parametrize("lead", [[], [PING, LEFT]])
def test_the_places_in_a_payload_come_before_that_of_the_next_payload(lead: list[Any]) -> None:  # EDITION-2, EDITION-5
    documents = [*lead, queued("a", "b", "c"), queued("d"), {"entities": [queued("e", "f")]}, queued("g")]
    file = io.BytesIO("".join(json.dumps(one) + "\n" for one in documents).encode())
    first = len(lead)

    at_once = [convert(documents, sources=BOTH)]
    in_a_file = [one for _, one in read_payloads(file, lambda rejected: pytest.fail(str(rejected)), sources=BOTH)]
    for converted in (at_once, in_a_file):
        assert places(converted) == [*range(first, first + 7)]


def test_a_payload_that_no_source_recognises_names_the_sources() -> None:
    with pytest.raises(DecodeError) as caught:
        convert([WHOLE, {"what": "?"}], sources=BOTH)

    (problem,) = caught.value.problems
    assert (problem.error, problem.path) == ("not_recognised", "$[1]")
    assert problem.expected == "a payload of a known family (sources: genesys, beamview)"
    with pytest.raises(DecodeError, match=r"a payload of a known family \(sources: none\)"):
        convert(LEFT, sources=())


@frozen
class Rival(Beamview):
    name: str = "rival"
    families: tuple[str, ...] = ("visit", "rival visit")


def test_a_payload_that_two_sources_recognise_names_both() -> None:
    with pytest.raises(DecodeError) as caught:
        convert(LEFT, sources=(*BOTH, Rival()))

    (problem,) = caught.value.problems
    assert (problem.error, problem.path) == ("ambiguous_source", "$")
    assert (problem.found, problem.expected) == (
        shown(LEFT),
        "a payload of one source, not of beamview (visit) and rival (visit); name its family",
    )


def test_only_the_sources_that_have_the_chosen_family_are_asked() -> None:
    assert convert(LEFT, "rival visit", sources=(*BOTH, Rival())) == convert(LEFT, sources=BOTH)
    with pytest.raises(DecodeError, match=r"beamview .* and rival"):
        convert(LEFT, "visit", sources=(*BOTH, Rival()))
    with pytest.raises(DecodeError, match="not_recognised"):
        convert(LEFT, "analytics", sources=BOTH)
    with pytest.raises(DecodeError, match="a payload of a visit"):
        convert(LEFT, "a visit", sources=BOTH)


@pytest.mark.parametrize("document", [5, "visit", None, [5], [[None]]])
def test_what_is_no_object_reaches_no_source(document: Any) -> None:
    with pytest.raises(DecodeError, match=r"not_recognised: .*expected a JSON object"):
        convert(document, sources=BOTH)


def test_a_document_that_is_no_json_is_an_error_with_its_path() -> None:
    with pytest.raises(DecodeError) as caught:
        convert([LEFT, {"what": {5}}], sources=BOTH, path="$.items")

    assert [problem.path for problem in caught.value.problems] == ["$.items[1].what"]


def test_another_error_of_a_source_comes_out_as_it_is() -> None:
    class Broken(Beamview):
        def convert(self, *_: Any, **__: Any) -> Converted:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        convert(LEFT, sources=(Broken(),))


def test_a_naive_time_of_receipt_is_an_error() -> None:
    with pytest.raises(TypeError, match="expected an aware datetime"):
        convert(LEFT, sources=BOTH, received_at=datetime(2026, 3, 1))  # noqa: DTZ001 (the error)


def test_a_copy_that_only_came_later_is_no_second_event_and_one_that_corrects_is() -> None:
    def urls(*payloads: Any) -> list[str | None]:
        events = convert([*payloads], sources=BOTH).events
        return [event.details.viewer_url for event in events if event.id == "v-1/viewerUrl"]

    at_once = {**MOVED, "sent": JOINED["sent"]}

    assert urls(JOINED, JOINED) == ["/v/1"]
    assert urls(JOINED, MOVED, JOINED) == ["/v/1", "/v/2"]  # the third has the time of the first
    assert urls(JOINED, at_once, JOINED) == ["/v/1", "/v/2", "/v/1"]  # only its place shows that it is later
    assert [*without_repeats(())] == []


# --- Sources by name ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    """A folder of packages with entry points of the group, as pip leaves them."""
    folder = tmp_path / "packages"
    information = folder / "beamview-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "beamview_package.py").write_bytes(SOURCE.read_bytes())
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: beamview\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[cobrowse_session.sources]\n"
        "beamview = beamview_package:BEAMVIEW\n"
        "absent = beamview_absent:SOURCE\n"
        "misspelt = beamview_package:BEAMVEW\n"
        "number = beamview_package:REASONS\n"
        "class = beamview_package:Beamview\n"
        "another = beamview_package:BEAMVIEW\n"
        "[console_scripts]\n"
        "beamview = beamview_package:main\n"
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("beamview_package", None)


@pytest.mark.usefixtures("installed")
def test_a_source_of_an_installed_package_is_asked_only_if_it_is_named() -> None:
    assert sources_named() == BUILT_IN
    assert [source.name for source in sources_named("beamview", "genesys", "beamview")] == ["genesys", "beamview"]
    assert known_sources() == ("genesys", "absent", "another", "beamview", "class", "misspelt", "number")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("beamvew", "expected one of genesys, absent, another, beamview, class, misspelt, number, found no such name"),
        ("absent", "imported from beamview_absent:SOURCE, found ModuleNotFoundError: No module named 'beamview_absent'"),
        ("misspelt", "imported from beamview_package:BEAMVEW, found AttributeError: "),
        ("number", "expected a source at beamview_package:REASONS, found an object of type dict without name, families, "),
        ("class", "expected a source at beamview_package:Beamview, found the class Beamview, not an object of it"),
        ("another", "expected a source of this name at beamview_package:BEAMVIEW, found the name 'beamview'"),
    ],
)
def test_a_name_that_leads_to_no_source_is_an_error_that_says_why(name: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources_named(name)

    assert str(caught.value).startswith(f"source '{name}': expected ")
    assert said in str(caught.value)


def test_a_name_that_two_packages_have_is_an_error_that_names_both(installed: Path) -> None:
    other = installed / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[cobrowse_session.sources]\nbeamview = other_package:SOURCE\n")

    with pytest.raises(SourceError, match="expected one package with it, found ") as caught:
        sources_named("beamview")

    assert {"beamview_package:BEAMVIEW", "other_package:SOURCE"} <= set(str(caught.value).split())


# --- The command line ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (PING, *VISIT, PING, WHOLE)))
    return path


@pytest.mark.usefixtures("installed")
def test_convert_takes_the_payloads_of_a_source_that_is_named(visits: Path) -> None:
    done = command("convert", visits, "--source", "beamview")

    assert (done.code, {json.loads(line)["subject"] for line in done.out.splitlines()}) == (0, {"v-1", "leg"})
    assert done.err.endswith(" events, 0 warnings, 0 payloads rejected, 2 skipped (2 ping)\n")


@pytest.mark.usefixtures("installed")
def test_without_its_name_a_source_is_not_asked(visits: Path) -> None:
    done = command("convert", visits)

    assert (done.code, {json.loads(line)["subject"] for line in done.out.splitlines()}) == (1, {"leg"})
    assert done.err.count("not_recognised") == 6


@pytest.mark.usefixtures("installed")
def test_a_family_of_a_source_that_is_named_can_be_chosen(visits: Path) -> None:
    chosen = command("convert", visits, "--source", "beamview", "--from", "visit")
    unnamed = command("convert", visits, "--from", "visit")

    assert {json.loads(line)["subject"] for line in chosen.out.splitlines()} == {"v-1"}
    assert (unnamed.code, "expected one of" in unnamed.err) == (2, True)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"), [("beamvew", "Did you mean 'beamview'?"), ("absent", "No module named 'beamview_absent'")]
)
def test_a_name_without_a_source_is_wrong_usage_that_helps(name: str, said: str, visits: Path) -> None:
    done = command("convert", visits, "--source", name)

    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.replace("│", " ").split())


def test_the_time_of_receipt_dates_a_fact_without_a_time(tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    path.write_text(json.dumps({"id": "c", "participants": [{"calls": [{"id": "leg", "state": "alerting"}]}]}))

    undated = command("convert", path)
    dated = command("convert", path, "--received", "2026-03-01T10:00:00+01:00")
    wrong = command("convert", path, "--received", "2026-03-01T10:00:00")

    assert undated.out == ""
    assert json.loads(dated.out.splitlines()[0])["time"] == "2026-03-01T09:00:00.000Z"
    assert (wrong.code, "--received" in wrong.err) == (2, True)


def test_skipped_payloads_are_counted_by_kind_and_are_no_failure(tmp_path: Path) -> None:
    topics = ["channel.metadata"] * 3 + ["v2.users.u.presence"] * 2
    path = tmp_path / "feed.jsonl"
    path.write_text("".join(json.dumps({"topicName": topic, "eventBody": {"message": "-"}}) + "\n" for topic in topics))

    done = command("convert", path)

    assert (done.code, done.out) == (0, "")
    assert done.err == "0 events, 0 warnings, 0 payloads rejected, 5 skipped (3 heartbeat, 2 presence)\n"


def test_a_source_recognises_its_files_even_with_the_keys_of_a_trace() -> None:
    line = json.dumps({**LEFT, "session": "s", "type": "visit", "at": "-", "outcome": "-"}).encode()

    assert (kind_of(line), kind_of(line, BOTH)) == ("trace", "payload")


def test_each_payload_of_a_file_has_its_place(visits: Path) -> None:
    with visits.open("rb") as file:
        read = [*read_payloads(file, lambda rejected: pytest.fail(str(rejected)), sources=BOTH)]

    assert [line for line, _ in read] == [1, 2, 3, 4, 5, 6, 7]
    places = [{event.sequence[-7:] for event in converted.events if event.sequence} for _, converted in read]
    assert places[1:5] == [{f"{place:07}"} for place in (1, 2, 3, 4)]


# --- The inbox ----------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 9, 2, tzinfo=UTC)


def test_an_inbox_takes_the_payloads_of_its_sources() -> None:
    inbox = Inbox(Lifecycle(), sources=BOTH)

    taken = inbox.take(json.dumps([*VISIT, PING]), NOW)

    assert {answer.outcome.kind for answer in taken.answers if isinstance(answer, Received)} <= {"applied", "repeat"}
    assert taken.skipped == ("ping",)
    session = inbox.logs["v-1"].session
    assert (str(session.state), session.disconnect_type) == ("disconnected", "peer")


def test_an_inbox_without_the_source_rejects_its_payloads() -> None:
    (answer,) = Inbox(Lifecycle()).take(LEFT, NOW).answers

    assert answer.outcome.kind == "rejected"


def test_payloads_that_an_inbox_takes_are_received_then() -> None:
    inbox = Inbox(Lifecycle(), sources=BOTH)

    inbox.take({"id": "c", "participants": [{"calls": [{"id": "leg", "state": "alerting"}]}]}, NOW)

    assert [segment.start_time for segment in inbox.logs["leg"].session.segments or ()] == [NOW]


MEMBERS = "name, families, lifecycle, looks_like, recognise, convert"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (5, "sources: expected a tuple of sources, found 5; sources_named returns one"),
        ("beamview", "sources: expected a tuple of sources, found 'beamview'; sources_named returns one"),
        ((Beamview,), "sources[0]: expected a source, found the class Beamview, not an object of it"),
        ((BEAMVIEW, 5), f"sources[1]: expected a source, found an object of type int without {MEMBERS}"),
    ],
)
def test_an_inbox_takes_nothing_else_for_a_source(sources: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(said)}$"):
        Inbox(Lifecycle(), sources=sources)
