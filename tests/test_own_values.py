"""What own actions and own events write: it is read back as it was, or it is refused where it is written."""

import json
from copy import copy
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import pytest
from attrs import define, evolve, frozen, setters
from hypothesis import given
from hypothesis import strategies as st

from cobrowse_session import CobrowseSession, Lifecycle, SessionLog
from cobrowse_session.lifecycle.actions import apply_details
from cobrowse_session.lifecycle.own_values import value_checks
from cobrowse_session.tables import CONNECTION_STATES, NO_TRANSITION, Event, Policy, Row, Table, writes
from cobrowse_session.testing import stream
from cobrowse_session.vocabulary import Vocabulary
from cobrowse_session.wire import decode_event, decode_session, encode_event, encode_session, restore_log, save_log

# --- A table whose action writes whatever it is told --------------------------------------------------------------------------


class Mood(Vocabulary):
    """How somebody feels."""

    GOOD = "good"
    VERY_BAD = "veryBad"


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class OwnSession(CobrowseSession):
    """Fields of every type, with and without a default."""

    count: int | None = 5
    flag: bool | None = False
    must: int = 0
    share: float | None = None
    until: datetime | None = None
    lasts: timedelta | None = None
    word: str | None = "none"
    mood: Mood | str | None = None
    feeling: str | Mood | None = None
    words: tuple[str, ...] | None = None
    counts: tuple[int, ...] = ()
    shares: tuple[float, ...] | None = None
    times: tuple[datetime, ...] | None = ()


@frozen(kw_only=True, repr=False)
class Told(Event):
    """Somebody told the action what to write."""

    prefix, kind, rank = "com.acme.", "told", 66

    field: str


TO_WRITE: dict[str, Any] = {}


@writes("count")
def write(session: OwnSession, event: Told, _: Policy) -> None:
    """Whatever it is told."""
    setattr(session, event.field, TO_WRITE[event.field])


TABLE = Table.standard().extended(
    "told",
    kinds=(Told,),
    session=OwnSession,
    connection=(
        Row(name="told", on=("told",), source=CONNECTION_STATES, result=NO_TRANSITION, actions=(write,), reason="It was told."),
    ),
)
FIELDS = ("count", "flag", "must", "share", "until", "lasts", "word", "mood", "words", "counts", "shares", "times")
ITEMS = {
    "count": "int",
    "flag": "bool",
    "must": "int",
    "share": "float",
    "until": "datetime",
    "lasts": "timedelta",
    "word": "text",
    "mood": "text",
}
ONE: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    10**4299,
    10**4300,
    10**400,
    0.5,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "a",
    "VERY_BAD",
    "\ud800",
    Mood.GOOD,
    b"a",
    datetime(2026, 1, 1),  # noqa: DTZ001 (the point)
    datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(1960, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5))),
    datetime.max.replace(tzinfo=UTC),
    timedelta(microseconds=1500),
    timedelta(microseconds=-1),
    timedelta.max,
    object(),
    {1: 2},
]
VALUES = st.sampled_from(ONE) | st.lists(st.sampled_from(ONE), max_size=2) | st.lists(st.sampled_from(ONE), max_size=2).map(tuple)
CALL = stream("s1").connected().after(1)


def told(field: str, value: object) -> Event:
    TO_WRITE[field] = value
    return CALL.event(Told, field=field).events[-1]


def begun() -> SessionLog[OwnSession]:
    return SessionLog.of(CALL, Lifecycle(table=TABLE))


