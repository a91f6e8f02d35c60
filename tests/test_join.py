"""One leg under two ids is one session where a payload names both ids (FAMILY rules of docs/reference/payloads.md)."""

import io
import json
from itertools import permutations
from typing import Any

import pytest

from cobrowse_session import Lifecycle, Problem
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.payloads import read_payloads
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.join import Joiner

Json = dict[str, Any]


def conversation(**calls: str) -> Json:
    """A conversation whose participant p1 has these legs: id and list of each."""
    lists: dict[str, list[Json]] = {}
    for leg, media in calls.items():
        lists.setdefault(media, []).append(
            {"id": leg, "state": "connected", "initialState": "alerting", "connectedTime": "2026-05-01T10:00:03.000Z"}
        )
    return {"id": "conv", "participants": [{"id": "p1", "purpose": "agent", **lists}]}


def flattened(topic: str = "calls") -> Json:
    leg = {"id": "p1", "purpose": "agent", "state": "connected", "startAlertingTime": "2026-05-01T10:00:00.020Z"}
    body = {"id": "conv", "participants": [leg | {"connectedTime": "2026-05-01T10:00:03.000Z"}]}
    return {"topicName": f"v2.users.u1.conversations.{topic}", "eventBody": body}


def subjects(*converted: Converted) -> set[str]:
    return {event.subject for one in converted for event in one.events}


@pytest.mark.parametrize("order", list(permutations((conversation(c1="calls"), flattened()))))
def test_a_list_that_names_both_ids_gives_one_session_in_any_order(order: tuple[Json, ...]) -> None:
    converted = convert(list(order))

    assert subjects(converted) == {"c1"}
    assert {leg.id for leg in converted.legs} == {"c1"}
    assert all(event.id.startswith("c1/") for event in converted.events)
    assert {event.id for event in converted.events} >= {"c1/alerting", "c1/connected"}
    assert converted.warnings == ()


def test_payloads_one_by_one_are_joined_from_the_one_on_that_names_both_ids() -> None:
    joiner = Joiner()

    assert subjects(joiner.join(convert(conversation(c1="calls"))), joiner.join(convert(flattened()))) == {"c1"}


def test_a_leg_that_came_before_under_its_participants_id_is_a_warning_that_names_both() -> None:
    joiner = Joiner()

    before = joiner.join(convert(flattened()))
    after = joiner.join(convert(conversation(c1="calls")))

    assert (subjects(before), subjects(after)) == ({"p1"}, {"c1"})
    assert after.warnings == (
        Problem(
            "two_ids",
            "$.participants[0].calls[0]",
            "c1, which came before as p1",
            "payloads of one family, or those that name both ids first",
        ),
    )
    assert joiner.join(convert(conversation(c1="calls"))).warnings == ()  # once


def test_the_topic_chooses_among_the_legs_of_a_participant() -> None:
    both = conversation(c1="calls", b1="callbacks")

    assert subjects(convert([both, flattened("calls")])) == {"c1", "b1"}
    assert subjects(convert([both, flattened("callbacks")])) == {"c1", "b1"}


def test_a_leg_that_may_be_either_keeps_its_id() -> None:
    assert subjects(convert([conversation(c1="calls", c2="calls"), flattened()])) == {"c1", "c2", "p1"}


DETAIL: Json = {
    "topicName": "v2.detail.events.conversation.conv.user.start",
    "eventBody": {"eventTime": 1_777_629_600_000, "conversationId": "conv", "participantId": "p1", "sessionId": "c1"},
}
"""A detail event: one event of a leg, not a record of it. It names both ids."""


@pytest.mark.parametrize("order", list(permutations((DETAIL, flattened()))))
def test_a_detail_event_names_both_ids(order: tuple[Json, ...]) -> None:  # JOIN-2
    assert subjects(convert(list(order))) == {"c1"}


def test_analytics_name_both_ids() -> None:  # JOIN-2
    session = {"sessionId": "c1", "segments": [{"segmentType": "interact", "segmentStart": "2026-05-01T10:00:03.000Z"}]}
    record = {"conversationId": "conv", "participants": [{"participantId": "p1", "purpose": "agent", "sessions": [session]}]}

    assert subjects(convert([flattened(), record])) == {"c1"}


def test_a_detail_event_without_its_kind_of_media_takes_none_away() -> None:  # JOIN-2
    assert subjects(convert([conversation(c1="calls"), DETAIL, flattened("callbacks")])) == {"c1", "p1"}
    assert subjects(convert([DETAIL, conversation(c1="calls"), flattened("callbacks")])) == {"c1", "p1"}


@pytest.mark.parametrize(
    ("media", "found"),
    [("VOICE", ["c1, which came before as p1"]), (None, ["c1, which came before as p1"]), ("CALLBACK", [])],
)
def test_a_detail_event_of_a_leg_that_came_before_under_its_participants_id_is_a_warning(
    media: str | None, found: list[str]
) -> None:  # JOIN-3
    joiner = Joiner()
    joiner.join(convert(flattened()))
    event = {**DETAIL, "eventBody": {**DETAIL["eventBody"], "mediaType": media}}

    assert [one.found for one in joiner.join(convert(event)).warnings] == found


