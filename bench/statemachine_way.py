"""The life on python-statemachine: the states of the leg and of after-call work, and their stamps. No settings, no refusals."""

from collections.abc import Iterable
from datetime import datetime

from statemachine import State, StateMachine

from cobrowse_session import Event


class Leg(StateMachine):
    """The connection. It has the states and the stamps of the life, and the grant."""

    none = State(initial=True)
    alerting = State()
    connected = State()
    disconnected = State()
    terminated = State(final=True)

    alert = none.to(alerting)
    connect = none.to(connected) | alerting.to(connected)
    update = connected.to.itself(internal=True)
    disconnect = none.to(disconnected) | alerting.to(disconnected) | connected.to(disconnected)
    terminate = disconnected.to(terminated)

    start_alerting_time: datetime | None = None
    connected_time: datetime | None = None
    disconnected_time: datetime | None = None
    controlling: tuple[str, ...] | None = None

    def on_alert(self, fact: Event) -> None:
        """Stamp the alert."""
        self.start_alerting_time = fact.received

    def on_connect(self, fact: Event) -> None:
        """Stamp the connection."""
        self.connected_time = fact.received

    def on_update(self, fact: Event) -> None:
        """Take the grant."""
        self.controlling = fact.details.controlling

    def on_disconnect(self, fact: Event) -> None:
        """Stamp the end."""
        self.disconnected_time = fact.occurred_at
        self.controlling = ()


class Work(StateMachine):
    """After-call work."""

    absent = State(initial=True)
    pending = State()
    complete = State()

    begin = absent.to(pending)
    save = pending.to(complete) | complete.to.itself(internal=True)

    start_time: datetime | None = None
    end_time: datetime | None = None
    code: str | None = None

    def on_begin(self, fact: Event) -> None:
        """Stamp the begin."""
        self.start_time = fact.occurred_at

    def on_save(self, fact: Event) -> None:
        """Stamp the end, and take the code."""
        self.end_time = self.end_time or fact.occurred_at
        self.code = getattr(fact, "code", None)


SENT = {"alerting": "alert", "connected": "connect", "updated": "update", "disconnected": "disconnect"}


def create() -> tuple[Leg, Work]:
    """Return both machines of a session."""
    return Leg(), Work()


def live(machines: tuple[Leg, Work], events: Iterable[Event]) -> None:
    """Live one life."""
    leg, work = machines
    for event in events:
        if event.kind == "wrapup":
            work.send("save", fact=event)
            continue
        leg.send(SENT[event.kind], fact=event)
        if event.kind == "disconnected":
            work.send("begin", fact=event)


def result(machines: tuple[Leg, Work]) -> tuple[object, ...]:
    """Return states and stamps, as `bench.step.result` of a session."""
    leg, work = machines
    states = next(iter(leg.configuration)).id, next(iter(work.configuration)).id
    return *states, leg.start_alerting_time, leg.connected_time, leg.disconnected_time, work.start_time, work.end_time, work.code
