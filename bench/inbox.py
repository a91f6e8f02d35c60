"""The question: what does a deadline cost in an inbox that has many."""

from datetime import timedelta
from functools import partial

from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import Connected, Disconnected, Lifecycle, Settings
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.testing.stream import START

FEW, MANY = 2_000, 200_000
FIRED = 100
ROUNDS = 7
TEXT = (
    "Inboxes of legs that have ended, each with pending after-call work and a deadline of its own. *Next* is "
    f"`Inbox.deadline`. *Fire* is `Inbox.advance` to the next deadline, which fires one timer. Medians of {ROUNDS} "
    f"interleaved rounds of {FIRED}."
)


def measure(_: int) -> Section:
    """Measure both inboxes."""
    inboxes = {size: filled(size) for size in (FEW, MANY)}
    ways = {f"fire, {size:,}": partial(_fire, inbox) for size, inbox in inboxes.items()}
    ways |= {f"next, {size:,}": partial(_next, inbox) for size, inbox in inboxes.items()}
    cost = interleaved(ways, ROUNDS)
    rows = [
        [what, f"{cost[f'{what}, {FEW:,}'] / 1000:,.1f}", f"{cost[f'{what}, {MANY:,}'] / 1000:,.1f}", times(ratio)]
        for what in ("next", "fire")
        for ratio in (cost[f"{what}, {MANY:,}"] / cost[f"{what}, {FEW:,}"],)
    ]
    return Section(
        "Inbox",
        TEXT,
        ("", f"µs, {FEW:,} deadlines", f"µs, {MANY:,} deadlines", "ratio"),
        rows,
        (Ratio("inbox: fire a deadline of 200,000 / of 2,000", rows[1][3], "–"),),
    )


def filled(size: int) -> Inbox:
    """Return an inbox with so many deadlines."""
    inbox = Inbox(Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(hours=12))))
    for number in range(size):
        name, at = f"session-{number}", START + timedelta(milliseconds=100 * number)
        inbox.add(Connected(subject=name, source="/test", id="1", occurred_at=at), at)
        inbox.add(Disconnected(subject=name, source="/test", id="2", occurred_at=at), at)
    return inbox


def _fire(inbox: Inbox) -> float:
    def fire() -> None:
        for _ in range(FIRED):
            assert inbox.deadline is not None
            assert len(inbox.advance(inbox.deadline).changes) == 1

    return nanoseconds(fire) / FIRED


def _next(inbox: Inbox) -> float:
    return nanoseconds(lambda: [inbox.deadline for _ in range(FIRED)]) / FIRED
