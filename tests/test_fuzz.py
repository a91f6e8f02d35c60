"""What `make fuzz` gives to atheris: every target takes every seed, and text that is cut or changed at random."""

import random
from collections.abc import Callable

import pytest
from tests.effort import share
from tests.fuzz.targets import TARGETS, check, seeds, words

SEEDS = [*seeds()]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_raises_only_documented_errors(target: Callable[[bytes], None]) -> None:
    chance = random.Random(target.__name__)
    for seed in SEEDS:
        if len(seed) < 20_000:
            check(target, seed)
    for _ in range(share(2000)):
        check(target, mutated(chance.choice(SEEDS)[:4000], chance))


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Return bytes with some replaced by words of the formats, numbers, brackets or nothing."""
    made = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(made) + 1)
        other = chance.choice((chance.choice(WORDS), b"-1", b"1e400", b"[", b"{}", b"null", b"\\ud800", b"\xff", b""))
        made[place : place + chance.choice((0, 1, 4, 20))] = other
    return bytes(made)


WORDS = [f'"{word}"'.encode() for word in words()]


def test_every_target_accepts_some_seed() -> None:
    for name, target in TARGETS.items():
        assert any(_accepts(target, seed) for seed in SEEDS), name


def _accepts(target: Callable[[bytes], None], seed: bytes) -> bool:
    try:
        target(seed)
    except Exception:  # noqa: BLE001 (any error is a no)
        return False
    return True
