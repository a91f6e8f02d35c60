"""The mutants of a file: each is the file with one small change in a function, made by the operators of mutmut.

mutmut 3 itself calls a mutant through a wrapper of its function. A table refuses such a wrapper as a guard, because it cannot be
compared, and the digest of a table reads the source of its functions. So a mutant is a whole file here, and only the operators
are mutmut's. That also reaches functions with decorators, which mutmut leaves out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import libcst as cst
from attrs import field, frozen
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

SOURCE = Path("src/cobrowse_session")


@frozen
class Mutant:
    """A file with one change.

    Attributes:
        file: its path in the package.
        function: the function or method that is changed.
        change: the code that was replaced, and what replaced it.
        number: which of the same changes of the function it is, from 1 on.
        lines: the numbers of the lines that were replaced.
        digest: a digest of the function and the change. A result is valid for it.
        is_wording: whether only a sentence for a person is changed.
    """

    file: str
    function: str
    change: str
    number: int
    lines: range
    digest: str
    is_wording: bool
    _module: cst.Module = field(repr=False, eq=False)
    _mutation: Mutation = field(repr=False, eq=False)

    @property
    def key(self) -> str:
        """Its name in the files of results and of reasons. No number of a line is in it, so it stays when lines are added."""
        which = f" (number {self.number})" if self.number > 1 else ""
        return f"{self.file} {self.function}: {self.change}{which}"

    def source(self) -> str:
        """Return the file as it is then."""
        changed = self._module.deep_replace(self._mutation.original_node, self._mutation.mutated_node)
        assert isinstance(changed, cst.Module)
        return changed.code


@frozen
class Mutated:
    """What can be changed in a file.

    Attributes:
        file: its path in the package.
        mutants: one for each change.
        skipped: the functions in which nothing can be changed.
        untouched: the numbers of the lines with a statement that no mutant touches.
    """

    file: str
    mutants: Sequence[Mutant]
    skipped: Sequence[str]
    untouched: Sequence[int]


class _Visitor(MutationVisitor):
    """Collects the changes, in functions with decorators, too."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return False  # the decorators are skipped nevertheless
        return super()._skip_node_and_children(node)


def mutated(path: Path) -> Mutated:
    """Return what can be changed in a file of the package."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    places = wrapper.resolve(PositionProvider)
    functions = dict(_functions(module.body))
    file = path.relative_to(SOURCE).as_posix()
    mutants = _mutants(file, module, visitor.mutations, functions, places)
    touched = {number for one in mutants for number in one.lines}
    statements = {
        number
        for node in _walk(module)
        if isinstance(node, cst.BaseSmallStatement | cst.Decorator) and not _is_docstring(node)
        for number in _lines(places[node])
    }
    changed = {one.function for one in mutants}
    return Mutated(file, mutants, [name for name in functions.values() if name not in changed], sorted(statements - touched))


def _mutants(
    file: str,
    module: cst.Module,
    mutations: Sequence[Mutation],
    functions: Mapping[cst.CSTNode, str],
    places: Mapping[cst.CSTNode, CodeRange],
) -> list[Mutant]:
    found: list[Mutant] = []
    seen: Counter[tuple[str, str]] = Counter()
    codes = {function: module.code_for_node(function) for function in functions}
    text = module.code.splitlines()
    for one in mutations:
        function = one.contained_by_top_level_function
        if function is None or function not in functions or _says_nothing(one):
            continue
        before, after = (" ".join(module.code_for_node(node).split()) for node in (one.original_node, one.mutated_node))
        name, change, lines = functions[function], f"{before} -> {after}", _lines(places[one.original_node])
        if not isinstance(one.original_node, cst.BaseExpression | cst.BaseStatement | cst.BaseSmallStatement):
            change += f" in {text[lines.start - 1].strip()}"  # an operator says little alone
        seen[name, change] += 1
        digest = blake2b(f"{codes[function]} {change} {seen[name, change]}".encode(), digest_size=8).hexdigest()
        wording = _is_sentence(one.original_node)
        found.append(Mutant(file, name, change, seen[name, change], lines, digest, wording, module, one))
    return found


def _functions(body: Sequence[cst.CSTNode], within: str = "") -> Iterator[tuple[cst.CSTNode, str]]:
    """Yield the functions of a module and the methods of its classes, each with its name."""
    for child in body:
        if isinstance(child, cst.FunctionDef):
            yield child, f"{within}{child.name.value}"
        elif isinstance(child, cst.ClassDef):
            yield from _functions(child.body.body, f"{within}{child.name.value}.")


def _says_nothing(one: Mutation) -> bool:
    """Return whether a change cannot be seen: the type of a `cast`. A sentence is changed once, and not in capitals, too."""
    before, after = one.original_node, one.mutated_node
    if isinstance(before, cst.Call) and isinstance(after, cst.Call):
        is_cast = isinstance(before.func, cst.Name) and before.func.value == "cast"
        return is_cast and [*before.args[1:]] == [*after.args[1:]]
    return _is_sentence(before) and isinstance(after, cst.SimpleString) and "XX" not in after.value


def _is_sentence(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) and " " in node.value


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.Ellipsis)


def _lines(place: CodeRange) -> range:
    return range(place.start.line, place.end.line + 1)


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)