@given(st.sampled_from(FIELDS), VALUES)
def test_what_an_action_writes_is_read_back_or_refused_with_the_row_and_the_field(field: str, value: object) -> None:  # KEEP-13
    log = begun()
    session, trace, saved = copy(log.session), log.trace, save_log(log)
    try:
        log.add(told(field, value))
    except (TypeError, ValueError) as error:
        assert str(error).startswith(f"row 'told': action write: {field}")  # noqa: PT017 (some are taken)
        assert (log.session, log.trace, save_log(log)) == (session, trace, saved)
    else:
        document = json.loads(json.dumps(save_log(log)))
        document["table"]["code"] = "another"  # fold anew, and compare with the session as it was saved
        for again in (restore_log(save_log(log), table=TABLE), restore_log(document, table=TABLE)):
            assert again.restored is not None
            assert (again.session, again.restored.changed) == (log.session, ())
            assert again.trace == log.trace
        assert decode_session(encode_session(log.session), table=TABLE) == log.session


@pytest.mark.parametrize(
    ("field", "value", "error", "says"),
    [
        ("count", True, TypeError, "count: expected int, found True"),
        ("must", None, TypeError, "must: expected int, found None"),
        ("share", float("nan"), ValueError, "share: expected a number that JSON has, found nan"),
        ("share", 10**400, ValueError, "share: expected a float, found an integer that is too large"),
        ("until", datetime(2026, 1, 1), TypeError, "until: expected an aware datetime"),  # noqa: DTZ001 (the point)
        *((field, (), TypeError, rf"{field}: expected {item}, found \(\)") for field, item in ITEMS.items()),
        *((field, (one,), TypeError, f"{field}: expected") for field, one in (("count", 1), ("share", 0.5), ("flag", True))),
        ("counts", ((1,),), TypeError, r"counts\[0\]: expected int, found \(1,\)"),
        ("times", ((),), TypeError, r"times\[0\]: expected datetime, found \(\)"),
        ("words", "ab", TypeError, "words: expected a tuple of str, found 'ab'"),
        ("words", ("a", 1), TypeError, r"words\[1\]: expected text, found 1"),
        ("mood", 7, TypeError, "mood: expected text, found 7"),
    ],
)
def test_a_value_that_could_not_be_read_back_is_refused_by_the_step_and_the_log(
    field: str, value: object, error: type[Exception], says: str
) -> None:
    rules = Lifecycle(table=TABLE)
    session = begun().session
    before = copy(session)
    for take in (begun().add, lambda event: rules.apply(session, event)):
        with pytest.raises(error, match=f"row 'told': action write: {says}"):
            take(told(field, value))
    assert session == before


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("share", 1, 1.0),
        ("shares", [1, 0.5], (1.0, 0.5)),
        ("words", ["a"], ("a",)),
        ("mood", "VERY_BAD", Mood.VERY_BAD),
        ("feeling", "VERY_BAD", Mood.VERY_BAD),
        ("lasts", timedelta(microseconds=1500), timedelta(milliseconds=1)),
        ("count", None, None),
    ],
)
def test_what_an_action_writes_is_kept_as_it_is_read_back(field: str, value: object, kept: object) -> None:
    log = begun()
    log.add(told(field, value))
    found = getattr(log.session, field)

    assert (found, type(found)) == (kept, type(kept))


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


def test_a_text_of_a_class_of_its_own_is_kept_as_a_plain_text() -> None:
    log = begun()
    log.add(told("word", Text("good")))

    assert type(log.session.word) is str


# --- Whose value it is --------------------------------------------------------------------------------------------------------


@writes("viewer_url")
def write_url(session: CobrowseSession, _event: Told, _: Policy) -> None:
    """A field of the standard class, as it is told."""
    session.viewer_url = TO_WRITE["viewer_url"]


def table_of(*actions: Any) -> Table:
    """Return a table with one own row that has these actions."""
    row = Row(name="told", on=("told",), source=CONNECTION_STATES, result=NO_TRANSITION, actions=actions, reason="It was told.")
    return Table.standard().extended("told", kinds=(Told,), session=OwnSession, connection=(row,))


