"""What `make demo` shows: an example stream replayed, a line a leg."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from cobrowse_session import CobrowseSession, Event, Refused
from cobrowse_session.edge.replay import read_events, replay
from cobrowse_session.model import FOREVER
from cobrowse_session.stream import SessionLog

EVENTS = Path(__file__).parent / "events.jsonl"


def main() -> None:
    """Replay the example and say what became of it."""
    with EVENTS.open("rb") as file:
        legs = replay(read_events(file, print), until=FOREVER)
    by_conversation = defaultdict(list)
    for leg in legs:
        by_conversation[conversation(leg)].append(leg)
    for name, members in by_conversation.items():
        print(f"Conversation {name}")
        for leg in members:
            print(f"  {life(leg.session)}")
        print()
    for leg in legs:
        for step in leg.trace:
            if isinstance(step.outcome, Refused):
                print(f"Refused: {leg.session.id}, {step.event.type}, {step.outcome.rule}.\n  {step.outcome.sentence}\n")
            if isinstance(step.event, Event) and (lag := step.event.received - step.event.occurred_at) > timedelta(seconds=2):
                print(f"Late: {leg.session.id}, {step.event.type}, {lag.total_seconds():.0f} s after it happened.")
                print("  Its after-call work had timed out before it came; the session is as if it had come in time.\n")
    print("Next:")
    print("  .venv/bin/cobrowse-session replay examples/events.jsonl --until end   the sessions themselves")
    print("  .venv/bin/cobrowse-session replay examples/events.jsonl --trace trace.jsonl   why they are so")
    print("  .venv/bin/cobrowse-session validate examples/events.jsonl   is every line right?")
    print("  .venv/bin/cobrowse-session --help")
    print("  make test")


def conversation(leg: SessionLog) -> str | None:
    """The conversation that the leg's events name."""
    return next((event.conversation_id for event in leg.events), None)


def life(session: CobrowseSession) -> str:
    """One leg in one line: alert, connection, end, after-call work; durations come from segments, which are on one clock."""
    lasted = {s.type: s.end_time - s.start_time for s in session.segments or () if s.start_time and s.end_time}
    began = session.segments[0].start_time if session.segments else None
    talk = f"connected {spoken(lasted['Interact']):>11}" if "Interact" in lasted else "never connected"
    return (
        f"{session.id:<5} {began:%H:%M:%S}  alert {spoken(lasted['Alert']):>6}  {talk:<21}  "
        f"end: {session.disconnect_type:<8}  after-call work: {after_call_work(session)}"
    )


def after_call_work(session: CobrowseSession) -> str:
    """How after-call work went."""
    work, wrapup = session.after_call_work, session.wrapup
    if work is None:
        return "none"
    took = "" if work.start_time is None or work.end_time is None else f" {spoken(work.end_time - work.start_time)}"
    return f"{work.state}{took}" + (f", {wrapup.code}" if wrapup else "")


def spoken(duration: timedelta) -> str:
    """A duration as a person reads it."""
    minutes, seconds = divmod(duration.total_seconds(), 60)
    return f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
