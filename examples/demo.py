"""Replay an example stream and a captured notification, and print one line for each leg: `make demo`."""

from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

from cobrowse_session import CobrowseSession, Event, Refused, SessionLog
from cobrowse_session.io.payloads import read_payloads
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.stream.words import length
from cobrowse_session.times import MAX_TIME

HERE = Path(__file__).parent


def main() -> None:
    """Replay the examples and print the legs, the refusals and the late events."""
    with (HERE / "events.jsonl").open("rb") as file:
        legs = replay(read_events(file, print), until=MAX_TIME)
    by_conversation = defaultdict(list)
    for leg in legs:
        by_conversation[conversation(leg)].append(leg)
    for name, members in by_conversation.items():
        print(f"Conversation {name}")
        for leg in members:
            print(f"  {life(leg.session)}")
    for leg in legs:
        for step in leg.trace:
            if isinstance(step.outcome, Refused):
                print(f"Refused: {leg.session.id}, {step.event.type}, {step.outcome.rule}. {step.outcome.reason}")
            if isinstance(step.event, Event) and (lag := step.event.received - step.event.occurred_at) > timedelta(seconds=2):
                print(f"Late:    {leg.session.id}, {step.event.type}, {length(lag)} late, applied in its place.")
    captured()
    command = ".venv/bin/cobrowse-session"
    print(f"""
Next:
  {command} replay examples/events.jsonl --trace trace.jsonl     the sessions, and the outcome of each event
  {command} history examples/events.jsonl ben                    what happened in a session, in sentences
  {command} explain examples/events.jsonl ben wrapup.endTime     which event set a field, by which rule
  {command} convert examples/captures/notification_agent_disconnected.json    a payload as events
  {command} --help""")


def captured() -> None:
    """Convert a captured notification of the platform, replay it, and compare the sessions with the platform's record."""
    with (HERE / "captures" / "notification_agent_disconnected.json").open("rb") as file:
        ((_, converted),) = read_payloads(file, print)
    logs = replay(converted.events)
    print("A captured notification, converted and replayed")
    for log in logs:
        print(f"  {life(log.session)}")
    results = Counter(one.result for one in reconcile((log.session for log in logs), converted.legs).compared)
    print(f"  beside the platform's own record: {', '.join(f'{count} fields {result}' for result, count in results.items())}")


def conversation(leg: SessionLog) -> str | None:
    """Return the conversation that the leg's events name."""
    return leg.context.conversation_id


def life(session: CobrowseSession) -> str:
    """Return a leg in one line: alert, connection, end, after-call work. Durations come from segments, which are on one clock."""
    lasted = {s.type: s.end_time - s.start_time for s in session.segments or () if s.start_time and s.end_time}
    began = session.segments[0].start_time if session.segments else session.disconnected_time
    alert = f"alert {length(lasted['Alert']):>6}" if "Alert" in lasted else "no alert"
    talk = f"connected {length(lasted['Interact']):>11}" if "Interact" in lasted else "never connected"
    if session.disconnected_time is None:
        talk = f"{session.state} still"
    return (
        f"{(session.id or '')[:8]:<8}  {began:%H:%M:%S}  {alert:<12}  {talk:<21}  "
        f"end: {session.disconnect_type or '-':<8}  after-call work: {after_call_work(session)}"
    )


def after_call_work(session: CobrowseSession) -> str:
    """Return the state of after-call work, its length and the wrap-up code."""
    work, wrapup = session.after_call_work, session.wrapup
    if work is None:
        return "none"
    took = "" if work.start_time is None or work.end_time is None else f" {length(work.end_time - work.start_time)}"
    return f"{work.state}{took}" + (f", {wrapup.code}" if wrapup else "")


if __name__ == "__main__":
    main()
