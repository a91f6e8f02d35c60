"""python-statemachine runs the exported SCXML on the streams of streams.py: `python run_scxml.py DIRECTORY`."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from statemachine.io.scxml.processor import SCXMLProcessor  # type: ignore[import-not-found]  # installed by `make diagrams-check` only

CHUNK = 500


@cache
def _machine(folder: Path, picture: str) -> Any:  # `Any`: it has no types here
    """Return a machine in its first state. To make one takes longer than to run a stream."""
    processor = SCXMLProcessor(trusted=False)
    processor.parse_scxml(picture, (folder / f"{picture}.scxml").read_text(encoding="utf-8"))
    (machine,) = processor.scs.values()
    return machine()


def run(folder: Path, lines: list[str]) -> int:
    """Compare every state after every step. Return how many steps there were."""
    steps = 0
    for line in lines:
        here = [_machine(folder, picture) for picture in ("connection", "after-call-work")]
        for one in here:
            one.current_state_value = one.initial_state.value
        for place, event, _, state, answers in json.loads(line):
            here[place].send(event, **answers)  # the name of a guard is found among these
            found = [one.id for one in here[place].configuration]
            assert found == [state], (found, state, event, line)
            steps += 1
    return steps


def _chunks(file: Iterator[str]) -> Iterator[list[str]]:
    while lines := [line for _, line in zip(range(CHUNK), file, strict=False)]:
        yield lines


def main(directory: str) -> None:
    """Run all streams, on all cores."""
    folder = Path(directory)
    with (folder / "streams.jsonl").open(encoding="utf-8") as file, ProcessPoolExecutor() as pool:
        done = [(len(lines), pool.submit(run, folder, lines)) for lines in _chunks(file)]
        streams, steps = sum(count for count, _ in done), sum(steps.result() for _, steps in done)
    print(f"scxml    {streams} streams, {steps} steps")  # noqa: T201 (a script)


if __name__ == "__main__":
    main(sys.argv[1])
