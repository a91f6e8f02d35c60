"""The pytest plugin, in runs of pytest of its own."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# The runs of pytest in this process take the modules that are here, so that each class is there once.
import cobrowse_session.store
import cobrowse_session.testing.checked
import cobrowse_session.testing.differences
import cobrowse_session.testing.strategies  # noqa: F401
from cobrowse_session import CobrowseSession, SessionLog, Wrapup
from cobrowse_session.testing import stream
from cobrowse_session.testing.differences import differences
from cobrowse_session.wire import encode_entry
from cobrowse_session.wire.trace import trace_entries

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
HANDLER = ROOT / "examples" / "test_your_handler"

HEAD = """
import pytest
from cobrowse_session import *
from cobrowse_session.testing import run, stream

CALL = stream("s1").alerting().after(3).connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
SAVED = CALL.after(14).wrapup("sale")
"""


def ran(pytester: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    """Run a file of tests in this process."""
    pytester.makepyfile(HEAD + body)
    return pytester.runpytest_inprocess(*options)


# --- What a mistake shows -----------------------------------------------------------------------------------------------------

MISTAKES = {
    "expect(SessionLog.of(SAVED), wrap_up=None)": "wrap_up: a session has no attribute 'wrap_up'",
    "run(SAVED).expect(Applied.match(row='alertin'))": "has no row 'alertin'",
    "run(SAVED).expect(state='connected')": "session.state: expected 'connected', found 'disconnected'",
    "stream('s1').connected(wrapup_promt='timeout')": "Did you mean wrapup_prompt",
    "stream('s1').after('5 minutes')": "expected a duration as 250ms",
    "together(stream().connected(), stream().alerting())": "give one stream another source",
    "from_jsonl('{')": "DecodeError",
    "drop(SAVED, 'conected')": "expected a kind of the events",
    "payloads(SAVED, 'conversations')": "family: expected one of conversation",
    "rows(without=('begin',))": "rows: without:",
}


def test_a_mistake_in_a_call_of_the_kit_shows_the_line_of_the_test_and_nothing_of_the_kit(pytester: pytest.Pytester) -> None:
    tests = "".join(f"def test_{number}():\n    {call}\n" for number, call in enumerate(MISTAKES))
    imports = """
from cobrowse_session.testing import expect, from_jsonl, together
from cobrowse_session.testing.mischief import drop
from cobrowse_session.testing.paths import rows
from cobrowse_session.testing.payloads import payloads
"""
    result = ran(pytester, imports + tests, "--showlocals")

    result.assert_outcomes(failed=len(MISTAKES))
    for call, message in MISTAKES.items():
        result.stdout.fnmatch_lines_random([f">   *{call.replace('[', '[[]')}", f"E *{message}*"])
    result.stdout.no_fnmatch_line("*cobrowse_session?testing?*.py:*")


# --- What it imports ----------------------------------------------------------------------------------------------------------


def test_the_plugin_imports_nothing_of_the_package(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        def test_one():
            assert "pytest_cobrowse_session" in sys.modules
            assert not [name for name in sys.modules if name.startswith("cobrowse_session") or name == "hypothesis"]
            assert {"a": 1} == {"a": 1}
    """)

    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_it_works_without_hypothesis_and_freezegun(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules.update(dict.fromkeys(('hypothesis', 'freezegun', 'xdist')))")
    pytester.makepyfile(
        HEAD
        + """
def test_one(cobrowse):
    assert cobrowse.log(SAVED).session.wrapup.code == "sale"
"""
    )

    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:freezegun", "--cobrowse-coverage"
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Table standard: 5 of *"])


def test_it_can_be_switched_off(pytester: pytest.Pytester) -> None:
    result = ran(pytester, "def test_one(cobrowse): pass", "-p", "no:cobrowse_session")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'cobrowse' not found"])


def test_it_is_one_line_of_the_head_and_has_its_options_in_one_group(pytester: pytest.Pytester) -> None:
    head = ran(pytester, "def test_one(): pass", "--cobrowse-coverage")
    options = pytester.runpytest_inprocess("--help")

    head.stdout.fnmatch_lines(["cobrowse-session: *, coverage of the table", "No test used the fixture cobrowse. *"])
    options.stdout.fnmatch_lines(["cobrowse-session:", "*--cobrowse-coverage*", "*--cobrowse-stories=DIR*"])


# --- What it checks -----------------------------------------------------------------------------------------------------------


def test_a_test_passes_where_all_was_looked_at(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_log(cobrowse):
    log = cobrowse.log(SAVED)
    assert log.session.wrapup.code == "sale"

def test_inbox(cobrowse):
    inbox = cobrowse.inbox()
    for event in CALL:
        inbox.add(event)
    inbox.advance(CALL.after(30).now)
    assert inbox.logs["s1"].session.wrapup.code == "ININ-WRAP-UP-TIMEOUT"

def test_refusal(cobrowse):
    cobrowse.log(CALL.after(1).wrapup().after(1).wrapup("sale"))
    assert cobrowse.refusals == [Refused.match(rule="code_required")]
""",
    )

    result.assert_outcomes(passed=3)


def test_a_refusal_that_nobody_looked_at_is_an_error(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_log(cobrowse):
    cobrowse.log(CALL.after(1).wrapup().after(1).wrapup("sale"))

def test_later(cobrowse):
    log = cobrowse.log(SAVED)
    assert cobrowse.refusals == []
    log.add(SAVED.after(1).alerting().events[-1])
""",
    )

    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*session 's1': wrapup 'e4' was refused, and nobody looked at it: code_required: *",
            "*session 's1': alerting 'e5' was refused, and nobody looked at it: session_is_over: *",
        ]
    )


