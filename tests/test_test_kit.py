"""The shipped test kit: streams said as a person says them, runs that keep everything, messages that tell the story."""

from datetime import UTC, datetime, timedelta

import pytest

from cobrowse_session import Address, Applied, Ignored, Lifecycle, Outcome, Refused, Settings, UnknownEvent, WrapupPrompt
from cobrowse_session.testing import START, Stream, duration, run, stream

CALL = stream("s1").alerting().after(3).connected().after("12m").disconnected("peer")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (3, timedelta(seconds=3)),
        (0.25, timedelta(milliseconds=250)),
        ("250ms", timedelta(milliseconds=250)),
        ("20s", timedelta(seconds=20)),
        ("1.5m", timedelta(seconds=90)),
        ("1h", timedelta(hours=1)),
        ("1d", timedelta(days=1)),
        (timedelta(minutes=2), timedelta(minutes=2)),
    ],
)
def test_a_duration_is_said_in_many_ways(said: float | str | timedelta, means: timedelta) -> None:
    assert duration(said) == means


@pytest.mark.parametrize("nonsense", ["", "12", "m", "12 m", "-3s", "12m3s"])
def test_a_text_that_is_no_duration_is_an_error(nonsense: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        duration(nonsense)


def test_a_stream_says_each_kind_of_event_with_ids_and_times() -> None:
    every = (
        stream("s1", source="/acme", delay="30ms")
        .scheduled()
        .offering()
        .contacting()
        .dialing()
        .alerting()
        .after(1)
        .connected()
        .updated()
        .required()
        .disconnected("peer")
        .terminated()
        .wrapup("sale")
        .done()
        .offline()
        .platform("complete")
        .unknown()
    )

    assert [event.kind for event in every] == [
        "scheduled",
        "offering",
        "contacting",
        "dialing",
        "alerting",
        "connected",
        "updated",
        "acw.required",
        "disconnected",
        "terminated",
        "wrapup",
        "acw.ended",
        "acw.ended",
        "acw.ended",
        "unknown",
    ]
    assert [event.id for event in every] == ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"] + [
        f"f{n}" for n in range(10, 16)
    ]
    assert {event.source for event in every} == {"/acme"}
    assert every.events[4].occurred_at == START
    assert every.events[5].occurred_at == START + timedelta(seconds=1)
    assert {event.received - event.occurred_at for event in every} == {timedelta(milliseconds=30)}
    assert len(every) == 15


def test_a_stream_is_a_value_so_a_beginning_can_be_shared() -> None:
    ringing = stream("s1").alerting()

    answered, declined = ringing.connected(), ringing.disconnected("client")

    assert [event.kind for event in ringing] == ["alerting"]
    assert [event.kind for event in answered] == ["alerting", "connected"]
    assert [event.kind for event in declined] == ["alerting", "disconnected"]


def test_details_settings_and_the_envelope_are_said_by_name() -> None:
    begun = datetime(2026, 5, 1, tzinfo=UTC)

    (event,) = stream("s1", start=begun).alerting(
        self_=Address(name="Ann"), peer_id="p", wrapup_prompt="timeout", wrapup_timeout="30s", id="x", conversation_id="c"
    )

    assert event.details.self == Address(name="Ann")
    assert event.details.peer_id == "p"
    assert event.settings == Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30))
    assert (event.id, event.context.conversation_id, event.occurred_at) == ("x", "c", begun)


def test_a_word_that_no_event_takes_is_an_error() -> None:
    with pytest.raises(TypeError, match="wrapup_promt"):
        stream("s1").alerting(wrapup_promt="timeout")


def test_a_run_keeps_every_step_with_the_session_as_of_then() -> None:
    told = run(CALL)

    assert [step.session.state for step in told.steps] == ["alerting", "connected", "disconnected"]
    assert told.steps[0].session.connected_time is None
    assert told.session == told.steps[-1].session