def test_participants_of_two_conversations_are_not_joined() -> None:
    another = conversation(c1="calls") | {"id": "another"}

    assert subjects(convert([another, flattened()])) == {"c1", "p1"}


def test_each_leg_that_may_be_one_of_several_is_a_warning() -> None:  # JOIN-3
    joiner = Joiner()
    one, other = conversation(c1="calls", c2="calls"), conversation(c3="calls", c4="calls")
    other["participants"][0]["id"] = "p2"
    joiner.join(convert([one, other]))
    both = flattened()
    both["eventBody"]["participants"] *= 2
    both["eventBody"]["participants"][1] = both["eventBody"]["participants"][0] | {"id": "p2"}

    assert joiner.join(convert(both)).warnings == tuple(
        Problem("two_ids", f"$.eventBody.participants[{index}]", found, "payloads of one family")
        for index, found in enumerate(("p1, which may be c1 or c2", "p2, which may be c3 or c4"))
    )


def test_a_leg_of_an_unknown_kind_of_media_is_that_of_its_participant() -> None:  # JOIN-2
    unknown = flattened()["eventBody"]

    assert subjects(convert([conversation(c1="calls"), unknown])) == {"c1"}
    joiner = Joiner()
    joiner.recall("/genesys/conversations/conv", "p1", "c1", None)
    assert subjects(joiner.join(convert(flattened()))) == {"c1"}


def test_a_leg_that_was_named_before_is_recalled_with_its_kind_of_media() -> None:  # JOIN-2
    joiner = Joiner()
    joiner.recall("/genesys/conversations/conv", "p1", "c1", "call")
    joiner.recall("/genesys/conversations/conv", "p1", "b1", "callback")
    joiner.recall("/genesys/conversations/conv", "p2", "c2", "call")

    assert subjects(joiner.join(convert(flattened("callbacks")))) == {"b1"}
    assert subjects(joiner.join(convert(flattened("calls")))) == {"c1"}


SEEN = {"id": "conv", "participants": [{"id": "p1", "calls": [{"id": leg, "state": "alerting"} for leg in ("c1", "c2")]}]}


def test_a_time_that_a_leg_lacks_is_one_warning_that_names_the_leg() -> None:  # LOST-6
    later = json.loads(json.dumps(SEEN))
    later["participants"][0]["calls"][1]["state"] = "connected"
    file = io.BytesIO("".join(json.dumps(one) + "\n" for one in (SEEN, SEEN, later, SEEN)).encode())

    expected = [("c1", "alerting"), ("c2", "alerting"), ("c2", "connected")]
    read = [converted for _, converted in read_payloads(file, lambda rejected: pytest.fail(str(rejected)))]
    for warnings in (convert([SEEN, SEEN, later, SEEN]).warnings, [one for part in read for one in part.warnings]):
        assert [(one.leg, one.found) for one in warnings] == expected
        assert "(leg c1)" in str(warnings[0])


def test_a_time_that_a_leg_lacks_is_one_warning_wherever_the_leg_is_in_a_payload() -> None:  # LOST-6
    turned = json.loads(json.dumps(SEEN))
    turned["participants"][0]["calls"].reverse()

    assert [one.leg for one in convert([SEEN, turned]).warnings] == ["c1", "c2"]


def test_a_warning_that_names_no_leg_is_not_left_out() -> None:  # LOST-6
    batch = {"callEndedEvents": [{"eventId": "e1", "communicationId": "c1", "conversationId": "conv"}] * 2}

    assert [one.error for one in convert([batch, batch]).warnings] == ["no_time"] * 4


def test_an_inbox_joins_the_two_ids_across_its_documents() -> None:  # JOIN-2
    inbox = Inbox(Lifecycle())
    inbox.take(conversation(c1="calls"))
    inbox.take(flattened())

    assert {*inbox.logs} == {"c1"}


def test_an_inbox_warns_of_a_leg_that_it_has_under_both_ids() -> None:  # JOIN-3
    inbox = Inbox(Lifecycle())
    inbox.take(flattened())

    (warning,) = inbox.take(conversation(c1="calls")).warnings
    assert warning.error == "two_ids"


def test_the_participants_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse_session.sources.join.MAX_REMEMBERED", 2)
    joiner = Joiner()
    for number in range(3):
        joiner.join(convert(conversation(**{f"c{number}": "calls"}) | {"id": f"conv-{number}"}))

    last, kept, first = (
        {**flattened(), "eventBody": {**flattened()["eventBody"], "id": f"conv-{number}"}} for number in (2, 1, 0)
    )
    assert subjects(joiner.join(convert(last))) == {"c2"}
    assert subjects(joiner.join(convert(kept))) == {"c1"}
    assert subjects(joiner.join(convert(first))) == {"p1"}