def test_a_deadline_that_nobody_fired_is_an_error(pytester: pytest.Pytester) -> None:
    result = ran(pytester, "def test_log(cobrowse): cobrowse.log(CALL)")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*session 's1': the deadline 2026-03-01T09:01:33.000Z was not fired. *"])


def test_what_an_observer_raises_is_an_error(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def bills(log, _):
    log.session.start_alerting_time.isoformat()

def test_unlooked(cobrowse):
    cobrowse.inbox(observers=[bills]).add(stream("s1").connected().events[0])

def test_looked(cobrowse):
    cobrowse.inbox(observers=[bills]).add(stream("s1").connected().events[0])
    assert [type(error) for error in cobrowse.errors] == [AttributeError]
""",
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["a function of yours raised AttributeError: 'NoneType' * in bills). If it shall raise: look at cobrowse.errors"]
    )


BROKEN = """
    inbox = cobrowse.inbox(RULES, seal_after=timedelta(0))
    inbox.receive("{")
    late = stream("s1").alerting().after(3).disconnected().after(1).alerting().events
    for event in late[:2]:
        inbox.add(event, event.occurred_at)
    inbox.advance(stream("s1").after("1h").now)
    inbox.add(late[2])
"""
BROKEN_HEAD = "from datetime import timedelta\nRULES = Lifecycle()\n"


def test_input_that_was_rejected_and_events_that_were_lost_are_errors(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        f"""
{BROKEN_HEAD}
def test_unlooked(cobrowse):{BROKEN}

def test_looked(cobrowse):{BROKEN}
    assert [rejected.error.error for rejected in cobrowse.rejections] == ["not_json"]
    assert [event.id for event in cobrowse.lost] == ["e3"]

@pytest.mark.cobrowse(allow_rejected=True, allow_lost=True)
def test_allowed(cobrowse):{BROKEN}
""",
    )

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            "input was rejected, * or allow it: @pytest.mark.cobrowse(allow_rejected=True)",
            "session 's1': alerting 'e3' came after * or allow it: @pytest.mark.cobrowse(allow_lost=True)",
        ]
    )


def test_they_can_be_allowed_for_all_tests(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncobrowse_allow_rejected = true\ncobrowse_allow_lost = true")

    ran(pytester, f"{BROKEN_HEAD}\ndef test_allowed(cobrowse):{BROKEN}").assert_outcomes(passed=1)


def test_an_inbox_of_a_class_is_checked_in_each_test_for_what_came_in_it(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
@pytest.fixture(scope="module")
def inbox():
    from cobrowse_session.io.inbox import Inbox
    return Inbox(Lifecycle())

def fed(cobrowse, inbox, events):
    cobrowse.watch(inbox)
    for event in events:
        inbox.add(event)

def test_one(cobrowse, inbox):
    fed(cobrowse, inbox, CALL.after(1).wrapup().after(1).wrapup("sale"))
    assert len(cobrowse.refusals) == 1

def test_two(cobrowse, inbox):
    fed(cobrowse, inbox, stream("s2").alerting())
    assert cobrowse.refusals == []

def test_three(cobrowse, inbox):
    fed(cobrowse, inbox, stream("s3").connected())
    assert len(inbox.observers) == 1
""",
        "--cobrowse-coverage",
    )

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["Table standard: * 3 sessions."])


