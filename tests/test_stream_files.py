"""Files as they really arrive: shuffled, tripled, compressed, damaged, too long for memory; and what the summary says of them."""

import gzip
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from types import FrameType

import pytest
from tests.strategies import at
from tests.test_replay import EXAMPLES, Result, command, lines

from cobrowse_session.io.replay import Replay
from cobrowse_session.stream import SessionLog
from cobrowse_session.testing import Stream, stream
from cobrowse_session.wire import encode_event

CORPUS = Path(__file__).parent / "corpus"
CAPTURES = ("community_user_end_event", "conversation_four_alert_timeouts", "notification_agent_disconnected")
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
PROMPTS = ("mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "none")


def generated(sessions: int = 200) -> bytes:
    """A working day: a session every 20 s of whatever life, none longer than 10 minutes; lines in the order of time."""
    chance = random.Random(11)
    return arranged([life(chance, number) for number in range(sessions)])


def life(chance: random.Random, number: int) -> Stream:
    call = stream(f"s{number}", start=at(20 * number), source=chance.choice(("/a", "/b")), delay=0.03)
    call = call.alerting(
        wrapup_prompt=chance.choice(PROMPTS), wrapup_timeout=30, alerting_timeout=20, conversation_id=f"c{number // 3}"
    )
    if chance.random() < 0.2:  # nobody answers; sometimes nobody says so
        return call if chance.random() < 0.5 else call.after(20.1).disconnected("system")
    call = call.after(3).connected(cobrowse_role="viewer").after(chance.randrange(9, 300))
    if chance.random() < 0.3:
        call = call.required().after(1)
    call = call.disconnected(chance.choice(("peer", "client", "transfer")))
    for _ in range(chance.randrange(3)):
        call = call.after(chance.randrange(1, 40))
        call = chance.choice(
            (Stream.done, Stream.alerting, Stream.unknown, lambda c: c.wrapup("sale"), lambda c: c.wrapup("x", provisional=True))
        )(call)
    return call.after(1).terminated() if chance.random() < 0.3 else call


def arranged(calls: Sequence[Stream]) -> bytes:
    every = sorted((event for call in calls for event in call), key=attrgetter("occurred_at"))
    return "".join(encode_event(event) + "\n" for event in every).encode()


def mixed(content: bytes) -> bytes:
    """Every line three times, in any order."""
    every = content.splitlines(keepends=True) * 3
    random.Random(3).shuffle(every)
    return b"".join(every)


def replayed(folder: Path, content: bytes, *options: str) -> tuple[Result, bytes, bytes]:
    """What the command says, the sessions and the trace that it writes."""
    sessions, trace = folder / "sessions.jsonl", folder / "trace.jsonl"
    done = command("replay", "-", "-o", sessions, "--trace", trace, *options, stdin=content)
    assert done.code == 0, done.err
    return done, sessions.read_bytes(), trace.read_bytes()


def counted(done: Result) -> dict[str, str]:
    """The lines of the summary, by their name."""
    return dict(re.findall(r"^  (\S.*?) {2,}(\S.*)$", done.err, re.MULTILINE))


OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "until the end": ("--until", "end"),
    "graced": ("--alerting-grace", "0.25"),
    "timed": ("--acw", "timeout", "--acw-timeout", "30"),
    "graced until the end": ("--until", "end", "--alerting-grace", "0.25", "--acw", "FORCED_TIMEOUT", "--acw-timeout", "7.5"),
}


