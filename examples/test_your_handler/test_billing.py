from itertools import permutations

import pytest
from billing import RULES, Billing
from hypothesis import given

from cobrowse_session import Refused, SessionLog
from cobrowse_session.testing import stream
from cobrowse_session.testing.checked import Logs
from cobrowse_session.testing.paths import rows
from cobrowse_session.testing.strategies import any_streams
from cobrowse_session.wire import encode_event

CALL = stream("s1").alerting().after(3).connected().after("5m").disconnected("peer")
SAVED, SKIPPED = CALL.after(14).wrapup("sale"), CALL.after(8).wrapup()
# The rows of the table that RULES never reach.
NEVER = ("alert_timed_out", "none_after_alert_timeout", "none_without_prompt", "skipped_after_transfer")


def fed(billing, events):
    for event in events:
        billing.on_event(encode_event(event), event.received)
    return billing.codes


def expected(log):
    """What is billed: written once more, from the session alone."""
    work, wrapup = log.session.after_call_work, log.session.wrapup
    is_billed = work is not None and work.state == "complete" and wrapup is not None and wrapup.code
    return {log.session_id: wrapup.code} if is_billed else {}


@pytest.fixture
def billing(cobrowse):
    billing = Billing()
    cobrowse.watch(billing.inbox)  # checked at the end of each test
    return billing


def test_a_saved_call_is_billed(billing):
    assert fed(billing, SAVED) == {"s1": "sale"}


@pytest.mark.cobrowse(allow_pending=True)
def test_a_call_without_a_code_is_not_billed(billing):
    assert fed(billing, CALL) == {}


def test_a_forgotten_code_is_billed_as_a_timeout(billing):
    fed(billing, CALL)
    billing.on_time(CALL.after(30).now)
    assert billing.codes == {"s1": "ININ-WRAP-UP-TIMEOUT"}


def test_a_code_that_comes_late_replaces_the_timeout(billing):
    fed(billing, CALL)
    billing.on_time(CALL.after(30).now)
    assert fed(billing, SAVED) == {"s1": "sale"}


def test_a_skip_is_refused(billing, cobrowse):
    assert fed(billing, SKIPPED.after(1).wrapup("sale")) == {"s1": "sale"}
    assert cobrowse.refusals == [Refused.match(rule="code_required")]


@pytest.mark.parametrize("order", [*permutations(SAVED)][::8], ids=lambda order: "-".join(event.id for event in order))
def test_the_order_of_arrival_does_not_matter(billing, order):
    assert fed(billing, order) == {"s1": "sale"}


def test_a_repeat_is_not_billed_twice(billing):
    assert fed(billing, [*SAVED, *SAVED]) == {"s1": "sale"}


def test_a_corrected_code_is_billed(billing):
    assert fed(billing, SAVED.after("1h").wrapup("lease")) == {"s1": "lease"}


@pytest.mark.cobrowse(allow_pending=True, allow_refused=True)
@pytest.mark.parametrize("path", rows(RULES, without=NEVER), ids=str)
def test_every_row_is_billed_as_its_session_says(billing, path):
    fed(billing, path.stream)
    billing.on_time(path.stream.now)  # the last step of a path may be a timer
    assert billing.codes == expected(SessionLog.of(path.stream, RULES, until=path.stream.now))


@given(any_streams())
def test_billing_agrees_with_a_log_on_any_stream(made):
    with Logs.checked(allow_refused=True, allow_pending=True):
        codes = fed(Billing(), made)
    assert codes == expected(SessionLog.of(made, RULES))
