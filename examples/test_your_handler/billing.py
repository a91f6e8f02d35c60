"""A handler: it keeps the code under which each call is billed. A call without a code is not billed."""

from datetime import datetime, timedelta

from cobrowse_session import Change, Lifecycle, SessionLog, Settings
from cobrowse_session.io.inbox import Inbox

RULES = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))


class Billing:
    """The codes of the calls whose after-call work is complete."""

    def __init__(self) -> None:
        self.inbox = Inbox(RULES, observers=[self._bill])
        self.codes: dict[str, str] = {}

    def on_event(self, raw: str, now: datetime | None = None) -> None:
        """Take what the transport delivers."""
        self.inbox.receive(raw, now)

    def on_time(self, now: datetime) -> None:
        """Fire what is due."""
        self.inbox.advance(now)

    def _bill(self, log: SessionLog, _: Change) -> None:
        work, wrapup = log.session.after_call_work, log.session.wrapup
        if work is not None and work.state == "complete" and wrapup is not None and wrapup.code:
            self.codes[log.session_id] = wrapup.code
        else:
            self.codes.pop(log.session_id, None)  # it was billed too early
