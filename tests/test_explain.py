"""Why a session is as it is: `explain` a field, `tell` a life; the library and the command."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from examples.tables import pause
from hypothesis import given
from tests.calls import calls
from tests.commands import command
from tests.own_tables import always
from tests.strategies import lifecycles, streams

from cobrowse_session import Address, CobrowseSession, Event, Lifecycle, SessionLog, Settings, UnknownPrompt, Wrapup
from cobrowse_session.lifecycle.actions import begin_segment
from cobrowse_session.lifecycle.row import Guard
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.stream import explain, explainable_fields, history, history_entries
from cobrowse_session.stream.explain import Explanation
from cobrowse_session.stream.history import after_sealing
from cobrowse_session.tables import (
    AFTER_CALL_WORK_STATES,
    DUPLICATE,
    LEG_ENDED,
    NO_TRANSITION,
    Row,
    Table,
    before,
    instead,
    reads_session,
    writes,
)
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire import encode_event, restore_log, save_log

CLOUD, PROVIDER = "the cloud clock", "the corrected provider clock"
TIMED: dict[str, Any] = {"wrapup_prompt": "timeout", "wrapup_timeout": 30}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


ALERT = stream("s1", delay=0.03).alerting(
    provider="acme",
    self_=Address(name="Zoë"),
    peer_id="p1",
    cobrowse_session_id="cb1",
    cobrowse_role="viewer",
    viewer_url="https://v",
    **TIMED,
)
CALL = ALERT.after(3).connected(controlling=["p9"]).after(5).required().after(55).disconnected("client")
LIFE = CALL.after(14.22).wrapup("sale", notes="n", tags=["a"])
WHOLE = SessionLog.of(LIFE)
TIMED_OUT = SessionLog.of(CALL, until=at(200))
MISSED = SessionLog.of(
    stream().alerting(alerting_timeout=20), Lifecycle(alerting_grace=timedelta(milliseconds=250)), until=at(60)
)
UNREQUESTED = SessionLog.of(stream().connected(wrapup_prompt="agentRequested").after(60).disconnected("peer"))


def step_of(reason: Explanation) -> str:
    """The event, or the timer, that set it."""
    assert reason.entry is not None
    return str(getattr(reason.entry.event, "id", reason.entry.event.type))


# --- Explain ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "step", "row", "clock"),
    [
        ("state", "disconnected", "e4", "ended", None),
        ("initialState", "alerting", "e1", "alerting", None),
        ("disconnectType", "client", "e4", "ended", None),
        ("self", Address(name="Zoë"), "e1", "alerting", None),
        ("self.name", "Zoë", "e1", "alerting", None),
        ("cobrowseSessionId", "cb1", "e1", "alerting", None),
        ("cobrowseRole", "viewer", "e1", "alerting", None),
        ("controlling", (), "e4", "ended", None),
        ("viewerUrl", "https://v", "e1", "alerting", None),
        ("providerEventTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("startAlertingTime", at(0.03), "e1", "alerting", CLOUD),
        ("connectedTime", at(3.03), "e2", "connected", CLOUD),
        ("disconnectedTime", at(63), "e4", "ended", PROVIDER),
        ("provider", "acme", "e1", "alerting", None),
        ("peerId", "p1", "e1", "alerting", None),
        ("segments.0.startTime", at(0), "e1", "alerting", PROVIDER),
        ("segments.0.endTime", at(3), "e2", "connected", PROVIDER),
        ("segments.0.type", "Alert", "e1", "alerting", None),
        ("segments.0.howEnded", "Interact", "e2", "connected", None),
        ("segments.1.disconnectType", "client", "e4", "ended", None),
        ("wrapup.code", "sale", "e5", "complete_by_code", None),
        ("wrapup.tags.0", "a", "e5", "complete_by_code", None),
        ("wrapup.endTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("wrapup.durationSeconds", 14, "e5", "complete_by_code", None),
        ("afterCallWork.startTime", at(63), "e4", "begins", PROVIDER),
        ("afterCallWork.endTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("afterCallWork.state", "complete", "e5", "complete_by_code", None),
        ("afterCallWorkRequired", True, "e3", "request", None),
    ],
)
def test_a_field_is_explained_by_the_event_and_the_row_that_set_it_last(
    field: str, value: object, step: str, row: str, clock: str | None
) -> None:
    reason = explain(WHOLE, field)

    assert (reason.field, reason.value, step_of(reason), reason.clock) == (field, value, step, clock)
    assert row in reason.rows


@pytest.mark.parametrize("field", ["self.name", "self"])
def test_a_part_of_a_detail_cites_the_rule_of_details_though_another_part_came_later(field: str) -> None:
    call = stream().alerting(self_=Address(name="Zoë")).after(1).connected(self_=Address(name="Zoë", address_raw="z"))

    assert explain(SessionLog.of(call), field).rules == (
        "Details replace what the session holds. The outcome lists them itself, because the event names them and not the row.",
    )


@pytest.mark.parametrize(
    "field",
    ["state.0", "wrapup.0", "wrapup.0.tags", "segments.0.1.type", "segments.0.type.0", "self.name.0", "segments.0.0", "id.0"],
)
def test_an_index_leads_into_lists_only(field: str) -> None:
    with pytest.raises(KeyError, match=re.escape(field)):
        explain(WHOLE, field)


@pytest.mark.parametrize(
    "field", ["segments.0", "segments.12", "segments.1.type", "controlling.0", "wrapup.tags.0", "wrapup.tags.9"]
)
def test_an_item_of_a_list_can_be_explained(field: str) -> None:
    assert explain(WHOLE, field).field == field


@pytest.mark.parametrize("field", ["segments", "wrapup", "afterCallWork", "self", "controlling"])
def test_a_whole_part_is_said_as_the_session_json_has_it(field: str) -> None:
    said = str(explain(WHOLE, field))

    assert not re.search(r"datetime\.|[a-z]_[a-z]+=|\w+\(", said.splitlines()[0])


def test_the_id_is_what_every_event_says() -> None:
    reason = explain(WHOLE, "id")

    assert reason.value == "s1"
    assert "unset" not in str(reason)


@pytest.mark.parametrize(
    ("field", "log"),
    [
        ("wrapup.code", UNREQUESTED),
        ("wrapup", UNREQUESTED),
        ("self.name", UNREQUESTED),
        ("connectedTime", MISSED),
        ("segments.7.type", WHOLE),
        ("segments.0.disconnectType", WHOLE),
        ("wrapup.name", WHOLE),
    ],
)
def test_a_field_that_nothing_set_says_so(field: str, log: SessionLog) -> None:
    reason = explain(log, field)

    assert (reason.value, reason.entry, reason.rows, reason.rules, reason.clock) == (None, None, (), (), None)
    assert str(reason).splitlines()[0] == f"{field} is unset."
    assert reason.unset


@pytest.mark.parametrize("field", ["colour", "", "end_time", "provider_event_time", "settings", "extra", "self_", "Self"])
def test_a_field_that_a_session_does_not_have_is_an_error(field: str) -> None:
    with pytest.raises(KeyError, match="afterCallWorkRequired"):
        explain(WHOLE, field)


@pytest.mark.parametrize(
    "field",
    ["wrapup.colour", "wrapup.end_time", "wrapup.extra", "state.name", "segments.first", "segments.0.x", "afterCallWork."],
)
def test_a_field_that_a_part_does_not_have_is_an_error_too(field: str) -> None:
    with pytest.raises(KeyError):
        explain(WHOLE, field)


@pytest.mark.parametrize(
    ("field", "value", "instant"),
    [
        ("wrapup.code", "ININ-WRAP-UP-TIMEOUT", 93),
        ("wrapup.endTime", at(93), 93),
        ("afterCallWork.endTime", at(93), 93),
        ("afterCallWork.state", "complete", 93),
    ],
)
def test_what_a_timer_set_names_the_timer_and_its_own_instant(field: str, value: object, instant: float) -> None:
    reason = explain(TIMED_OUT, field)

    assert reason.entry is not None
    assert (reason.value, reason.rows, reason.entry.event.occurred_at) == (value, ("complete_by_timeout",), at(instant))
    assert "  set by     timer.acw, at 2026-03-01T09:01:33.000Z" in str(reason).splitlines()


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "disconnected"), ("disconnectType", "system"), ("disconnectedTime", at(20.25)), ("segments.0.endTime", at(20.25))],
)
def test_an_alert_that_timed_out_is_explained_by_its_timer(field: str, value: object) -> None:
    reason = explain(MISSED, field)

    assert (reason.value, step_of(reason), reason.rows) == (
        value,
        "timer.alerting",
        ("alert_timed_out", "none_after_alert_timeout"),
    )


@pytest.mark.parametrize(
    ("events", "field", "row"),
    [
        (stream().connected().after(1).updated(viewer_url="https://new"), "viewerUrl", "details"),
        (stream().connected().after(1).updated(provider="acme"), "provider", "details"),
        (stream().connected().after(1).disconnected().after(1).terminated(), "state", "released"),
        (stream().connected().after(1).disconnected().after(1).disconnected("peer"), "disconnectType", "end_named"),
        (stream().connected().after(1).disconnected().after(1).terminated("peer"), "disconnectType", "released"),
        (stream().connected().after(1).disconnected().after(1).wrapup("sale"), "wrapup.code", "saved_again"),
        (stream().connected().after(1).wrapup("sale"), "wrapup", "prepared"),
        (stream().connected().after(1).disconnected().after(1).platform("skipped"), "afterCallWork", "skipped_by_platform"),
        (stream().scheduled(), "segments", "pending"),
        (stream().terminated(), "initialState", "ended"),
    ],
)
def test_rows_that_ask_no_settings_explain_as_well(events: Stream, field: str, row: str) -> None:
    reason = explain(SessionLog.of(events), field)

    assert (step_of(reason), reason.rows[0]) == (f"e{len(events)}", row)


def test_a_value_that_was_emptied_names_what_emptied_it() -> None:
    drafted = stream().connected(wrapup_prompt="optional").after(1).wrapup(notes="n", provisional=True).after(1).disconnected()
    reason = explain(SessionLog.of(drafted.after(1).wrapup()), "wrapup")

    assert (reason.value, step_of(reason), reason.rows) == (None, "e4", ("skipped_by_agent",))
    assert "Only a skip drops a draft (ACW-21)." in reason.rules


@pytest.mark.parametrize(
    ("field", "log", "rule"),
    [
        ("startAlertingTime", WHOLE, "STAMP-2"),
        ("connectedTime", WHOLE, "STAMP-3"),
        ("disconnectedTime", WHOLE, "STAMP-4"),
        ("providerEventTime", WHOLE, "STAMP-6"),
        ("controlling", WHOLE, "DETAIL-8"),
        ("segments.0.endTime", WHOLE, "SEG-3"),
        ("afterCallWork.startTime", WHOLE, "ACW-6"),
        ("afterCallWork.startTime", UNREQUESTED, "ACW-11"),
        ("wrapup.code", TIMED_OUT, "ACW-23"),
        ("wrapup", SessionLog.of(stream().connected().after(1).wrapup("sale")), "WRAP-5"),
        ("afterCallWork.endTime", WHOLE, "WRAP-8"),
        ("wrapup.durationSeconds", WHOLE, "WRAP-8"),
        ("afterCallWorkRequired", WHOLE, "ACW-47"),
    ],
)
def test_what_wrote_a_field_cites_the_rule_of_the_specification(field: str, log: SessionLog, rule: str) -> None:
    assert any(rule in text for text in explain(log, field).rules)


@pytest.mark.parametrize("field", ["state", "connectedTime", "wrapup.code", "afterCallWork.endTime"])
def test_the_rows_that_decided_cite_rules_of_the_specification(field: str) -> None:
    specification = (Path(__file__).parents[1] / "docs/lifecycle.md").read_text(encoding="utf-8")
    cites = explain(WHOLE, field).cites

    assert cites
    assert all(f"**{rule}**" in specification for rule in cites)


@pytest.mark.parametrize("field", ["viewerUrl", "peerId", "cobrowseRole", "self.name", "provider", "initialState"])
def test_what_the_events_details_set_is_explained_by_the_rule_of_details(field: str) -> None:
    named = stream().connected(
        viewer_url="v", peer_id="p", cobrowse_role="viewer", self_=Address(name="Zoë"), provider="acme", initial_state="alerting"
    )

    (rule,) = explain(SessionLog.of(named), field).rules
    assert rule.startswith("Details replace what the session holds.")


# --- Otherwise ----------------------------------------------------------------------------------------------------------------


def test_otherwise_lists_the_rows_before_and_what_each_one_needs() -> None:
    assert explain(WHOLE, "afterCallWork.startTime").alternatives == (
        "not applied: none_after_alert_timeout (needs: the library ended an unanswered alert)",
        "not applied: none_when_unanswered (needs: the leg never connected, and `acw_when_unanswered` is off)",
        "not applied: none_by_prompt (needs: the wrap-up prompt is `none`)",
        "not applied: none_without_prompt (needs: no event and no default names a wrap-up prompt)",
        "not applied: skipped_after_transfer (needs: the leg was transferred, and `acw_after_transfer` is off)",
        (
            "not applied: skipped_unrequested (needs: the prompt is `agentRequested`, and the agent did not request "
            "after-call work)"
        ),
    )


def test_a_row_that_would_have_refused_names_its_rule_and_its_condition() -> None:
    done = stream().connected(wrapup_prompt="optional").after(1).disconnected().after(1).done()

    assert "would have been refused (no_early_exit) if the prompt has no early exit" in (
        explain(SessionLog.of(done), "afterCallWork").alternatives
    )


def test_a_row_that_needs_more_than_one_condition_names_all_of_them() -> None:
    """A final wrap-up that was saved before would have changed nothing: the save is no draft."""
    assert "would have been ignored (already_final) if a final wrap-up is saved and the save is provisional" in (
        explain(WHOLE, "wrapup").alternatives
    )


def test_after_call_work_has_nothing_to_do_with_when_the_leg_ended() -> None:
    assert explain(WHOLE, "disconnectedTime").alternatives == ()


def test_the_first_row_had_nothing_before_it() -> None:
    assert explain(WHOLE, "startAlertingTime").alternatives == ()


@pytest.mark.parametrize(
    ("events", "field", "told"),
    [
        (
            LIFE.after(1).required(required=False),
            "afterCallWorkRequired",
            (
                "cobrowse.session.acw.required e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was refused: After-call work can be requested only while the leg is connected."
            ),
        ),
        (
            LIFE.after(1).wrapup(notes="draft", provisional=True),
            "wrapup.notes",
            (
                "cobrowse.session.wrapup e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was ignored: "
                "A draft counts only while the leg is connected or after-call work is pending."
            ),
        ),
        (
            stream().connected().after(1).alerting(),
            "startAlertingTime",
            (
                "cobrowse.session.alerting e2 of /test, at 2026-03-01T09:00:01.000Z, received "
                "2026-03-01T09:00:01.000Z was refused: "
                "A connected leg does not return to a pending state. A new offer is a new leg with a new id."
            ),
        ),
        (
            stream().connected().after(1).done(),
            "afterCallWork",
            (
                "cobrowse.session.acw.ended e2 of /test, at 2026-03-01T09:00:01.000Z, received "
                "2026-03-01T09:00:01.000Z was refused: "
                "After-call work cannot end before the leg has ended."
            ),
        ),
        (
            LIFE.after(1).updated(controlling=["p7"]),
            "controlling",
            (
                "cobrowse.session.updated e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was ignored: "
                "A grant to control counts only while the leg is connected."
            ),
        ),
    ],
)
def test_otherwise_lists_the_events_that_were_turned_away(events: Stream, field: str, told: str) -> None:
    reason = explain(SessionLog.of(events), field)

    assert reason.alternatives[-1:] == (told,)
    assert str(reason).splitlines()[-1] == f"  otherwise  {told}"


@pytest.mark.parametrize("field", ["providerEventTime", "provider", "peerId", "disconnectType"])
def test_an_event_that_was_turned_away_is_no_matter_of_fields_that_it_could_not_have_set(field: str) -> None:
    turned_away = explain(SessionLog.of(LIFE.after(1).required(required=False)), field).alternatives

    assert not any("was refused" in said for said in turned_away)


def test_a_reason_reads_as_a_page() -> None:
    assert str(explain(WHOLE, "connectedTime")).splitlines() == [
        "connectedTime is 2026-03-01T09:00:03.030Z.",
        "  set by     cobrowse.session.connected e2 of /test, at 2026-03-01T09:00:03.000Z, received 2026-03-01T09:00:03.030Z",
        "  row        connected: Both sides are connected. [CONN-2, STAMP-3]",
        "  rule       The cloud time of the connection, never before the alert (STAMP-3).",
        "  clock      the cloud clock",
    ]


def test_a_page_says_why_a_field_is_unset_what_it_held_and_what_was_turned_away() -> None:
    unset = explain(SessionLog.of(stream("s1").connected().after(1).wrapup()), "wrapup")
    late = explain(SessionLog.of(LATE), "wrapup.code")

    for page, *labelled in (
        (unset, ("unset", unset.unset), ("otherwise", unset.alternatives)),
        (late, ("earlier", late.earlier), ("otherwise", late.alternatives)),
    ):
        texts = [(label, text) for label, some in labelled for text in some]
        assert str(page).splitlines()[-len(texts) :] == [f"  {label:<10} {text}" for label, text in texts]
        assert {label for label, _ in texts} == {label for label, _ in labelled}


# --- Unset --------------------------------------------------------------------------------------------------------------------


E1 = "cobrowse.session.alerting e1 of /test, at 2026-03-01T09:00:00.000Z, received 2026-03-01T09:00:00.000Z"
UPDATED = E1.replace("alerting e1", "updated e3").replace("09:00:00", "09:00:01")


@pytest.mark.parametrize(
    ("field", "events", "unset"),
    [
        (
            "afterCallWork",
            stream().connected().after(9).disconnected("peer"),
            (
                (
                    "row none_without_prompt decided at 2026-03-01 09:00:09.000: No setting of the leg begins after-call work. "
                    "[ACW-3, ACW-7]"
                ),
                "row begins would have set afterCallWork (unless: no event and no default names a wrap-up prompt)",
                "no event that writes it was applied: acw.started, wrapup, acw.ended, timer.acw",
            ),
        ),
        (
            "afterCallWork.endTime",
            stream().connected(wrapup_prompt="optional").after(9).disconnected(),
            (
                f"{E1.replace('alerting e1', 'disconnected e2').replace(':00.', ':09.')} wrote afterCallWork, but not this field",
                "no other event that writes it was applied: acw.started, wrapup, acw.ended, timer.acw",
            ),
        ),
        (
            "wrapup.endTime",
            stream().connected(wrapup_prompt="forcedTimeout", wrapup_timeout=30).after(9).disconnected().after(1).wrapup("sale"),
            (
                (
                    "row saved_without_exit decided at 2026-03-01 09:00:10.000: The agent saved the wrap-up. This prompt has no "
                    "early exit, so after-call work stays pending. [ACW-12, WRAP-9]"
                ),
                "row complete_by_code would have set wrapup (needs: the prompt has an early exit)",
                "no event that writes it was applied: acw.started, acw.ended, timer.acw",
            ),
        ),
        (
            "startAlertingTime",
            stream().connected(),
            ("no event that writes it was applied: alerting. The leg was first seen connected",),
        ),
        ("settings.wrapupPrompt", stream().connected(), ("no event stated it, and the lifecycle has no default",)),
        (
            "wrapup.code",
            stream().alerting().after(9).disconnected("client"),
            (
                "no event that writes it was applied: wrapup, timer.acw",
                (
                    "row none_when_unanswered decided at 2026-03-01 09:00:09.000: A leg that never connected has no after-call "
                    "work. [ACW-3, ACW-7]"
                ),
                (
                    "row begins would have set afterCallWork (unless: the leg never connected, and `acw_when_unanswered` is off "
                    "or no event and no default names a wrap-up prompt)"
                ),
            ),
        ),
        ("peerId", stream().connected(), ("no event stated it as a detail; any kind of event can",)),
        ("viewerUrl", stream().connected(), ("no event stated it as a detail; any kind of event can",)),
        (
            "disconnectType",
            stream().connected(),
            ("no event that writes it was applied: disconnected, terminated, timer.alerting",),
        ),
        (
            "afterCallWorkRequired",
            stream().connected(),
            ("no event stated it as a detail; any kind of event can, and acw.required sets it",),
        ),
        ("controlling", stream().connected(), ("no event stated it as a detail; any kind of event can",)),
        (
            "controlling",
            stream().alerting(controlling=("a",)),
            (f"{E1} stated it, but a grant to control counts only while the leg is connected [DETAIL-7]",),
        ),
        (
            "controlling.0",
            stream().alerting().alerting(controlling=("a",)),
            (f"{E1.replace('e1', 'e2')} was ignored: A grant to control counts only while the leg is connected.",),
        ),
        (
            "afterCallWorkRequired",
            stream().alerting().disconnected().after(1).updated(after_call_work_required=True, viewer_url="https://example.com"),
            (f"{UPDATED} stated it, but it counts only until the leg has ended [DETAIL-3]",),
        ),
        (
            "settings.wrapupPrompt",
            stream().alerting().disconnected().after(1).updated(wrapup_prompt="optional", viewer_url="https://example.com"),
            (f"{UPDATED} stated it, but settings count only until the leg has ended [SETTING-4]",),
        ),
        (
            "settings.wrapupPrompt",
            stream().alerting().disconnected().after(1).updated(wrapup_prompt="optional"),
            (f"{UPDATED} was ignored: Settings no longer count after the leg has ended.",),
        ),
        (
            "wrapup.name",
            stream().connected().wrapup("sale"),
            (
                f"{E1.replace('alerting e1', 'wrapup e2')} wrote wrapup, but not this field",
                "no other event that writes it was applied: the end of the leg, acw.started, acw.ended, timer.acw",
            ),
        ),
        (
            "segments.0.disconnectType",
            stream().alerting().connected().disconnected("peer").connected(),
            (
                f"{E1.replace('alerting e1', 'connected e2')} wrote segments.0, but not this field",
                "no other event that writes it was applied: scheduled, offering, contacting, dialing, terminated, timer.alerting",
            ),
        ),
        (
            "self.name",
            stream().alerting(self_=Address(address_raw="a")),
            (f"{E1} wrote self, but not this field", "no event stated it as a detail; any kind of event can"),
        ),
        (
            "afterCallWork.state",
            stream().connected().after(9).disconnected("peer"),
            (
                (
                    "row none_without_prompt decided at 2026-03-01 09:00:09.000: No setting of the leg begins after-call work. "
                    "[ACW-3, ACW-7]"
                ),
                "row begins would have set afterCallWork (unless: no event and no default names a wrap-up prompt)",
                "no event that writes it was applied: acw.started, wrapup, acw.ended, timer.acw",
            ),
        ),
        (
            "afterCallWork",
            stream().scheduled(),
            ("no event that writes it was applied: the end of the leg, acw.started, wrapup, acw.ended, timer.acw",),
        ),
        ("startAlertingTime", stream().scheduled(), ("no event that writes it was applied: alerting",)),
        (
            "startAlertingTime",
            stream().terminated(),
            ("no event that writes it was applied: alerting. The leg was first seen terminated",),
        ),
        (
            "startAlertingTime",
            stream().terminated(initial_state="alerting"),
            (
                (
                    "no event that writes it was applied: alerting. The leg was first seen terminated. An event stated "
                    "initialState alerting, but not when"
                ),
            ),
        ),
        ("connectedTime", stream().terminated(), ("no event that writes it was applied: connected",)),
        ("providerEventTime", stream().done(), ("no event with a value for it was applied",)),
        (
            "settings.alertingTimeoutMs",
            stream().alerting(wrapup_prompt="optional"),
            ("no event stated it, and the lifecycle has no default",),
        ),
    ],
)
def test_an_unset_field_names_the_row_that_decided_so_or_what_would_have_set_it(
    field: str, events: Stream, unset: tuple[str, ...]
) -> None:
    assert explain(SessionLog.of(events), field).unset == unset


def test_a_setting_is_explained_by_the_event_that_stated_it_or_by_the_default() -> None:
    stated = explain(SessionLog.of(stream().connected(wrapup_prompt="optional")), "settings.wrapupPrompt")
    defaults = Lifecycle(settings=Settings(alerting_timeout=timedelta(seconds=20)))
    default = explain(SessionLog.of(stream().connected(), defaults), "settings.alertingTimeoutMs")

    assert (stated.value, step_of(stated), stated.rows) == ("optional", "e1", ("connected",))
    assert default.unset == ("no event stated it, and the default of the lifecycle counts: 20 s",)


_UNANSWERED = "the leg never connected, and `acw_when_unanswered` is off"
_NO_PROMPT = "no event and no default names a wrap-up prompt"


_COMPLETE = "the platform reports `complete`, and the session differs"
_ENDED = stream().connected().after(1).disconnected().after(1)
_MANDATORY = stream().connected(wrapup_prompt="mandatory").after(1).disconnected().after(1)


@pytest.mark.parametrize(
    ("log", "field", "needs"),
    [
        (MISSED, "afterCallWork", f"begins (unless: the library ended an unanswered alert or {_UNANSWERED} or {_NO_PROMPT})"),
        (
            SessionLog.of(_ENDED.platform("lost")),
            "afterCallWork",
            f"complete_by_platform (needs: {_COMPLETE}, unless: the `by` or `state` of the event is unknown here)",
        ),
        (SessionLog.of(_ENDED.wrapup("sale", provisional=True)), "wrapup", "prepared (needs: the leg is connected)"),
    ],
    ids=["three rows", "a row, and what is needed", "what is needed excludes the row before it"],
)
def test_what_would_have_set_a_field_names_every_row_that_decides_before_it(log: SessionLog, field: str, needs: str) -> None:
    assert explain(log, field).unset[1] == f"row {needs.replace(' (', f' would have set {field} (', 1)}"


@given(events=streams(), lifecycle=lifecycles())
def test_a_state_that_a_row_would_have_entered_counts_as_set(events: Any, lifecycle: Lifecycle) -> None:
    log = SessionLog.of(events, lifecycle)

    assert explain(log, "afterCallWork.state").unset == explain(log, "afterCallWork").unset


def test_of_rows_with_as_many_obstacles_the_first_one_is_named() -> None:
    """`saved_again` comes before `prepared`, and each of them needs one thing."""
    skipped = stream().wrapup()

    assert explain(SessionLog.of(skipped), "wrapup").unset[1] == (
        "row saved_again would have set wrapup (unless: the leg is neither connected nor ended or the save has no code and is "
        "not provisional: the agent skipped the wrap-up)"
    )


def test_of_rows_that_need_one_guard_each_the_first_one_is_named() -> None:
    """`draft` comes before `complete_by_code`."""
    _, needs, _ = explain(SessionLog.of(_MANDATORY.wrapup()), "wrapup").unset

    assert needs == "row draft would have set wrapup (needs: the save is provisional)"


def test_a_row_that_must_not_decide_is_named_with_all_of_its_guards() -> None:
    draft = _MANDATORY.wrapup("a", provisional=True)

    assert explain(SessionLog.of(draft), "wrapup.endTime").unset[1] == (
        "row complete_by_code would have set wrapup (needs: the save has a code and is not provisional, unless: the save is "
        "provisional and the save differs from the prepared wrap-up)"
    )


def test_a_field_that_a_wrapup_did_not_state_has_nothing_to_do_with_after_call_work() -> None:
    saved = stream().alerting().after(1).disconnected().wrapup("b")

    assert explain(SessionLog.of(saved), "wrapup.notes").unset == (
        f"{E1.replace('alerting e1', 'wrapup e3').replace('09:00:00', '09:00:01')} wrote wrapup, but not this field",
        "no other event that writes it was applied: acw.started, acw.ended, timer.acw",
    )


def test_the_rows_before_the_one_that_decided_at_the_end_of_the_leg_are_named_for_its_state() -> None:
    assert explain(SessionLog.of(_ENDED), "state").alternatives == (
        "not applied: none_after_alert_timeout (needs: the library ended an unanswered alert)",
        f"not applied: none_when_unanswered (needs: {_UNANSWERED})",
        "not applied: none_by_prompt (needs: the wrap-up prompt is `none`)",
    )


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (
            "colour",
            f"a session has no field 'colour'; it has {', '.join(one for one in explainable_fields() if '.' not in one[:-1])}",
        ),
        ("self.colour", "self has no field 'colour'; it has name, nameRaw, addressNormalized, addressRaw, addressDisplayable"),
        (
            "self.name.name",
            "self has no field 'name.name'; it has name, nameRaw, addressNormalized, addressRaw, addressDisplayable",
        ),
        ("state.name", "state has no field 'name'; it has none inside"),
        ("segments.type", "segments is a list; expected an index first: segments.0.type"),
        (
            "segments.0.1.type",
            "a session has no field 'segments.0.1.type'; an index leads into segments, controlling, wrapup.tags only",
        ),
    ],
)
def test_a_field_that_is_not_there_is_named_with_those_that_are(field: str, says: str) -> None:
    with pytest.raises(KeyError) as raised:
        explain(WHOLE, field)

    assert raised.value.args == (says,)


def test_the_id_has_no_event_that_set_it() -> None:
    assert str(explain(WHOLE, "id")) == "id is s1."


def test_all_rows_of_a_decision_are_named_in_its_page() -> None:
    assert str(explain(WHOLE, "state")).splitlines()[2] == (
        "  row        ended + begins: The leg ended. After-call work begins. [CONN-2, CONN-3, STAMP-4, ACW-6]"
    )


# --- A table of one's own -----------------------------------------------------------------------------------------------------


@reads_session
def never(_session: object, _event: object, _: object) -> bool:
    """Never."""
    return False


def own(*guards: Guard) -> Lifecycle:
    """Return rules with a row that repeats nothing, and one that rings if some guards hold."""
    again = Row(name="again", on=("connected",), source=("alerting",), guards=(never,), result=DUPLICATE, reason="r.")
    rings = Row(
        name="rings",
        on=("alerting",),
        source=("none",),
        guards=guards,
        result="alerting",
        actions=(begin_segment,),
        reason="It rings.",
    )
    return Lifecycle(table=Table.standard().extended("own", connection=(before("connected", again), before("alerting", rings))))


OWN = own(always)


def test_a_row_that_would_have_made_it_a_duplicate_is_named_without_a_rule() -> None:
    log = SessionLog.of(stream().alerting().after(1).connected(), OWN)

    assert explain(log, "connectedTime").alternatives == ("would have been a duplicate if never",)


@reads_session
def too_early(_session: object, _event: object, _: object) -> bool:
    """It is not too early."""
    return False


@writes("wrapup")
def fill_in(session: CobrowseSession, _event: object, _: object) -> None:
    """A wrap-up of the platform."""
    session.wrapup = Wrapup(code="platform")


def filling(kind: str, place: str, **machine: Any) -> Lifecycle:
    """Return rules with a row of a kind that fills in the wrap-up, if two guards hold."""
    row = Row(
        name="fills",
        on=(kind,),
        guards=(never, too_early),
        result=NO_TRANSITION,
        actions=(fill_in,),
        reason="It fills in the wrap-up.",
        **machine,
    )
    placed = (before(place, row),)
    if kind == LEG_ENDED:
        return Lifecycle(table=Table.standard().extended("filling", after_call_work=placed))
    return Lifecycle(table=Table.standard().extended("filling", connection=placed))


@pytest.mark.parametrize(
    ("rules", "events", "decided"),
    [
        (filling("updated", "details", source=("connected",)), stream().connected().updated(), "duplicate"),
        (filling(LEG_ENDED, "none_by_prompt", source=AFTER_CALL_WORK_STATES), _ENDED, "none_without_prompt"),
    ],
    ids=["an event", "the end of the leg"],
)
def test_a_row_of_a_users_own_that_would_have_set_a_wrapup_is_named_with_both_guards_that_it_needs(
    rules: Lifecycle, events: Stream, decided: str
) -> None:
    row, needs, *_ = explain(SessionLog.of(events, rules), "wrapup").unset

    assert row.startswith(f"row {decided} decided at ")
    assert needs == "row fills would have set wrapup (needs: never and it is not too early)"


def test_a_row_that_cites_no_rule_has_no_brackets() -> None:
    log = SessionLog.of(stream().alerting(), OWN)

    assert str(explain(log, "state")).splitlines()[2] == "  row        rings: It rings."


def test_a_log_that_was_sealed_under_another_guard_is_not_explained_by_the_one_of_today() -> None:
    log = SessionLog.of(stream().alerting().after(1).disconnected("peer"), OWN)
    assert log.seal(at(1_000))
    restored = restore_log(save_log(log), table=own(never).table)
    same = restore_log(save_log(log), table=OWN.table)

    assert explain(same, "segments.0.startTime").rows == ("rings",)
    with pytest.raises(ValueError, match="sealed under another table, so the rows of today do not explain it"):
        explain(restored, "segments.0.startTime")


# --- Every field --------------------------------------------------------------------------------------------------------------


def test_every_field_that_is_listed_can_be_explained() -> None:
    fields = explainable_fields()

    assert {"state", "wrapup.endTime", "segments.0.type", "self.name", "afterCallWork.state"} < {*fields}
    for log in (WHOLE, SessionLog(Lifecycle(), "s1")):
        for field in fields:
            reason = explain(log, field)
            assert (reason.value is None) == (" is unset." in str(reason).splitlines()[0])
            assert bool(reason.unset) == (reason.value is None and reason.entry is None)


# --- What it held before ------------------------------------------------------------------------------------------------------

LATE = CALL.after(14.22).wrapup("sale", received_at=at(3600))


def test_a_field_names_what_it_held_until_a_late_event_arrived() -> None:
    assert explain(SessionLog.of(LATE), "wrapup.code").earlier == (
        "ININ-WRAP-UP-TIMEOUT until 2026-03-01 10:00:00.000, when wrapup e5 arrived, set by timer.acw at 2026-03-01 09:01:33.000",
    )


def test_a_timer_that_was_withdrawn_set_only_the_fields_that_it_writes() -> None:
    late = CALL.after(14).wrapup("sale", viewer_url="https://w", received_at=at(3600))
    log = SessionLog.of(late)

    assert explain(log, "viewerUrl").earlier == ("https://v until 2026-03-01 10:00:00.000, when wrapup e5 arrived",)
    assert explain(log, "wrapup.code").earlier[0].endswith("arrived, set by timer.acw at 2026-03-01 09:01:33.000")


def test_all_timers_that_set_a_field_and_were_withdrawn_are_named() -> None:
    goes_on = Row(name="goes_on", on=("timer.pause",), source=("paused",), result="pending", reason="After-call work goes on.")
    table = pause.TABLE.extended("goes on", after_call_work=(instead("complete_by_pause", goes_on),))
    paused = stream().connected(**TIMED).after(60).disconnected("peer").after(10).event(pause.AfterCallWorkPaused)
    log = SessionLog.of(paused.after("14m").wrapup("sale", received_at=at(90_000)), Lifecycle(table=table))

    (earlier,) = explain(log, "afterCallWork.endTime").earlier
    assert earlier == (
        "2026-03-01T09:16:10.000Z until 2026-03-02 10:00:00.000, when wrapup e4 arrived, "
        "set by timer.pause at 2026-03-01 09:16:10.000 and timer.acw at 2026-03-01 09:16:10.000"
    )


def test_a_field_that_a_late_event_left_alone_held_nothing_else() -> None:
    assert explain(SessionLog.of(LATE), "connectedTime").earlier == ()


# --- History ------------------------------------------------------------------------------------------------------------------


def test_a_history_has_the_reasons_of_the_rows() -> None:
    assert history(TIMED_OUT) == [
        "Session s1. All times are UTC.",
        "2026-03-01 09:00:00.000  alerting e1: The agent is being alerted.",
        "2026-03-01 09:00:03.000  connected e2: Both sides are connected.",
        "2026-03-01 09:00:08.000  acw.required e3: The agent requested after-call work.",
        "2026-03-01 09:01:03.000  disconnected e4: The leg ended. After-call work begins.",
        "2026-03-01 09:01:33.000  timer.acw: The deadline of after-call work has passed.",
    ]


NO_WAY_BACK = "A connected leg does not return to a pending state. A new offer is a new leg with a new id. Nothing changed."


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        (
            stream().connected().after(1).alerting(),
            [f"2026-03-01 09:00:01.000  alerting e2: Refused (no_way_back): {NO_WAY_BACK}"],
        ),
        (
            stream().connected().after(1).unknown(),
            ["2026-03-01 09:00:01.000  unknown e2: Ignored (unknown_type): The type of the event is unknown. Nothing changed."],
        ),
        (
            stream().connected().after(1).connected(),
            ["2026-03-01 09:00:01.000  connected e2: The event repeats the current state. Nothing changed."],
        ),
        (
            stream().connected(viewer_url="https://v").after(1).updated(viewer_url="https://new", wrapup_prompt="optional"),
            [
                (
                    "2026-03-01 09:00:01.000  updated e2: Details or settings changed: viewerUrl to https://new, "
                    "wrapupPrompt to optional."
                )
            ],
        ),
        (
            stream().connected().after(1).required(required=False),
            ["2026-03-01 09:00:01.000  acw.required e2: The agent does not request after-call work."],
        ),
        (
            stream().connected(wrapup_prompt=UnknownPrompt("newfangled"), cobrowse_role="spectator"),
            [
                (
                    "2026-03-01 09:00:00.000  connected e1: Both sides are connected. (unknown cobrowseRole 'spectator', kept as "
                    "it came) (unknown wrapupPrompt 'newfangled', kept as it came)"
                )
            ],
        ),
        (
            stream(delay=2.001).connected(),
            ["2026-03-01 09:00:00.000  connected e1: Both sides are connected.", "Arrived 2.001 s late."],
        ),
        (stream(delay=2).connected(), ["2026-03-01 09:00:00.000  connected e1: Both sides are connected."]),
        (
            stream(delay=300).connected().after(1).alerting(),
            [f"2026-03-01 09:00:01.000  alerting e2: Refused (no_way_back): {NO_WAY_BACK}", "Arrived 5 min 0 s late."],
        ),
        (
            LATE,
            [
                "2026-03-01 09:01:17.220  wrapup e5: The agent saved the wrap-up, which completes after-call work.",
                (
                    "Arrived 58 min 42 s late. Until then the session showed wrapup.code ININ-WRAP-UP-TIMEOUT, "
                    "set by timer.acw at 2026-03-01 09:01:33.000."
                ),
            ],
        ),
    ],
)
def test_what_is_unusual_is_in_the_history(events: Iterable[Event], lines: list[str]) -> None:
    found = history(SessionLog.of(events))[-len(lines) :]

    assert [line.strip() for line in found] == lines


def test_an_entry_of_a_history_has_its_sentences_in_one_text() -> None:
    first, second = stream("s1").connected().after(60).disconnected("peer")
    log = SessionLog.of([second, evolve(first, received_at=at(120))])

    assert history_entries(log)[0].text == (
        "2026-03-01 09:00:00.000  connected e1: Both sides are connected. Arrived 2 min 0 s late. Until then the session showed "
        "initialState disconnected."
    )


def test_unknown_json_and_settings_are_no_fields_of_a_part() -> None:
    names = {name for field in explainable_fields() for name in field.split(".")}

    assert not names & {"extra", "self_"}
    assert "settings" not in explainable_fields()


def test_a_correction_is_in_the_history_with_what_the_session_showed_until_then() -> None:
    (ended,) = stream().disconnected("peer")
    (corrected,) = stream().disconnected("transfer", sequence="2", received_at=at(90))

    assert history(SessionLog.of([ended, corrected])) == [
        "Session s1. All times are UTC.",
        "2026-03-01 09:00:00.000  disconnected e1: The leg ended. A leg that never connected has no after-call work.",
        (
            "                         Corrected at 2026-03-01 09:01:30.000 by edition 2. Until then the session showed "
            "disconnectType peer."
        ),
    ]


def test_a_correction_of_settings_is_in_the_history_with_the_settings_until_then() -> None:
    (stated,) = stream().connected(wrapup_prompt="optional", sequence="1")
    (corrected,) = stream().connected(wrapup_prompt="mandatory", sequence="2", received_at=at(90))

    assert history(SessionLog.of([stated, corrected]))[2].strip() == (
        "Corrected at 2026-03-01 09:01:30.000 by edition 2. Until then the session showed settings.wrapupPrompt optional."
    )


def test_a_correction_until_which_the_session_showed_nothing_else_says_no_more() -> None:
    (stated,) = stream().connected(sequence="1")
    (corrected,) = stream().connected(viewer_url="https://v", sequence="2", received_at=at(90))

    assert history(SessionLog.of([stated, corrected]))[2].strip() == "Corrected at 2026-03-01 09:01:30.000 by edition 2."


@pytest.mark.parametrize(("late", "sentence"), [(0, []), (1, ["1 event came"]), (2, ["2 events came"])])
def test_events_that_came_after_a_session_was_sealed_are_counted_in_its_history(late: int, sentence: list[str]) -> None:
    log = SessionLog.of(stream().connected().after(1).disconnected())
    assert log.seal(at(100))
    for number in range(late):
        log.add(stream(start=at(2)).updated(id=f"late {number}").events[0])

    told = [f"{events} after the session was sealed, and changed nothing." for events in sentence]
    assert [*after_sealing(log)] == told
    assert history(log)[3:] == told


def test_an_early_arrival_of_a_later_event_is_in_the_history() -> None:
    first, second = stream().alerting(received_at=at(1.5)).after(1).connected(received_at=at(1.2))

    assert history(SessionLog.of([second, first]))[2].strip() == (
        "Arrived at 2026-03-01 09:00:01.500, after later events. Until then the session showed initialState connected, "
        "connectedTime 2026-03-01T09:00:01.200Z, segments.0.startTime 2026-03-01T09:00:01.000Z."
    )


# --- The commands -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    other = stream("s2", start=at(1)).alerting()
    path.write_text("".join(encode_event(event) + "\n" for event in (*LIFE, *other)), encoding="utf-8", newline="\n")
    return path


def test_the_command_explains(events: Path) -> None:
    done = command("explain", events, "s1", "connectedTime")

    assert (done.code, done.out.splitlines()) == (0, str(explain(WHOLE, "connectedTime")).splitlines())


def test_the_command_tells_one_life(events: Path) -> None:
    done = command("history", events, "s1")

    assert (done.code, done.out.splitlines()) == (0, history(WHOLE))


def test_the_command_tells_all_lives(events: Path) -> None:
    done = command("history", "-", stdin=events.read_bytes())

    lives = [part.splitlines() for part in done.out.split("\n\n")]
    assert done.code == 0
    assert lives == [
        history(WHOLE),
        ["Session s2. All times are UTC.", "2026-03-01 09:00:01.000  alerting e1: The agent is being alerted."],
    ]


def test_the_options_of_replay_count_here_too(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in stream().connected().after(9).disconnected()))
    options = "--acw", "timeout", "--acw-timeout", "30", "--until", "end"

    assert "  set by     timer.acw, at 2026-03-01T09:00:39.000Z" in command("explain", path, "s1", "wrapup.code", *options).out
    assert (
        command("history", path, *options).out.splitlines()[-1].endswith("timer.acw: The deadline of after-call work has passed.")
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain", "{events}", "s3", "state"), "s1, s2"),
        (("explain", "{events}", "s1", "colour"), "afterCallWorkRequired"),
        (("history", "{events}", "s3"), "s1, s2"),
        (("history", "no-such-file"), "No such file"),
        (("explain", "{events}", "s1", "state", "--until", "never"), "never"),
    ],
)
def test_a_session_or_a_field_that_is_not_there_is_wrong_usage(arguments: tuple[str, ...], told: str, events: Path) -> None:
    done = command(*(argument.format(events=events) for argument in arguments))

    words = " ".join(done.err.replace("│", " ").split())
    assert (done.code, done.out) == (2, "")
    assert told in words
    assert "Traceback" not in done.err


@pytest.mark.parametrize("arguments", [("history", "{events}"), ("explain", "{events}", "s1", "state")])
def test_a_line_that_cannot_be_read_is_said_and_exits_with_1(arguments: tuple[str, ...], events: Path) -> None:
    events.write_bytes(events.read_bytes() + b"{\n")

    done = command(*(argument.format(events=events) for argument in arguments))

    assert f"{events}:7: not_json" in done.err
    assert done.out
    assert done.code == 1  # as the help says


@pytest.mark.parametrize("count", range(5))
def test_a_time_line_is_indexed_as_a_tuple_is(count: int) -> None:
    every = tuple(Segment(type=f"{number}") for number in range(count))
    line = Segments(every)

    for index in range(-count, count):
        assert line[index] is every[index]
    for index in (count, -count - 1):
        with pytest.raises(IndexError):
            line[index]
    assert (tuple(line), line[1:], line[:1]) == (every, every[1:], every[:1])
    assert line == every
    assert line != (*every, Segment())


@pytest.mark.parametrize("field", ["providerEventTime", "segments.3.endTime", "segments.900.endTime"])
def test_to_explain_a_field_costs_one_step_an_event(field: str) -> None:
    long, short = (SessionLog.of(_alternating(count)) for count in (2_000, 1_000))

    assert calls(lambda: explain(long, field)) < 2.1 * calls(lambda: explain(short, field))


def _alternating(count: int) -> tuple[Event, ...]:
    call = stream("s1")
    for number in range(count):
        call = (call.offering() if number % 2 else call.alerting()).after(1)
    return tuple(call)


def test_revisions_of_a_long_time_line_take_no_page_each() -> None:
    call = stream("s1")
    for number in range(600):
        call = (call.offering() if number % 2 else call.alerting()).after(1)
    events = list(call)
    swapped = [
        evolve(one, received_at=following.occurred_at + timedelta(milliseconds=5))
        for one, following in zip(events[::2], events[1::2], strict=True)
    ]
    reason = explain(SessionLog.of([*events[1::2], *swapped]), "segments")

    assert len(reason.earlier) >= 299
    assert max(map(len, reason.earlier)) < 4000
    assert str(reason).splitlines()[0].endswith("and 580 more].")
