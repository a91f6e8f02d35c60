"""Fuzz one target with atheris, in this process: `python -m tests.fuzz.fuzzer TARGET FOLDER [options of libFuzzer]`."""

import sys
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cobrowse_session"]):
    from tests.fuzz.targets import TARGETS, check, seeds, words

MAX_BYTES = 16_384


def main() -> None:
    """Write the seeds and the words into the folder, and begin."""
    name, place, *options = sys.argv[1:]
    folder = Path(place)
    corpus, first = folder / "corpus", folder / "seeds"
    for each in (corpus, first):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (first / str(number)).write_bytes(seed)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words()), encoding="ascii")
    arguments = [f"-dict={folder / 'words'}", f"-artifact_prefix={folder}/", f"-max_len={MAX_BYTES}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *arguments, *options, str(corpus), str(first)], partial(check, TARGETS[name]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
