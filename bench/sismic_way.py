"""The life on sismic: one statechart with two regions, the states and their stamps. No settings, no refusals."""

from collections.abc import Iterable
from typing import Any

from sismic.interpreter import Interpreter
from sismic.io import import_from_yaml

from cobrowse_session import Event

CHART = import_from_yaml("""
statechart:
  name: session
  preamble: |
    alerted = connected_at = disconnected = started = ended = code = controlling = None
  root state:
    name: session
    parallel states:
      - name: leg
        initial: none
        states:
          - name: none
            transitions:
              - {target: alerting, event: alerting, action: alerted = event.sent.received}
          - name: alerting
            transitions:
              - {target: connected, event: connected, action: connected_at = event.sent.received}
          - name: connected
            transitions:
              - {event: updated, action: controlling = event.sent.details.controlling}
              - target: disconnected
                event: disconnected
                action: |
                  disconnected = event.sent.occurred_at
                  controlling = ()
          - name: disconnected
      - name: work
        initial: absent
        states:
          - name: absent
            transitions:
              - {target: pending, event: disconnected, action: started = event.sent.occurred_at}
          - name: pending
            transitions:
              - target: complete
                event: wrapup
                action: |
                  ended = event.sent.occurred_at
                  code = event.sent.code
          - name: complete
            transitions:
              - {event: wrapup, action: code = event.sent.code}
""")


def create() -> Any:
    """Return the interpreter of a session. `Any`: sismic has no types."""
    return Interpreter(CHART)


def live(interpreter: Any, events: Iterable[Event]) -> None:
    """Live one life."""
    for event in events:
        interpreter.queue(event.kind, sent=event).execute()


def result(interpreter: Any) -> tuple[object, ...]:
    """Return states and stamps, as `bench.step.result` of a session."""
    held = interpreter.context
    leg, work = (next(one for one in names if one in interpreter.configuration) for names in (LEGS, WORKS))
    stamps = ("alerted", "connected_at", "disconnected", "started", "ended", "code")
    return leg, work, *(held[name] for name in stamps)


LEGS = ("none", "alerting", "connected", "disconnected")
WORKS = ("absent", "pending", "complete")
