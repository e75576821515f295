"""Can a test cell be judged from another process? Checked when it is written.

A test cell is judged where the student's code does not run: the names that answer
cells provide are handles there, and only plain values cross. So a test

- touches provided names, names of given (locked) cells, builtins, and what it
  defines or imports itself: nothing else of the notebook;
- sends plain values: no lambda, no function or class of its own, no generator;
- compares values that calls return, and never asks what they are (`isinstance`);
- does not look at an argument again after the call: the student's side got a copy
  (`aulac.lesson.checks.changed` gives back what became of it);
- does not compare in a way that an empty value passes (`allclose` of nothing is true);
- ends, where it gives partial credit, in a number outside the hidden region, which is
  not simply what a student's function returned.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterator

from aulac_grader.judge.assignment import gives_partial_credit

from .document import Assignment, Cell

# Asking what a value is, instead of comparing it: a handle has no answer.
PROBES = {
    "isinstance",
    "issubclass",
    "type",
    "hasattr",
    "getattr",
    "setattr",
    "id",
}
PROBES |= {"callable", "delattr", "super"}
# Looking into the running process: there are two of them.
FORBIDDEN = {
    "globals",
    "locals",
    "vars",
    "dir",
    "eval",
    "exec",
    "compile",
    "open",
}
FORBIDDEN |= {
    "input",
    "get_ipython",
    "__import__",
    "breakpoint",
    "exit",
    "quit",
}
# Of `aulac.lesson.checks`; those that are asked about a function of the student's.
ASKING = {"printed", "picture", "changed", "within"}
CHECKS = ASKING | {"listed", "probe", "raises", "artefact", "close", "pixels"}
LOOSE = {"allclose", "isclose"}
MUTABLE = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "sorted"}


def lint(assignment: Assignment) -> list[str]:
    """Faults of every test cell, each naming the cell, the line and the remedy."""
    provided: set[str] = set()
    given: set[str] = set()
    files: set[str] = set()
    faults: list[str] = []
    for cell in assignment.cells:
        if cell.kind == "answer":
            provided |= set(cell.provides)
            files |= set(cell.files)
        elif cell.kind == "given":
            faults += [f"{cell.where}: {f}" for f in _parse_faults(cell)]
            given |= _bound_names(cell)
        elif cell.kind == "scratch":
            faults += [f"{cell.where}: {f}" for f in _parse_faults(cell)]
        elif cell.kind == "test":
            found = lint_test(cell, provided, given, files)
            faults += [f"{cell.where}: {fault}" for fault in found]
    return faults


def lint_test(
    cell: Cell,
    provided: set[str],
    given: set[str],
    files: Collection[str] = (),
) -> list[str]:
    """Faults of one test cell, given the names and files it may touch."""
    faults = list(_parse_faults(cell))
    if faults:
        return faults
    tree = ast.parse(cell.code)
    visitor = _TestVisitor(provided, given, _bound(tree), files)
    visitor.visit(tree)
    faults += visitor.faults
    if not visitor.calls:
        faults.append(
            "calls nothing that an answer cell provides: a test compares what such a "
            "call returns."
        )
    for name in sorted(_bound_at_top(tree)):
        if not name.startswith("_"):
            faults.append(
                f"binds {name}, which may overwrite a student's own {name} where both "
                "run in one kernel: put the test in `def _check(): …`, or name it "
                f"_{name}."
            )
    faults += _partial_faults(tree, cell, provided)
    return [*dict.fromkeys(faults)]


def _parse_faults(cell: Cell) -> Iterator[str]:
    try:
        ast.parse(cell.code)
    except SyntaxError as error:
        yield f"line {error.lineno}: not plain Python ({error.msg}); no magics here."


def _bound(tree: ast.AST) -> set[str]:
    """Names that the code binds anywhere: assignments, loops, imports, definitions."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def _bound_at_top(tree: ast.Module) -> set[str]:
    """Names that the code leaves behind in the notebook's namespace."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        else:
            names |= _bound(node)
    return names


def _bound_names(cell: Cell) -> set[str]:
    try:
        return _bound(ast.parse(cell.code))
    except SyntaxError:
        return set()


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id in names for n in ast.walk(node)
    )


class _TestVisitor(ast.NodeVisitor):
    """Walks a test cell in the order of its lines and collects faults."""

    def __init__(
        self,
        provided: set[str],
        given: set[str],
        own: set[str],
        files: Collection[str],
    ):
        self.provided = provided
        self.files = files
        self.known = provided | given | own | set(dir(builtins))
        self.local_definitions: set[str] = set()
        self.from_student = set(provided)  # names that hold a student's value
        self.mutable: set[str] = set()
        self.sent: set[str] = set()
        self.calls = 0
        self.faults: list[str] = []

    def fault(self, node: ast.AST, text: str) -> None:
        self.faults.append(f"line {getattr(node, 'lineno', '?')}: {text}")

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            if node.id in self.provided:
                self.fault(
                    node, f"overwrites {node.id}, which the student provides."
                )
            return
        self.calls += (
            node.id in self.provided
        )  # also one handed to sorted(key=…)
        if node.id in FORBIDDEN:
            self.fault(
                node, f"{node.id} looks into the process: compare values."
            )
        elif node.id not in self.known:
            self.fault(
                node,
                f"touches {node.id}, which no answer cell provides and no given "
                "(locked) cell defines: add it to `provides`, or define it here.",
            )
        elif node.id in self.sent and node.id in self.mutable:
            self.fault(
                node,
                f"looks at {node.id} after sending it to the student's function, "
                f"which gets a copy: send list({node.id}), compare with a literal, or "
                "ask aulac.lesson.checks.changed for what became of it.",
            )

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.local_definitions.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.local_definitions.add(node.name)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        is_mutable = isinstance(node.value, MUTABLE) or (
            isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id in MUTABLE_CALLS
        )
        tainted = _mentions(node.value, self.from_student)
        for target in node.targets:
            self.visit(target)
            if isinstance(target, ast.Attribute | ast.Subscript) and _mentions(
                target, self.provided
            ):
                self.fault(
                    target, "changes something of the student's: only call it."
                )
            if isinstance(target, ast.Name):
                self.sent.discard(target.id)
                (self.mutable.add if is_mutable else self.mutable.discard)(
                    target.id
                )
                if tainted:
                    self.from_student.add(target.id)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        arguments = [*node.args, *(k.value for k in node.keywords)]
        if name in PROBES and any(
            _mentions(a, self.from_student) for a in arguments
        ):
            self.fault(
                node,
                f"{name} asks what the student's value is: compare it with the value "
                "you expect.",
            )
        self._empty_passes(node, name, arguments)
        if name in CHECKS:
            self.calls += name == "artefact"
            self._check(node, name, arguments)
            return
        if not _mentions(node.func, self.provided):
            self.generic_visit(node)
            return
        self.visit(node.func)
        for argument in arguments:
            self._sent(argument)

    def _check(
        self, node: ast.Call, name: str, arguments: list[ast.expr]
    ) -> None:
        """A function of `aulac.lesson.checks`: it may be given a function of the student's."""
        if name == "artefact":
            self._artefact(node, arguments)
        own = [a for a in arguments if not isinstance(a, ast.Constant)][:1]
        if name in ASKING and any(isinstance(a, ast.Lambda) for a in own):
            self.fault(
                node,
                f"{name} is given a lambda, which stays here: give it a function that "
                "an answer cell provides.",
            )
        self.generic_visit(node)

    def _artefact(self, node: ast.Call, arguments: list[ast.expr]) -> None:
        file = arguments[0] if arguments else None
        if not isinstance(file, ast.Constant) or file.value not in self.files:
            self.fault(
                node,
                "artefact reads a file whose name stands here in quotes and is "
                "declared by an answer cell before: :aulac: {files: [name]}.",
            )

    def _empty_passes(
        self, node: ast.Call, name: str, arguments: list[ast.expr]
    ) -> None:
        """Comparisons that are true of nothing at all: `allclose([], [1])`."""
        method = (
            node.func.attr if isinstance(node.func, ast.Attribute) else name
        )
        theirs = [_mentions(a, self.from_student) for a in arguments]
        if method in LOOSE and any(theirs):
            self.fault(
                node,
                f"{method} is true of an empty value, whatever is expected: use "
                "aulac.lesson.checks.close, or torch.testing.assert_close.",
            )
        strict = any(k.arg == "strict" for k in node.keywords)
        if name == "zip" and any(theirs) and not all(theirs) and not strict:
            self.fault(
                node,
                "zip stops at the shorter side, so an empty value passes: add "
                "strict=True, or compare the whole lists.",
            )
        compared = isinstance(node.func, ast.Attribute) and isinstance(
            node.func.value, ast.Compare
        )
        if method == "all" and (
            (compared and _mentions(node.func, self.from_student))
            or (
                name != "all"
                and any(theirs)
                and isinstance(arguments[0], ast.Compare)
            )
        ):
            self.fault(
                node,
                "all() is true of an empty value: use numpy.array_equal or "
                "torch.equal, which compare shapes too.",
            )

    def _sent(self, argument: ast.expr) -> None:
        if isinstance(argument, ast.Starred):
            argument = argument.value
        if isinstance(argument, ast.Lambda) or (
            isinstance(argument, ast.Name)
            and argument.id in self.local_definitions
        ):
            self.fault(
                argument,
                "sends a function to the student's process, where it cannot go: send "
                "plain values, or have the answer cell provide the function.",
            )
        elif isinstance(argument, ast.GeneratorExp):
            self.fault(argument, "sends a generator: send a list.")
        if isinstance(argument, ast.Name) and argument.id in self.mutable:
            self.sent.add(
                argument.id
            )  # may be sent again: not visited as a look
            return
        self.visit(argument)


def _partial_faults(
    tree: ast.Module, cell: Cell, provided: set[str]
) -> Iterator[str]:
    """A cell whose last line is a value gives partial credit; students run it too."""
    if not gives_partial_credit(cell.code):
        return
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    hidden_end = cell.code.rfind("### END HIDDEN TESTS")
    if isinstance(last.value, ast.Call) and _mentions(
        last.value.func, provided
    ):
        yield (
            "the last line is what the student's function returns, which would then be "
            "the points: put assert before it, or count here."
        )
    if isinstance(last.value, ast.Constant) and not isinstance(
        last.value.value, int | float
    ):
        yield "the last line must be a number of points (partial credit), or a test."
    if isinstance(last.value, ast.Compare | ast.BoolOp):
        yield "the last line is a truth value that tests nothing: put assert before it."
    end_line = cell.code[:hidden_end].count("\n") + 1 if hidden_end >= 0 else 0
    if last.lineno < end_line:
        yield (
            "the points on the last line stand in the hidden region: move them below "
            "### END HIDDEN TESTS, so the student's copy ends in a number too."
        )
