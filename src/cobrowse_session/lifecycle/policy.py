"""The policy of a session: its settings over the lifecycle's defaults, as the specification reads them."""

from datetime import timedelta

from attrs import frozen

from cobrowse_session.lifecycle.states import STANDARD, States
from cobrowse_session.settings import Settings
from cobrowse_session.vocabulary import WrapupPrompt

DEFAULT_TIMEOUT_CODE = "ININ-WRAP-UP-TIMEOUT"
"""The wrap-up code that Genesys Cloud assigns if the agent saved none in time (ACW-23)."""

TIMED_PROMPTS = (WrapupPrompt.TIMEOUT, WrapupPrompt.FORCED_TIMEOUT)
"""The prompts that have a time limit."""


@frozen(kw_only=True)
class Policy:
    """The settings in force for one session. Guards and actions read them.

    Attributes:
        prompt: the wrap-up prompt. `mandatory` also for a time limit without a timeout (SETTING-7), `optional` also for an
            unknown prompt. None: no event and no default names one.
        acw_timeout: the longest duration of after-call work. None: no limit.
        alerting_timeout: the longest duration of an alert, with the grace (ALERT-3). None: the library never ends an alert.
        acw_when_unanswered: a leg that never connected may have after-call work (ACW-8).
        acw_after_transfer: a transferred leg may have after-call work (ACW-9).
        timeout_code: the wrap-up code that the timer assigns (ACW-23, ACW-24).
        states: the states of the table, in groups.
    """

    prompt: WrapupPrompt | None = None
    acw_timeout: timedelta | None = None
    alerting_timeout: timedelta | None = None
    acw_when_unanswered: bool = False
    acw_after_transfer: bool = True
    timeout_code: str = DEFAULT_TIMEOUT_CODE
    states: States = STANDARD


def prompt_in_force(settings: Settings) -> WrapupPrompt | None:
    """Return the prompt that counts. A time limit without a timeout behaves as `mandatory`, an unknown prompt as `optional`."""
    prompt = settings.wrapup_prompt
    if prompt is None:
        return None
    # Examples, as prompt and timeout of the queue, then what is in force:
    #
    #     timeout, 30 s          timeout, 30 s
    #     timeout, unset         mandatory, no limit: a time limit without a time would never end (SETTING-7)
    #     agentRequested, 30 s   agentRequested, 30 s
    #     mandatory, 30 s        mandatory, no limit: the prompt has none, so the timeout is of no use
    #     someday, 30 s          optional, no limit: an unknown prompt forbids nothing
    if prompt in TIMED_PROMPTS and settings.wrapup_timeout is None:
        return WrapupPrompt.MANDATORY
    return prompt if isinstance(prompt, WrapupPrompt) else WrapupPrompt.OPTIONAL


def acw_timeout_in_force(settings: Settings) -> timedelta | None:
    """Return the longest duration of after-call work (ACW-18). None: the prompt has no limit, or no timeout is set."""
    has_limit = prompt_in_force(settings) in (*TIMED_PROMPTS, WrapupPrompt.AGENT_REQUESTED)
    return settings.wrapup_timeout if has_limit else None


def alerting_timeout_in_force(settings: Settings, grace: timedelta | None) -> timedelta | None:
    """Return the alerting timeout plus the grace (ALERT-3). None: one of them is unset."""
    timeout = settings.alerting_timeout
    return None if timeout is None or grace is None else timeout + grace