@pytest.mark.parametrize(
    ("before", "ini"),
    [
        ("@pytest.mark.cobrowse(allow_refused=True, allow_pending=True)", ""),
        ("pytestmark = pytest.mark.cobrowse(allow_refused=True)\n@pytest.mark.cobrowse(allow_pending=True)", ""),
        ("", "cobrowse_allow_refused = true\ncobrowse_allow_pending = true"),
    ],
    ids=["marker", "markers", "ini"],
)
def test_both_can_be_allowed(pytester: pytest.Pytester, before: str, ini: str) -> None:
    pytester.makeini(f"[pytest]\naddopts = --strict-markers\n{ini}")
    result = ran(
        pytester,
        f"""
{before}
def test_log(cobrowse):
    cobrowse.log(CALL.after(1).wrapup())
""",
    )

    result.assert_outcomes(passed=1)


def test_the_closest_marker_counts(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
pytestmark = pytest.mark.cobrowse(allow_pending=True)

@pytest.mark.cobrowse(allow_pending=False)
def test_log(cobrowse):
    cobrowse.log(CALL)
""",
    )

    result.assert_outcomes(passed=1, errors=1)


def test_a_misspelt_argument_of_the_marker_is_an_error(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
@pytest.mark.cobrowse(allow_penning=True)
def test_log(cobrowse):
    pass
""",
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expected one of allow_refused=True, *, found allow_penning*"])
    result.stdout.no_fnmatch_line("*cobrowse_session.py*")


@pytest.mark.parametrize("value", ["'no'", "1", "None"])
@pytest.mark.parametrize("name", ["allow_refused", "allow_pending"])
def test_an_argument_of_the_marker_that_is_no_truth_value_is_an_error(pytester: pytest.Pytester, name: str, value: str) -> None:
    result = ran(
        pytester,
        f"""
@pytest.mark.cobrowse({name}={value})
def test_log(cobrowse):
    cobrowse.log(CALL)
""",
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*@pytest.mark.cobrowse: {name}: expected True or False, found {value}*"])


def test_a_session_that_someone_wrote_to_is_an_error(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_log(cobrowse):
    log = cobrowse.log(SAVED)
    log.session.viewer_url = "https://example.com"
""",
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*session 's1' is not the fold of its events (found != expected):", "  viewerUrl: 'https://example.com' != None"]
    )


def test_a_log_that_cannot_be_checked_does_not_hide_the_others(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
class Broken(SessionLog):
    @property
    def copies(self):
        return {}["no such key"]

def test_logs(cobrowse):
    cobrowse.watch(Broken(Lifecycle(), "s0"))
    cobrowse.log(SAVED).session.viewer_url = "https://example.com"
""",
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["session 's0': it could not be checked: KeyError: 'no such key'", "session 's1' is not the fold of its events*"]
    )


def test_sessions_that_an_inbox_has_sealed_are_checked(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
from datetime import timedelta

def test_inbox(cobrowse):
    inbox = cobrowse.inbox(seal_after=timedelta(minutes=1))
    for event in SAVED.after(1).done():
        inbox.add(event, event.occurred_at)
    inbox.advance(SAVED.after("1h").now)
    assert not inbox.logs
    assert [log.sealed for log in cobrowse.logs] == [True]

def test_corrected(cobrowse):
    inbox = cobrowse.inbox(correct={"/test": timedelta(seconds=5)})
    for event in SAVED:
        inbox.add(event)
""",
    )

    result.assert_outcomes(passed=2)


def test_a_durable_inbox_is_watched_too(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
from cobrowse_session.store import DurableInbox, Store

def test_inbox(cobrowse):
    with Store("sqlite://") as store:
        inbox = cobrowse.watch(DurableInbox(store))
        for event in CALL:
            inbox.add(event)
""",
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the deadline 2026-03-01T09:01:33.000Z was not fired. *"])


def test_a_test_that_failed_or_was_expected_to_is_not_checked(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_failed(cobrowse):
    cobrowse.log(CALL)
    assert 0

@pytest.mark.xfail
def test_expected(cobrowse):
    cobrowse.log(CALL)
    assert 0
""",
    )

    result.assert_outcomes(failed=1, xfailed=1)


def test_a_subtest_that_ended_early_ends_no_test_and_one_that_failed_fails_it(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
import unittest

def ended(how):
    match how:
        case "skipped": pytest.skip("not here")
        case "expected": pytest.xfail("not yet")
        case "failed": assert 0

@pytest.mark.parametrize("how", ["passed", "skipped", "expected", "failed"])
def test_function(cobrowse, subtests, how):
    cobrowse.log(CALL)
    with subtests.test(how):
        ended(how)

class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def logged(self, cobrowse):
        cobrowse.log(CALL)

    def test_skipped(self):
        with self.subTest():
            self.skipTest("not here")

    def test_failed(self):
        with self.subTest():
            assert 0
""",
    )

    checked = re.findall(r"^ERROR .*::(\w+\S*)", str(result.stdout), re.MULTILINE)
    assert checked == ["test_function[passed]", "test_function[skipped]", "test_function[expected]", "test_skipped"]


def test_each_test_has_logs_of_its_own_in_any_order(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import random
        def pytest_collection_modifyitems(items):
            random.Random(7).shuffle(items)
    """)
    result = ran(
        pytester,
        """
@pytest.mark.parametrize("number", range(6))
def test_log(cobrowse, number):
    assert cobrowse.logs == ()
    cobrowse.log(CALL if number == 3 else SAVED)
""",
        "-v",
    )

    result.assert_outcomes(passed=6, errors=1)
    result.stdout.fnmatch_lines(["ERROR *test_log?3? - *"])


def test_the_first_error_stops_and_the_last_failed_run_again(pytester: pytest.Pytester) -> None:
    body = """
@pytest.mark.parametrize("number", range(3))
def test_log(cobrowse, number):
    cobrowse.log(CALL if number == 1 else SAVED)
"""
    ran(pytester, body, "-x").assert_outcomes(passed=2, errors=1)
    ran(pytester, body, "--lf").assert_outcomes(passed=1, errors=1)


# --- The story ----------------------------------------------------------------------------------------------------------------

FAILED = """
@pytest.mark.parametrize("name", ["a/b", "ä" * 200], ids=["a/b", "ä" * 200])
def test_failed(cobrowse, name):
    cobrowse.log(SAVED)
    assert 0
"""


@pytest.mark.parametrize("options", [("--cobrowse-stories=told",), ()], ids=["folder", "cache"])
def test_a_failed_test_leaves_a_story(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    result = ran(pytester, FAILED, *options)

    line, _ = [line for line in result.stdout.lines if line.startswith("what happened: ")]
    told = Path(line.removeprefix("what happened: ")).read_text(encoding="utf-8")
    assert ("told" in line) == bool(options)
    assert "The agent saved the wrap-up" in told
    assert ".wrapup('sale')" in told


def test_tests_with_almost_the_same_name_leave_a_story_each(pytester: pytest.Pytester) -> None:
    body = FAILED.replace('["a/b", "ä" * 200], ids=["a/b", "ä" * 200]', '["a/b", "a-b", "a b", "x" * 200 + "1", "y" * 200 + "1"]')

    ran(pytester, body, "--cobrowse-stories=told").assert_outcomes(failed=5)

    assert len([*(pytester.path / "told").iterdir()]) == 5


def test_the_name_of_a_story_has_the_name_of_the_test(pytester: pytest.Pytester) -> None:
    body = FAILED.replace('["a/b", "ä" * 200], ids=["a/b", "ä" * 200]', '["x" * 400]')

    ran(pytester, body, "--cobrowse-stories=told")

    (file,) = (pytester.path / "told").iterdir()
    assert "::test_failed".replace("::", "-") in file.name


@pytest.mark.parametrize(("option", "ini", "expected"), [("told", "", "inside/told"), ("", "told", "told")])
def test_a_relative_folder_starts_where_pytest_was_called_and_that_of_the_ini_file_at_the_root(
    pytester: pytest.Pytester, option: str, ini: str, expected: str
) -> None:
    pytester.makeini(f"[pytest]\ncobrowse_stories = {ini}")
    pytester.makepyfile(test_one=HEAD + FAILED)
    inside = pytester.mkdir("inside")
    command = [sys.executable, "-m", "pytest", "-n0", "..", *([f"--cobrowse-stories={option}"] if option else [])]

    subprocess.run(command, cwd=inside, capture_output=True, check=False)

    assert len([*(pytester.path / expected).iterdir()]) == 2


def test_a_test_that_passes_leaves_none(pytester: pytest.Pytester) -> None:
    ran(pytester, "def test_one(cobrowse): cobrowse.log(SAVED)", "--cobrowse-stories=told")

    assert not (pytester.path / "told").exists()


def test_without_a_cache_there_is_no_story(pytester: pytest.Pytester) -> None:
    result = ran(pytester, FAILED, "-p", "no:cacheprovider")

    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("what happened: *")


# --- Assertions ---------------------------------------------------------------------------------------------------------------


def test_two_outcomes_sessions_or_traces_show_the_fields_that_differ(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
ONE, OTHER = SessionLog.of(CALL), SessionLog.of(SAVED)

def test_outcomes():
    assert run(CALL).outcomes[1] == run(CALL).outcomes[2]

def test_match():
    assert run(SAVED).outcomes[-1] == Refused.match(rule="code_required", acw="pending")

def test_sessions():
    assert ONE.session == OTHER.session

def test_unknown_keys():
    assert CobrowseSession(id="s1", extra={"a": 1}) == CobrowseSession(id="s1", extra={"a": 2})

def test_traces():
    assert ONE.trace == OTHER.trace

def test_others():
    assert 1 == 2
""",
    )

    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(
        [
            "*assert two outcomes differ",
            "*row: 'connected' != 'ended+begins'",
            "*from_state: 'alerting' != 'connected'",
            "*assert two outcomes differ",
            "*outcome: 'applied' != 'refused'",
            "*acw: 'complete' != 'pending'",
            "*assert two sessions differ",
            "*wrapup.code: None != 'sale'",
            "*afterCallWork.state: 'pending' != 'complete'",
            "*assert two sessions differ",
            "*extra: {'a': 1} != {'a': 2}",
            "*assert traces of 3 and 4 entries differ",
            "*entry 4: only right has wrapup e4, applied by complete_by_code",
            "*assert 1 == 2",
        ]
    )


def test_unknown_keys_that_differ_are_shown_beside_other_fields() -> None:
    one = CobrowseSession(id="s1", viewer_url="a", wrapup=Wrapup(code="sale", extra={"a": 1}), extra={"a": 1})
    other = CobrowseSession(id="s1", viewer_url="b", wrapup=Wrapup(code="sale", extra={"a": 2}), extra={"a": 2})

    title, *lines = differences(one, other) or []

    assert title == "two sessions differ"
    assert sorted(line.partition(":")[0] for line in lines) == ["extra", "viewerUrl", "wrapup"]


def test_ids_and_errors_from_outside_are_printed_with_escapes(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        r"""
ESCAPED = "e\x1b[31m\u202e\n"
BEGIN = stream("s1").alerting(id=ESCAPED)

class Broken(SessionLog):
    @property
    def copies(self):
        raise LookupError(ESCAPED)

def test_another_entry():
    assert SessionLog.of(BEGIN).trace == SessionLog.of(stream("s1").alerting()).trace

def test_one_entry_more():
    assert SessionLog.of(BEGIN).trace == SessionLog.of(BEGIN.after(1).connected(id=ESCAPED + "2")).trace

def test_broken(cobrowse):
    cobrowse.watch(Broken(Lifecycle(), "s1"))
""",
    )

    result.assert_outcomes(failed=2, passed=1, errors=1)
    result.stdout.no_fnmatch_line("*\x1b*")
    result.stdout.no_fnmatch_line("*\u202e*")
    result.stdout.fnmatch_lines([r"*entry 1: alerting e\x1b*", r"*entry 2: only right has connected e\x1b*"])


# --- Coverage -----------------------------------------------------------------------------------------------------------------

COVERED = """
@pytest.mark.cobrowse(allow_pending=True)
@pytest.mark.parametrize("number", range(4))
def test_calls(cobrowse, number):
    cobrowse.log(CALL)

def test_saved(cobrowse):
    cobrowse.log(SAVED)
"""


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_coverage_is_shown_and_merged_over_workers(pytester: pytest.Pytester, workers: str) -> None:
    result = ran(pytester, COVERED, "--cobrowse-coverage", workers)

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*coverage of the table*", "Table standard: 5 of * rows, 4 of * cells *, 5 sessions."])


def test_a_worker_that_crashed_is_counted_because_its_coverage_is_missing(pytester: pytest.Pytester) -> None:
    body = COVERED + "\nimport os\ndef test_crash(): os._exit(1)\n"

    result = ran(pytester, body, "--cobrowse-coverage", "-n2")

    result.stdout.fnmatch_lines(["Workers that crashed, so that what their tests took is missing: 1"])


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_names_of_a_table_in_the_coverage_may_be_members_of_an_enum(pytester: pytest.Pytester, workers: str) -> None:
    result = ran(
        pytester,
        """
from enum import StrEnum
from attrs import frozen
from cobrowse_session.tables import CONNECTION_STATES, NO_TRANSITION, Row, Table

class Name(StrEnum):
    TABLE = "members"
    NOTED = "noted"

@frozen(kw_only=True, repr=False)
class Noted(Event):
    prefix, kind, rank = "com.acme.", Name.NOTED, 52

ROW = Row(name=Name.NOTED, on=(Name.NOTED,), source=CONNECTION_STATES, result=NO_TRANSITION, reason="Noted.")
TABLE = Table.standard().extended(Name.TABLE, kinds=(Noted,), connection=(ROW,))

def test_noted(cobrowse):
    cobrowse.log(stream("s1").event(Noted), Lifecycle(table=TABLE))
""",
        "--cobrowse-coverage",
        workers,
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Table members: 1 of *"])


def test_cells_are_listed_if_more_is_asked_for(pytester: pytest.Pytester) -> None:
    ran(pytester, COVERED, "--cobrowse-coverage").stdout.no_fnmatch_line("Events that never came in these states:")
    ran(pytester, COVERED, "--cobrowse-coverage", "-v").stdout.fnmatch_lines(["Events that never came in these states:"])


def test_two_tables_of_one_name_have_coverages_of_their_own(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
from attrs import evolve
from examples.tables import hold

def test_one(cobrowse):
    cobrowse.log(stream("s1").connected())

def test_two(cobrowse):
    cobrowse.log(stream("s1").connected(), Lifecycle(table=evolve(hold.TABLE, name="standard")))
""",
        "--cobrowse-coverage",
    )

    result.assert_outcomes(passed=2)
    assert len([line for line in result.stdout.lines if line.startswith("Table standard: 1 of ")]) == 2


def test_coverage_is_an_ini_setting_too(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncobrowse_coverage = true")

    ran(pytester, COVERED).stdout.fnmatch_lines(["Table standard: 5 of *"])


def test_random_examples_are_not_in_the_coverage_which_says_so(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
from hypothesis import given
from cobrowse_session.testing.checked import Logs
from cobrowse_session.testing.strategies import legal_streams

@given(legal_streams())
def test_any(made):
    with Logs.checked(allow_pending=True, allow_refused=True) as logs:
        logs.log(made)
""",
        "--cobrowse-coverage",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["No test used the fixture cobrowse. The logs of Logs.checked are not counted."])


def test_no_coverage_is_shown_where_none_is_asked_for(pytester: pytest.Pytester) -> None:
    ran(pytester, COVERED).stdout.no_fnmatch_line("*coverage of the table*")


@pytest.fixture
def production(pytester: pytest.Pytester) -> str:
    log = SessionLog.of(stream("s1").connected(wrapup_prompt="optional").after(1).disconnected().after(1).wrapup())
    lines = "\n".join(map(encode_entry, trace_entries(log)))
    pytester.path.joinpath("production.jsonl").write_text(lines, encoding="utf-8")
    return "--cobrowse-production=production.jsonl"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_production_takes_and_the_tests_never_do_is_shown(pytester: pytest.Pytester, production: str, workers: str) -> None:
    result = ran(pytester, COVERED, production, workers)

    result.stdout.fnmatch_lines(
        ["Table standard: 5 of *", "Rows that production takes and the tests never do:", "  skipped_by_agent ×1"]
    )


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (None, (), "*--cobrowse-production: *No such file*"),
        ("{}", (), "*--cobrowse-production: *session*"),
        ("", ("--cobrowse-table=nowhere",), "*--cobrowse-table: expected MODULE:NAME*"),
    ],
    ids=["no file", "no trace", "no table"],
)
def test_a_trace_of_production_that_cannot_be_read_is_wrong_usage(
    pytester: pytest.Pytester, content: str | None, options: tuple[str, ...], expected: str
) -> None:
    if content is not None:
        pytester.path.joinpath("production.jsonl").write_text(content, encoding="utf-8")
    result = ran(pytester, COVERED, "--cobrowse-production=production.jsonl", *options)

    result.stderr.fnmatch_lines([expected])


HELD = """
from examples.tables import hold

def test_held(cobrowse):
    cobrowse.log(stream("s1").connected().after(1).event(hold.Held), Lifecycle(table=hold.TABLE))
"""
RENAMED = HELD.replace("table=hold.TABLE", "table=evolve(hold.TABLE, name='standard')") + "\nfrom attrs import evolve\n"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
@pytest.mark.parametrize("body", [HELD, RENAMED, "def test_one(): pass"], ids=["another table", "of this name", "no fixture"])
def test_a_trace_of_production_whose_table_no_test_has_is_said_so(
    pytester: pytest.Pytester, production: str, body: str, workers: str
) -> None:
    result = ran(pytester, body, production, workers)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["The trace of production has the table standard. No test has a table of this name and these rows.*"]
    )


def test_a_trace_of_production_whose_table_a_test_has_has_no_such_line(pytester: pytest.Pytester, production: str) -> None:
    ran(pytester, COVERED + HELD, production).stdout.no_fnmatch_line("The trace of production has the table*")


def test_a_table_of_production_without_its_trace_is_wrong_usage(pytester: pytest.Pytester) -> None:
    result = ran(pytester, COVERED, "--cobrowse-table=examples.tables.hold:TABLE")

    result.stderr.fnmatch_lines(["*--cobrowse-table: it is the table of the trace of --cobrowse-production, which is missing"])


def test_a_table_of_production_without_its_trace_is_fine_in_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncobrowse_table = examples.tables.hold:TABLE")

    ran(pytester, COVERED).assert_outcomes(passed=5)


# --- Hypothesis ---------------------------------------------------------------------------------------------------------------


def test_statistics_say_which_rows_were_drawn(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
from hypothesis import given
from cobrowse_session.testing.strategies import legal_streams

@given(legal_streams())
def test_one(made):
    pass
""",
        "--hypothesis-show-statistics",
    )

    result.stdout.fnmatch_lines(["*%, row *"])


# --- The example --------------------------------------------------------------------------------------------------------------


def test_the_handler_of_the_example_is_tested_in_any_order(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(HANDLER, project)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--cobrowse-coverage", "-n0", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "Table standard: " in done.stdout


def test_the_example_has_ten_tests_in_less_than_seventy_lines() -> None:
    text = (HANDLER / "test_billing.py").read_text(encoding="utf-8")

    assert len([line for line in text.splitlines() if line]) < 70
    assert len(re.findall(r"^def test_", text, re.MULTILINE)) == 10


def test_a_story_that_cannot_be_written_does_not_end_the_run(pytester: pytest.Pytester) -> None:
    pytester.maketxtfile(taken="a file, and no folder")
    result = ran(
        pytester,
        """
def test_fails(cobrowse):
    cobrowse.log(SAVED)
    assert False

def test_passes():
    pass
""",
        "--cobrowse-stories=taken.txt",
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["the story could not be written: *"])


def test_a_refusal_in_another_log_counts_by_itself(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_two_logs(cobrowse):
    skip = stream("s1").connected(wrapup_prompt="mandatory").after(9).disconnected().after(3).wrapup().after(1).wrapup("a")
    cobrowse.log(skip)
    assert len(cobrowse.refusals) == 1
    cobrowse.log(skip)
""",
    )

    result.assert_outcomes(passed=1, errors=1)


def test_two_lists_of_outcomes_show_the_ones_that_differ(pytester: pytest.Pytester) -> None:
    result = ran(
        pytester,
        """
def test_outcomes():
    assert run(CALL).outcomes == [Applied.match(row="alerting"), Applied.match(row="details")]
""",
    )

    result.stdout.fnmatch_lines(
        [
            "*3 and 2 outcomes differ",
            "*outcome 2:",
            "*row: 'connected' != 'details'",
            "*outcome 3: only left has Applied(row='ended+begins'*",
        ]
    )
