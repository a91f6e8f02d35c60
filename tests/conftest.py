"""The effort of a run, the slow files, and the way to the modules of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # importlib mode puts nothing there

if TYPE_CHECKING:
    from tests.postgresql import Server
    from tests.stores import Databases, Place

for name, examples in {"quick": 5, "default": 20, "soak": 100}.items():  # tests/effort.py
    settings.register_profile(name, max_examples=examples, deadline=None, derandomize=True)
settings.load_profile("default")

SLOW = {
    "test_atomic.py",
    "test_broken_disk.py",
    "test_cases.py",
    "test_clocks_command.py",
    "test_commands_pictures.py",
    "test_commands_sessions.py",
    "test_conformance_mutants.py",
    "test_conversation_service.py",
    "test_convert.py",
    "test_corpus.py",
    "test_crash.py",
    "test_durable_inbox.py",
    "test_exhaustive.py",
    "test_genesys_properties.py",
    "test_jobs.py",
    "test_migrations.py",
    "test_plugin.py",
    "test_packaging.py",
    "test_reading.py",
    "test_readme.py",
    "test_reconcile.py",
    "test_replay.py",
    "test_saved.py",
    "test_serve_page.py",
    "test_service.py",
    "test_service_guard.py",
    "test_service_live.py",
    "test_service_schemas.py",
    "test_sources.py",
    "test_store.py",
    "test_store_connections.py",
    "test_store_epoch.py",
    "test_store_repair.py",
    "test_store_sealing.py",
    "test_store_transfer.py",
    "test_store_unreadable.py",
    "test_strategies.py",
    "test_table_mutants.py",
    "test_terminal.py",
    "test_test_kit_payloads.py",
    "test_verify.py",
    "test_a_reader_that_goes_away_is_no_error",
    "test_convert_and_replay_are_a_pipeline",
    "test_docstrings_are_plain",
    "test_every_character_is_printable_afterwards_or_was_a_harmless_one",
    "test_every_state_event_and_setting_gives_one_outcome",
    "test_no_color_leaves_no_color",
    "test_the_asyncio_example_takes_events_fires_deadlines_and_ends_by_itself",
    "test_the_clocks_that_are_observed_are_bounded",
    "test_the_replay_by_hand_writes_the_bytes_of_the_command",
    "test_twice_as_many_copies_of_one_event_cost_twice_as_many_calls",
}
"""Files and tests that start processes, stop at each line, read large inputs or simulate much: not in `make quick`."""

LONG = {
    "test_clock_worlds.py",
    "test_files.py",
    "test_hostile_input.py",
    "test_hostile_pictures.py",
    "test_jobs.py",
    "test_setup.py",
    "test_sphinx.py",
    "test_store_repair.py",
    "test_stream_files.py",
    "test_world.py",
    "test_a_broken_document_is_a_decode_error_with_a_path_and_never_anything_else",
    "test_a_hostile_payload_gives_events_or_warnings_or_a_decode_error",
    "test_a_long_log_in_any_order_shows_what_the_fold_says",
    "test_a_failing_conversation_is_printed_as_a_short_builder_chain",
    "test_a_parameter_that_is_a_set_reads_the_same_in_every_run",
    "test_four_workers_over_one_database_give_the_result_of_one",
    "test_an_own_event_of_a_drawn_stream_is_printed_as_the_call_that_builds_it",
    "test_any_order_of_arrival_advance_and_restart_shows_what_the_fold_says",
    "test_the_next_of_many_deadlines_is_found_and_fired_without_looking_at_each_log",
    "test_strategies_have_the_kinds_of_an_own_table",
    "test_tokens_come_from_a_file_or_the_environment",
    "test_what_json_does_not_have_is_a_decode_error_with_a_path_wherever_it_is",
}
"""What simulates worlds, starts many processes, installs or repeats much: not in `make test`. The oldest and the newest
Python of `make pythons` run it."""

SOAK = {
    "test_a_case_finds_each_error_in_the_table_that_is_not_equivalent",
    "test_a_case_finds_each_naive_mistake",
    "test_a_signal_while_a_command_starts_or_ends_leaves_a_whole_folder_and_no_child",
}
"""What depends on how busy the machine is, or is a proof of which `make test` has a sample: in `make soak` only."""

MEASURED = {
    "test_a_guard_or_an_action_that_raises_leaves_the_log_as_it_was",
    "test_a_log_that_was_sealed_under_a_table_of_ones_own_is_restored_as_it_was_without_the_table",
    "test_a_naive_datetime_is_the_callers_type_error_and_a_year_out_of_bounds_an_error",
    "test_a_sealed_log_that_is_put_on_a_new_one_counts_and_hands_back_what_came_too_late",
    "test_a_sealed_log_that_the_alerting_timer_ended_knows_a_repeat_after_a_restart",
    "test_a_timer_that_no_row_of_today_takes_is_not_explained",
    "test_a_value_that_the_same_rows_would_not_write_today_is_not_explained",
    "test_activity.py",
    "test_acw_started.py",
    "test_advance_that_raises_leaves_the_log_as_it_was",
    "test_after_call_work.py",
    "test_an_unreadable_time_is_an_error",
    "test_any_field_is_explained_or_is_wrong_usage",
    "test_changes.py",
    "test_checks.py",
    "test_clock.py",
    "test_connection.py",
    "test_copies.py",
    "test_details_and_settings.py",
    "test_durations.py",
    "test_errors.py",
    "test_explain.py",
    "test_lifecycle.py",
    "test_log.py",
    "test_log_corners.py",
    "test_machine.py",
    "test_merge.py",
    "test_odd_sessions.py",
    "test_observers.py",
    "test_order.py",
    "test_own_tables.py",
    "test_own_timers.py",
    "test_own_values.py",
    "test_plan.py",
    "test_printable.py",
    "test_reprs.py",
    "test_session_json.py",
    "test_table_checks.py",
    "test_the_history_of_a_log_that_was_sealed_under_another_table_has_its_reasons_without_what_changed",
    "test_the_lifecycle_of_a_log_cannot_be_changed",
    "test_trace_rows.py",
    "test_what_is_no_event_of_the_session_leaves_the_log_as_it_was",
    "test_words.py",
    "test_wrapup.py",
}
"""Files and tests that reach every branch of the core. Coverage doubles the time of a test, so the others run without it."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the slow tests, the long ones, and those that coverage leaves out."""
    function = getattr(item, "originalname", "")
    names = {item.path.name, function}
    if names & SLOW:
        item.add_marker("slow")
    if names & (LONG | SOAK):
        item.add_marker("long")
    if names & SOAK:
        item.add_marker("soak")
    if not names & MEASURED or function in SLOW | LONG:
        item.add_marker("no_cover")


# --- Databases ----------------------------------------------------------------------------------------------------------------

# ruff: noqa: PLC0415 (most tests need no database)


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[Server]":
    """Run a server of PostgreSQL. Where none is installed, the test is skipped, or fails if REQUIRE_POSTGRESQL is set."""
    from tests.stores import a_server

    with a_server() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Databases]":
    """Return what makes databases of each kind."""
    from tests.stores import postgresql_databases, sqlite_databases

    if request.param == "sqlite":
        made = sqlite_databases(tmp_path_factory.mktemp("databases"))
    else:
        made = postgresql_databases(request.getfixturevalue("postgresql"))
    yield made
    made.close()


@pytest.fixture
def place(databases: "Databases") -> "Iterator[Place]":
    """Return a database of each kind that has the tables of a store, and no row."""
    with databases.emptied() as one:
        yield one