def test_a_run_shows_timers_as_steps_of_their_own() -> None:
    pending = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).disconnected("peer")

    by_event = run(pending.after(31).updated())
    by_until = run(pending, until=START + timedelta(seconds=30))

    assert [step.event.kind for step in by_event.steps] == ["connected", "disconnected", "timer.acw", "updated"]
    assert by_event.outcomes[-1].fired == (by_event.outcomes[-2],)
    assert [step.event.kind for step in by_until.steps] == ["connected", "disconnected", "timer.acw"]
    assert by_until.steps[-1].event.occurred_at == START + timedelta(seconds=30)


def test_a_run_goes_on_from_a_session_and_leaves_it_alone() -> None:
    begun = run(stream("s1").alerting()).session

    ended = run(stream("s1").after(1).disconnected("client"), session=begun).session

    assert (begun.state, ended.state) == ("alerting", "disconnected")


def test_a_run_needs_an_event_or_a_session() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        run([])


def test_expectations_may_be_partial_and_go_inside() -> None:
    run(CALL.after(5).wrapup("sale")).expect(
        Applied.match(row="alerting"),
        Applied.match(to_state="connected"),
        Applied.match(),
        Applied.match(set=("provider_event_time", "wrapup")),
        state="disconnected",
        wrapup__code="sale",
        after_call_work=None,
    )


def test_a_match_of_another_class_or_value_differs() -> None:
    refused = run(CALL.alerting()).outcomes[-1]

    assert refused == Refused.match(rule="session_is_over")
    assert refused == Outcome.match(from_state="disconnected")
    assert refused != Refused.match(rule="no_way_back")
    assert refused != Ignored.match(rule="session_is_over")


def test_a_match_for_an_attribute_that_no_outcome_has_is_an_error() -> None:
    with pytest.raises(TypeError, match="Applied has no attribute rule"):
        Applied.match(rule="no_way_back")


def test_a_match_reads_as_it_was_written() -> None:
    assert repr(Refused.match(rule="no_way_back")) == "Refused.match(rule='no_way_back')"


def test_what_differs_is_told_with_the_story() -> None:
    told = run(CALL.after(2).alerting().after(20).updated().unknown(), lifecycle=Lifecycle())

    with pytest.raises(AssertionError) as failure:
        told.expect(Applied.match(row="alerting"), Refused.match(), state="connected")

    assert str(failure.value).splitlines()[-10:] == [
        "expected 2 steps, found 6",
        "session.state: expected 'connected', found 'disconnected'",
        "",
        "What happened:",
        "09:00:00.000  alerting       e1    ● alerting: none → alerting",
        "09:00:03.000  connected      e2    ● connected: alerting → connected",
        "09:12:03.000  disconnected   e3    ● ended+none_without_prompt: connected → disconnected",
        (
            "09:12:05.000  alerting       e4    ◆ refused session_is_over: "
            "The leg has ended. A new offer is a new leg with a new id."
        ),
        "09:12:25.000  updated        e5    ○ duplicate: The event repeats the current state.",
        "09:12:25.000  unknown        e6    ◆ ignored unknown_type: The type of the event is unknown.",
    ]


def test_an_unknown_event_carries_its_type_and_data() -> None:
    (event,) = stream("s1").unknown("com.example.coffee", data={"cups": 2})

    assert isinstance(event, UnknownEvent)
    assert (event.type, event.data) == ("com.example.coffee", {"cups": 2})


def test_streams_are_typed_as_streams() -> None:
    assert isinstance(CALL, Stream)


@pytest.mark.parametrize("expected", [{"wrapup__code": "sale"}, {"after_call_work__state": "pending"}])
def test_a_part_that_is_unset_is_a_difference_with_its_story(expected: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match=r"expected '\w+', found None\n\nWhat happened:\n09:00:00.000  connected"):
        run(stream("s1").connected()).expect(**expected)


@pytest.mark.parametrize("name", ["wrapup__cod", "after_call_work__sate", "wrapp"])
def test_a_misspelt_attribute_is_an_error_and_no_difference(name: str) -> None:
    with pytest.raises(AttributeError, match=name.rpartition("_")[2]):
        run(stream("s1").connected()).expect(**{name: None})


def test_a_part_that_is_unset_can_be_expected() -> None:
    run(stream("s1").connected()).expect(wrapup__code=None, after_call_work=None)