@pytest.mark.parametrize(
    "actions", [(write, write_url), (write_url, write), (write_url, write, apply_details), (apply_details, write, write_url)]
)
@pytest.mark.parametrize(("field", "action"), [("count", "write"), ("viewer_url", "write_url")])
def test_a_wrong_value_names_the_action_that_says_it_writes_the_field(actions: tuple[Any, ...], field: str, action: str) -> None:
    log = SessionLog.of(CALL, Lifecycle(table=table_of(*actions)))
    TO_WRITE.update(count=1, viewer_url="https://view.example")
    wrong = told(field, 7.5)

    with pytest.raises(TypeError, match=f"row 'told': action {action}: {field}: expected"):
        log.add(wrong)


def test_a_wrong_value_of_a_field_that_no_action_names_has_the_name_of_the_last_own_action() -> None:
    log = SessionLog.of(CALL, Lifecycle(table=table_of(write_url, write, apply_details)))
    TO_WRITE["viewer_url"] = "https://view.example"

    with pytest.raises(TypeError, match="row 'told': action write: must: expected int, found 'x'"):
        log.add(told("must", "x"))


def test_only_rows_with_an_own_action_are_checked() -> None:
    table = table_of(write)

    assert {row.name for row in (*table.connection, *table.after_call_work) if value_checks(row, OwnSession)} == {"told"}


def test_a_row_whose_own_actions_write_no_field_that_is_read_has_no_check() -> None:
    @writes()
    def count(_session: CobrowseSession, _event: Event, _: Policy) -> None:
        """Nothing of the session."""

    row = Row(name="told", on=("told",), source=CONNECTION_STATES, result=NO_TRANSITION, actions=(count,), reason="It was told.")
    assert value_checks(row, CobrowseSession) == ()


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class Priced(CobrowseSession):
    """A session with a field that is not read from JSON."""

    price: Decimal | None = None


@writes("price")
def write_price(session: Priced, _event: Event, _: Policy) -> None:
    """Nothing that a price is."""
    session.price = cast(Any, "free")


def test_a_field_of_a_type_that_is_not_read_from_json_is_as_the_action_wrote_it() -> None:
    row = evolve(table_of(write).connection[-1], actions=(write_price,))
    rules = Lifecycle(table=Table.standard().extended("priced", kinds=(Told,), session=Priced, connection=(row,)))
    session = rules.new("s1")
    for event in CALL.event(Told, field=""):
        rules.apply(session, event)

    assert session.price == "free"


def test_a_session_of_another_class_has_no_value_to_check() -> None:
    log = begun()
    plain = decode_session(encode_session(log.session))  # of the standard class, which lacks the fields

    Lifecycle(table=table_of(write_url)).apply(plain, told("viewer_url", "https://view.example"))

    assert plain.viewer_url == "https://view.example"


def test_a_saved_session_that_cannot_be_read_follows_from_its_events() -> None:
    log = begun()
    log.add(told("count", 7))
    document = save_log(log)
    document["state"]["count"] = True
    again = restore_log(document, table=TABLE)

    assert again.session == log.session
    assert again.restored is not None
    assert again.restored.changed == ("count",)


# --- None beside another default ----------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Counted(Event):
    """Somebody counted."""

    prefix, kind, rank = "com.acme.", "counted", 66

    needed: int | None
    count: int | None = 5
    sure: bool | None = False
    plain: int = 1
    unset: int | None = None


COUNTED = Table.standard().extended("counted", kinds=(Counted,), like={"counted": "updated"})


@given(
    st.fixed_dictionaries(
        {"needed": st.none() | st.integers(0, 1)},
        optional={
            "count": st.sampled_from((None, 5, 0)),
            "sure": st.sampled_from((None, False, True)),
            "plain": st.sampled_from((1, 0)),
            "unset": st.sampled_from((None, 0)),
        },
    )
)
def test_none_is_read_back_as_none_whatever_the_default_is(given_: dict[str, Any]) -> None:
    (event,) = stream("s1").event(Counted, **given_)

    assert decode_event(encode_event(event), table=COUNTED) == event
