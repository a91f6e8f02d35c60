"""Three tests that fail. The documentation shows what pytest prints for them."""

from billing import RULES
from test_billing import CALL, SAVED, SKIPPED, billing, fed


def test_a_skip_is_taken(billing):
    fed(billing, SKIPPED.after(1).wrapup("sale"))


def test_a_call_without_a_code_is_not_billed(billing):
    assert fed(billing, CALL) == {}


def test_both_calls_have_the_same_wrapup(cobrowse):
    saved, skipped = cobrowse.log(SAVED, RULES), cobrowse.log(SKIPPED, RULES)
    assert saved.session == skipped.session
