"""Print requirements of pyproject.toml, for pip-compile: any of build, runtime, or the name of an extra or a dependency group."""

import sys
import tomllib
from pathlib import Path

pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
lists = {
    "build": pyproject["build-system"]["requires"],
    "runtime": pyproject["project"]["dependencies"],
    **pyproject["project"]["optional-dependencies"],
    **pyproject["dependency-groups"],
}
print(*(requirement for name in sys.argv[1:] for requirement in lists[name]), sep="\n")
