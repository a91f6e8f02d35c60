"""Random streams, and what the standard table does with each event: `python -m tests.differential.streams DIRECTORY`.

XState and python-statemachine then run the exported machines on the same streams (`xstate.mjs`, `run_scxml.py`). They have no
guards of ours. So each step has the answers of the guards that were asked. If XState asks another one, that is a difference, too.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

from attrs import evolve, frozen
from tests.alphabet import MORE, NOW, STEP, SUBJECT, letters, with_each, with_settings
from tests.exhaustive import DETAILS

from cobrowse_session import CobrowseSession, Event, Lifecycle, Settings
from cobrowse_session.diagrams import PICTURES, render
from cobrowse_session.lifecycle.machine import Machines, RowTransition
from cobrowse_session.lifecycle.outcome import Applied, Fired, Outcome
from cobrowse_session.lifecycle.row import Guard, name_of, reads_event
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION, LEG_ENDED
from cobrowse_session.tables import Policy, Row, Table

ASKED: dict[str, bool] = {}
"""The answers of the guards that were asked since it was cleared."""


@reads_event
@frozen
class Asked:
    """A guard that notes its answer."""

    guard: Guard

    def __call__(self, session: CobrowseSession, event: Event, policy: Policy) -> bool:
        ASKED[name_of(self.guard)] = answer = bool(self.guard(session, event, policy))
        return answer


def _asking(table: Table) -> Table:
    def asking(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(evolve(row, guards=tuple(map(Asked, row.guards))) for row in rows)

    return evolve(table, name="asked", connection=asking(table.connection), after_call_work=asking(table.after_call_work))


STATED = (
    *(
        Settings(wrapup_prompt=prompt)
        for prompt in ("mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "none")
    ),
    *(Settings(wrapup_prompt=prompt, wrapup_timeout=steps * STEP) for prompt in ("timeout", "forcedTimeout") for steps in (1, 3)),
    Settings(alerting_timeout=STEP),
)
OFTEN = ("alerting", "connected", "connected", "disconnected", "disconnected", "wrapup", "wrapup", "acw.started", "acw.ended")


class Streams:
    """Makes streams by chance. All follow from the seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        table = _asking(Table.standard())
        self.lifecycles = [
            Lifecycle(
                table=table, settings=settings, acw_when_unanswered=unanswered, acw_after_transfer=transfer, alerting_grace=STEP
            )
            for settings in (Settings(), STATED[1], STATED[6])
            for unanswered in (False, True)
            for transfer in (False, True)
        ]
        self.events: dict[str, list[Event]] = {}
        for letter in letters(Table.standard(), MORE, (*with_each(**DETAILS), *with_settings(STATED)), is_late=False):
            if letter.event is not None and letter.event.occurred_at == NOW:
                self.events.setdefault(letter.event.kind, []).append(letter.event)

    def stream(self) -> list[list[Any]]:  # `Any`: JSON
        """Return the steps of one stream."""
        chance, lifecycle = self.chance, self.chance.choice(self.lifecycles)
        session, now, kinds = lifecycle.new(SUBJECT), NOW, [*self.events, *OFTEN]
        steps, states = list[list[Any]](), ["none", "absent"]
        for _ in range(chance.randint(4, 16)):
            now += chance.choice((0, 0, 1, 1, 2)) * STEP
            ASKED.clear()
            if chance.random() < 0.1:
                outcomes: tuple[Outcome, ...] = lifecycle.advance(session, now)
            else:
                event = evolve(chance.choice(self.events[chance.choice(kinds)]), occurred_at=now)
                outcome = lifecycle.apply(session, event)
                outcomes = (*outcome.fired, outcome)
            for one in outcomes:
                kind = one.timer if isinstance(one, Fired) else event.kind
                steps += _steps(one, kind, lifecycle.machines, states)
        return steps


def _steps(one: Outcome, kind: str, built: Machines, states: list[str]) -> Iterator[list[Any]]:  # `Any`: JSON
    """Yield what one outcome is in each machine: machine, event, row, state afterwards, answers. `states` are those before it."""
    after = str(one.to_state if isinstance(one, Applied) else one.from_state), str(one.acw or "absent")
    for event, row in zip((kind, LEG_ENDED), (one.row or "").split("+"), strict=False):
        if row:  # stale events have none
            place = int(event not in built.connection.events)
            yield [place, event, row, after[place], _answers(built.triggers[event].row_transitions(states[place]))]
            states[place] = after[place]


def _answers(cell: list[RowTransition]) -> dict[str, bool]:
    """Return the answers of guards. Once one of a row said no, the plan asks no other of that row, so they count as no."""
    answers = dict(ASKED)
    for one in cell:
        names = [name_of(cast(Asked, guard).guard) for guard in one.row.guards]
        if not all(answers.get(name, True) for name in names):
            answers |= {name: False for name in names if name not in answers}
    return answers


def main() -> None:
    """Read the command line, and write the machines and the streams."""
    parser = argparse.ArgumentParser(description="Random streams, and what the standard table does with each event.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--streams", type=int, default=100_000, help="so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="all follows from it (default: %(default)s)")
    options = parser.parse_args()
    folder: Path = options.directory
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        (folder / f"{picture}.xstate.json").write_text(render(picture, "xstate"), encoding="utf-8")
        (folder / f"{picture}.scxml").write_text(render(picture, "scxml"), encoding="utf-8")
    actions = [{row.name: [name_of(action) for action in row.actions] for row in rows} for rows in (CONNECTION, AFTER_CALL_WORK)]
    (folder / "actions.json").write_text(json.dumps(actions), encoding="utf-8")
    made = Streams(options.seed)
    with (folder / "streams.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(options.streams):
            file.write(json.dumps(made.stream(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
