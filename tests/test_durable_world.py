"""The simulated world over a store: what must hold in memory holds on disk, too, and every planted bug is found."""

# ruff: noqa: SLF001 (a bug is planted where the code is, and that is within)

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from tests.durable_world import DurableWorld
from tests.effort import share
from tests.soak import Figures

from cobrowse_session import Change, SessionLog
from cobrowse_session.store.shelf import Shelf
from cobrowse_session.store.unit import Unit

SEEDS = range(max(60, share(60)))  # fewer worlds have not all faults
FAULTS = ("lost", "duplicated", "delayed", "reordered", "conflicting", "garbled", "host crashes", "rules changed", "sealed")


def test_what_must_hold_holds_in_every_world_over_a_store(tmp_path: Path) -> None:
    figures = Figures()
    for seed in SEEDS:
        figures.count(DurableWorld(seed, tmp_path).run())

    assert figures.worlds == len(SEEDS)
    assert {fault for fault in FAULTS if not figures.faults[fault]} == set()


# --- Planted bugs -------------------------------------------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def memory_is_kept_after_a_rollback(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Shelf, "drop", lambda shelf, sessions: shelf.keep(getattr(sessions, "copy", dict)()))


def the_event_is_not_stored_where_it_is_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Unit, "_add_late", lambda *_: None)


def a_copy_that_differs_is_not_stored(patch: pytest.MonkeyPatch) -> None:
    real = SessionLog.keeps
    patch.setattr(SessionLog, "keeps", lambda log, event: real(log, event) and not log.holds(event))


def a_timer_that_fired_is_not_stored(patch: pytest.MonkeyPatch) -> None:
    real = Unit.advance

    def advance(unit: Unit, now: datetime, limit: int) -> dict[str, tuple[SessionLog, Change]]:
        changes = real(unit, now, limit)
        unit._changed.clear()
        return changes

    patch.setattr(Unit, "advance", advance)


PLANTED: Sequence[Plant] = (
    memory_is_kept_after_a_rollback,
    the_event_is_not_stored_where_it_is_late,
    a_copy_that_differs_is_not_stored,
    a_timer_that_fired_is_not_stored,
)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    for seed in range(60):
        try:
            DurableWorld(seed, tmp_path).run()
        except Exception:  # noqa: BLE001 (the bug shows)
            return
    pytest.fail("no world found it")