# --- Any order, any repetition ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("file", ["examples/events.jsonl", "generated"])
def test_a_file_shuffled_and_tripled_gives_the_same_sessions_and_the_same_trace(
    file: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    content = generated() if file == "generated" else (EXAMPLES / "events.jsonl").read_bytes()

    plain, *files = replayed(tmp_path, content, *options)
    shuffled, *again = replayed(tmp_path, mixed(content), *options)

    number = content.count(b"\n")
    assert again == files
    assert (counted(plain)["repeats"], counted(shuffled)["repeats"]) == ("0", str(2 * number))
    assert counted(shuffled)["conflicts"] == "0"
    assert int(counted(shuffled)["out of order"]) > 0
    assert f"{3 * number:,} events" in shuffled.err


@pytest.mark.parametrize("options", [OPTIONS["plain"], OPTIONS["graced until the end"]], ids=["plain", "graced"])
@pytest.mark.parametrize("capture", CAPTURES)
def test_a_capture_converted_shuffled_and_tripled_gives_the_same_sessions_and_the_same_trace(
    capture: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    converted = command("convert", CORPUS / capture / "payload.json")
    content = converted.out.encode()

    _, *files = replayed(tmp_path, content, *options)

    assert converted.code == 0
    assert content
    assert list(replayed(tmp_path, mixed(content), *options)[1:]) == files


# --- Too long for memory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [OPTIONS["plain"], OPTIONS["graced until the end"]], ids=["plain", "graced"])
def test_sealing_gives_the_same_files_where_nothing_comes_later_than_that(options: tuple[str, ...], tmp_path: Path) -> None:
    content = generated()

    _, *files = replayed(tmp_path, content, *options)
    done, *sealed = replayed(tmp_path, content, *options, "--seal-after", "600")

    assert sealed == files
    assert counted(done)["late"] == "0"


def test_sealing_gives_the_same_files_of_events_that_come_in_disorder_but_in_time(tmp_path: Path) -> None:
    chance = random.Random(5)
    arrivals = [(number + chance.uniform(0, 40), line) for number, line in enumerate(generated().splitlines(keepends=True))]
    content = b"".join(line for _, line in sorted(arrivals))  # some four events a minute: out of place by a quarter of an hour

    plain, *files = replayed(tmp_path, content)
    done, *sealed = replayed(tmp_path, content, "--seal-after", "3600")

    assert sealed == files
    assert int(counted(plain)["out of order"]) > 100
    assert (counted(done)["late"], counted(done)["out of order"]) == ("0", counted(plain)["out of order"])


def test_what_comes_after_a_session_was_sealed_is_counted_as_late_and_changes_nothing(tmp_path: Path) -> None:
    first, *others = lines(CALL, *(stream(f"t{minute}", start=at(60 * minute)).alerting() for minute in range(30))).splitlines(
        True
    )
    tail = [first, lines(CALL.after(1).updated(peer_id="p")).splitlines(True)[-1]]

    _, *without = replayed(tmp_path, b"".join([first, *others]), "--seal-after", "300")
    done, *sealed = replayed(tmp_path, b"".join([first, *others, *tail]), "--seal-after", "300")
    unsealed, *_ = replayed(tmp_path, b"".join([first, *others, *tail]))

    assert sealed == without
    assert (counted(done)["late"], counted(done)["repeats"]) == ("2", "0")
    assert (counted(unsealed)["late"], counted(unsealed)["repeats"]) == ("0", "1")
    assert "35 events, 31 sessions" in done.err


def test_a_timer_fires_before_its_session_is_sealed(tmp_path: Path) -> None:
    pending = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected()
    content = lines(pending, *(stream(f"t{minute}", start=at(60 * minute)).alerting() for minute in range(1, 30)))

    done, sessions, _ = replayed(tmp_path, content, "--seal-after", "300")

    assert b'"endTime":"2026-03-01T09:00:40.000Z"' in sessions
    assert counted(done)["timers"] == "1   timer.acw 1"


@pytest.mark.parametrize("value", ["-1", "nan", "1e300", "soon"])
def test_a_senseless_seal_after_is_wrong_usage(value: str) -> None:
    done = command("replay", "-", "--seal-after", value, stdin=lines(CALL))

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("year", [1970, 9998])
def test_one_wrong_time_seals_no_other_session(year: int, tmp_path: Path) -> None:
    wrong = lines(stream("wrong").alerting()).replace(b"2026-", f"{year}-".encode())
    every = generated().splitlines(keepends=True)
    middle = len(every) // 2

    plain, *_ = replayed(tmp_path, b"".join(every), "--seal-after", "600")
    done, sessions, _ = replayed(tmp_path, b"".join([*every[:middle], wrong, *every[middle:]]), "--seal-after", "600")

    assert (counted(done)["late"], counted(plain)["late"]) == ("0", "0")
    assert len(sessions.splitlines()) == 201


@pytest.mark.parametrize("seal_after", [timedelta(0), timedelta(seconds=1), timedelta.max])
def test_the_looks_at_sessions_are_not_more_than_the_events(seal_after: timedelta) -> None:
    """Sessions that never end stay; a look at all of them after each event would be quadratic."""
    calls = [stream(f"s{number}", start=at(number)).alerting() for number in range(300)]
    over = [stream(f"t{number}", start=at(300 + number)).connected().after(1).disconnected() for number in range(300)]
    looked: Counter[str] = Counter()
    sealed: list[str] = []
    replaying = Replay(seal_after=seal_after, on_evict=lambda log: sealed.append(log.session_id))

    def count(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code is SessionLog.seal.__code__:
            looked["seal"] += 1

    sys.setprofile(count)
    for call in (*calls, *over):
        for event in call:
            replaying.add(event)
    sys.setprofile(None)

    assert looked["seal"] <= 2 * 900
    assert (len(sealed) > 100) == (seal_after < timedelta(hours=1))


PENDING = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected()
FAR: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "another session": (
        lines(PENDING) + lines(stream("far").alerting()).replace(b"2026-", b"9998-"),
        ("9998-03-01T09:00:00.000Z", "2026-03-01T09:00:10.000Z", "event e1 of session far", "1 timer fired"),
    ),
    "the same session": (
        lines(PENDING.after(90_000).wrapup("sale", id="w")),
        ("2026-03-02T10:00:10.000Z", "2026-03-01T09:00:10.000Z", "event w of session s1", "1 timer fired"),
    ),
}


@pytest.mark.parametrize(("content", "told"), FAR.values(), ids=FAR)
def test_the_summary_names_a_latest_time_that_is_far_after_all_others(content: bytes, told: tuple[str, ...]) -> None:
    done = command("replay", "-", stdin=content)

    assert [part for part in told if part not in done.err] == []


def test_a_day_between_two_sessions_is_not_told() -> None:
    done = command("replay", "-", stdin=lines(CALL, stream("s2", start=at(86_400)).alerting()))

    assert "far after" not in done.err


# --- Compressed ---------------------------------------------------------------------------------------------------------------

PLAIN = lines(CALL)
ZIPPED = gzip.compress(PLAIN)


@pytest.mark.parametrize("way", ["a .gz file", "a file of any name", "standard input", "two pieces"])
def test_gzip_is_read_as_it_is(way: str, tmp_path: Path) -> None:
    path = tmp_path / ("events.jsonl.gz" if way == "a .gz file" else "events.jsonl")
    half = PLAIN.index(b"\n") + 5
    path.write_bytes(gzip.compress(PLAIN[:half]) + gzip.compress(PLAIN[half:]) if way == "two pieces" else ZIPPED)

    done = command("replay", "-", stdin=ZIPPED) if way == "standard input" else command("replay", path)

    plain = command("replay", "-", stdin=PLAIN)
    assert (done.code, done.out, done.err) == (0, plain.out, plain.err)


@pytest.mark.parametrize(
    "arguments", [("validate", "-"), ("history", "-", "s1"), ("explain", "-", "s1", "disconnectType"), ("clocks", "-")]
)
def test_every_command_that_reads_events_reads_gzip(arguments: tuple[str, ...]) -> None:
    zipped, plain = command(*arguments, stdin=ZIPPED), command(*arguments, stdin=PLAIN)

    assert (zipped.code, zipped.out, zipped.err) == (0, plain.out, plain.err)


def test_a_name_that_ends_in_gz_makes_no_gzip(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(PLAIN)

    assert command("replay", path).out == command("replay", "-", stdin=PLAIN).out


MIDDLE = len(ZIPPED) // 2
DAMAGED = {
    "cut off": ZIPPED[:MIDDLE],
    "its end is gone": ZIPPED[:-8],
    "its head alone": ZIPPED[:2],
    "a bit fell over": ZIPPED[:MIDDLE] + bytes([ZIPPED[MIDDLE] ^ 0x10]) + ZIPPED[MIDDLE + 1 :],
    "a wrong sum": ZIPPED[:-8] + b"\0" * 8,
    "something follows": ZIPPED + b"garbage",
    "another method": b"\x1f\x8b\x07" + ZIPPED[3:],
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("replay", content) for content in DAMAGED.values()),
        *((name, ZIPPED[:MIDDLE]) for name in ("validate", "clocks", "history")),
    ],
    ids=[*DAMAGED, "validate", "clocks", "history"],
)
def test_damaged_gzip_exits_with_2_and_one_line(name: str, content: bytes) -> None:
    done = command(name, "-", stdin=content)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("cobrowse-session: ")
    assert done.err.count("\n") == 1


# --- What is reported ---------------------------------------------------------------------------------------------------------

RINGING = stream("s1").alerting()
ASKED = RINGING.after(3).connected().after(1).required()
TIMED = stream("s1").alerting().connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
A, B, C = lines(CALL).splitlines(keepends=True)
SUMMARIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "in order": (A + B + C, {"applied": "3", "repeats": "0", "out of order": "0", "late": "0", "revised sessions": "0"}),
    "the first comes last": (B + C + A, {"applied": "3", "out of order": "1", "revised sessions": "1   s1"}),
    "backwards": (C + B + A, {"applied": "3", "out of order": "2", "revised sessions": "1   s1"}),
    "tripled": (
        A + A + B + B + A + C + B + C + C,
        {"repeats": "6", "conflicts": "0", "out of order": "0", "revised sessions": "0"},
    ),
    "copies that differ": (
        A + lines(RINGING) + lines(stream("s1").alerting(peer_id="p")) + lines(stream("s1").alerting(peer_id="p")),
        {"applied": "1", "repeats": "3", "conflicts": "1", "corrected": "0"},  # one identity in conflict, however many copies
    ),
    "editions that differ": (
        A + b"".join(lines(stream("s1").alerting(peer_id=f"p{n}", sequence=str(n))) for n in (2, 1, 3)),
        {"applied": "1", "repeats": "3", "conflicts": "0", "corrected": "1"},
    ),
    "refused, and legal once the missing one is there": (
        b"".join(lines(ASKED).splitlines(keepends=True)[n] for n in (0, 2, 1)),
        {"applied": "3", "refused, later accepted": "1", "out of order": "1", "revised sessions": "1   s1"},
    ),
    "refused for good": (
        lines(RINGING.after(1).required()),
        {"applied": "1", "refused": "1   not_connected 1", "refused, later accepted": "0", "revised sessions": "0"},
    ),
    "two of three sessions": (
        b"".join(line.replace(b'"s1"', name) for name in (b'"zoe"', b'"adam"') for line in (C, A, B)) + A + B + C,
        {"applied": "9", "out of order": "4", "revised sessions": "2   zoe, adam"},
    ),
    "a wrap-up in time after the deadline": (
        lines(TIMED.after(40).updated(peer_id="p")) + lines(TIMED.after(20).wrapup("sale", id="w")).splitlines(True)[-1],
        {"applied": "5", "timers": "0", "out of order": "1", "revised sessions": "1   s1"},
    ),
}


@pytest.mark.parametrize(("content", "expected"), SUMMARIES.values(), ids=SUMMARIES)
# COPY-20
def test_the_summary_says_what_came_out_of_order_again_and_in_conflict(content: bytes, expected: dict[str, str]) -> None:
    done = command("replay", "-", stdin=content)

    said = counted(done)
    assert {name: said.get(name) for name in expected} == expected
    assert list(said)[-4:] == ["out of order", "late", "refused, later accepted", "revised sessions"]


def test_an_event_that_is_accepted_again_and_again_is_one_event() -> None:
    over = stream("s1").connected(wrapup_prompt="mandatory").after(60).disconnected()
    drafts = [over.after(n).wrapup(code, provisional=True, id=f"w{n}") for n, code in enumerate(("sale", None, "gift"), 1)]
    done = lines(over.after(9).done()) + b"".join(lines(draft).splitlines(keepends=True)[-1] for draft in drafts)

    said = counted(command("replay", "-", stdin=done))  # refused, applied, refused, applied

    assert (said["applied"], said["refused, later accepted"], said["revised sessions"]) == ("6", "1", "1   s1")
