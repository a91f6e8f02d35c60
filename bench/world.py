"""A file of events for the replay: interleaved sessions in order of arrival, with repeats. A seed decides everything."""

import json
import random
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any

EVENTS_A_SESSION = 5
REPEATED = 0.05
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
SOURCES = ("/providers/acme", "/providers/zeta")
Fact = tuple[float, str, dict[str, Any]]  # seconds since the begin, kind, JSON data


def write(path: Path, size: int) -> int:
    """Write about `size` lines: one session for five of them, one line in twenty twice. Return the number of sessions.

    A session begins each 100 ms, so a few thousand are open at once. Legs that nobody answers are among them, events that are
    refused, skips, and wrap-ups that the timer saves.
    """
    rng = random.Random(size)  # noqa: S311 (a seed must repeat)
    sessions = size // EVENTS_A_SESSION
    waiting: list[tuple[datetime, int, str]] = []
    number = count()
    with path.open("w", encoding="utf-8") as file:
        for begun in range(sessions):
            begin = START + timedelta(milliseconds=100) * begun
            for received, line in _session(rng, begin):
                heappush(waiting, (received, next(number), line))
                if rng.random() < REPEATED:
                    heappush(waiting, (received + timedelta(seconds=rng.random() * 3), next(number), line))
            while waiting and waiting[0][0] < begin:
                file.write(heappop(waiting)[2])
        while waiting:
            file.write(heappop(waiting)[2])
    return sessions


def _session(rng: random.Random, begin: datetime) -> list[tuple[datetime, str]]:
    """Return the lines of one session, each with the time at which it arrives."""
    subject = f"{rng.getrandbits(128):032x}"
    context = {
        "conversationid": f"{rng.getrandbits(128):032x}",
        "userid": f"u{rng.randrange(500)}",
        "queueid": f"q{rng.randrange(20)}",
    }
    source = rng.choice(SOURCES)
    lines, seconds = [], 0.0
    for place, (after, kind, data) in enumerate(_life(rng)):
        seconds += after
        at = begin + timedelta(milliseconds=int(seconds * 1000))
        received = at + timedelta(milliseconds=20 + rng.randrange(80))
        event = {"specversion": "1.0", "id": f"{subject}/{place}", "source": source, "type": f"cobrowse.session.{kind}"}
        event |= {"subject": subject, "time": _text(at), "receivedtime": _text(received)}
        written = {**event, **(context if place == 0 else {}), **({"data": data} if data else {})}
        lines.append((received, json.dumps(written, separators=(",", ":")) + "\n"))
    return lines


def _life(rng: random.Random) -> list[Fact]:
    """Return the facts of one leg, each with the seconds since the one before."""
    prompt = rng.choice(("timeout", "timeout", "optional", "mandatory", "forcedTimeout", "agentRequested"))
    settings = {"wrapupPrompt": prompt, **({"wrapupTimeoutMs": 30000} if "imeout" in prompt else {})}
    facts: list[Fact] = [(0, "alerting", {"cobrowseRole": "viewer", **settings})]
    chance = rng.random()
    if chance < 0.1:
        return [*facts, (rng.uniform(5, 20), "disconnected", {"disconnectType": "client"})]
    facts.append((rng.uniform(1, 9), "connected", {"cobrowseSessionId": f"cb{rng.getrandbits(32):08x}"}))
    if chance < 0.55:
        facts.append((rng.uniform(1, 60), "updated", {"controlling": ["page-1"]}))
    if chance < 0.2:
        facts.append((rng.uniform(1, 60), "acw.required", {"required": True}))
    facts.append((rng.uniform(20, 300), "disconnected", {"disconnectType": rng.choice(("peer", "client", "transfer"))}))
    if chance < 0.6:
        facts.append((rng.uniform(5, 50), "wrapup", {"code": rng.choice(("sale", "help")), "name": "Sale"}))
    elif chance < 0.7:
        facts.append((rng.uniform(2, 20), "wrapup", {}))  # a skip: refused where a code is required
    if chance > 0.45:
        facts.append((rng.uniform(1, 40), "acw.ended", {"by": "agent"}))
    if chance > 0.9:
        facts.append((rng.uniform(1, 10), "alerting", {}))  # refused: the leg has ended
    return facts


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
