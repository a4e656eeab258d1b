"""Would the proofs notice? Wrong derivatives are planted, one at a time, and each must be found."""

import __future__

import ast
import importlib
import inspect
import pkgutil
import textwrap
from pathlib import Path
from types import CodeType

import pytest
from faults import FAULTS
from proof import PROOFS

import speech.backprop
import speech.model
import speech.training

for path in sorted(Path(__file__).parent.glob("test_*.py")):  # their proofs are in PROOFS once they are imported
    importlib.import_module(path.stem)


def split(key):
    """The proof and the operation that a key of FAULTS names: "Gru: weight_grads", or "Gru.backward" for its own."""
    proof, _, operation = key.rpartition(": ")
    return proof or operation.partition(".")[0], operation


PLANTED = [
    pytest.param(*split(key), term, mistake, id=f"{key}-{i}: {why}")
    for key, faults in FAULTS.items()
    for i, (term, mistake, why) in enumerate(faults)
]
MODULES = [
    importlib.import_module(f"{package.__name__}.{found.name}")
    for package in (speech.backprop, speech.model, speech.training)
    for found in pkgutil.iter_modules(package.__path__)
]


def function_of(operation):
    """The function that ``operation`` names, ``frame_mask`` or ``Linear.backward``, whichever file it stands in."""
    name, _, method = operation.partition(".")
    (found,) = (vars(m)[name] for m in MODULES if getattr(vars(m).get(name), "__module__", None) == m.__name__)
    return inspect.unwrap(getattr(found, method) if method else found)


def is_hole(node):
    return isinstance(node, ast.Name) and node.id == "_"


def matches(term, node, hole):
    """Whether two syntax trees are the same; ``hole`` takes what stands where ``term`` has ``_``."""
    if is_hole(term):
        hole.append(node)
        return isinstance(node, ast.expr)
    if isinstance(term, list):
        return len(term) == len(node) and all(map(matches, term, node, [hole] * len(term)))
    if isinstance(term, ast.expr_context):
        return True
    if isinstance(term, ast.AST):
        fields = ast.iter_fields(term)
        return type(term) is type(node) and all(matches(value, getattr(node, name), hole) for name, value in fields)
    return term == node


class Replacer(ast.NodeTransformer):
    def __init__(self, is_old, new):
        self.is_old, self.new = is_old, new

    def visit(self, node):
        return self.new if self.is_old(node) else self.generic_visit(node)


def faulty(function, term, mistake):
    """The code of ``function`` with ``mistake`` in the place of ``term``, which must stand in it exactly once."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    (old,), (new,) = ast.parse(term).body, ast.parse(mistake).body
    if isinstance(old, ast.Expr) and isinstance(new, ast.Expr):
        old, new = old.value, new.value
    found = [(node, hole) for node in ast.walk(tree) if matches(old, node, hole := [])]
    assert len(found) == 1, f"{function.__qualname__}: {term!r} stands there {len(found)} times"
    ((place, hole),) = found
    if hole:
        new = Replacer(is_hole, hole[0]).visit(new)
    source = ast.unparse(Replacer(lambda node: node is place, new).visit(tree))
    flags = __future__.annotations.compiler_flag
    made = compile(source, inspect.getfile(function), "exec", flags, dont_inherit=True)
    (code,) = (one for one in made.co_consts if isinstance(one, CodeType) and one.co_name == function.__name__)
    return code


@pytest.mark.parametrize("proof", PROOFS)
def test_without_a_fault_every_proof_holds(proof):
    PROOFS[proof]()


@pytest.mark.parametrize(("proof", "operation", "term", "mistake"), PLANTED)
def test_a_planted_fault_is_found(monkeypatch, proof, operation, term, mistake):
    function = function_of(operation)
    monkeypatch.setattr(function, "__code__", faulty(function, term, mistake))
    # Not NameError and its like, which would be the fault's own fault.
    with pytest.raises((AssertionError, RuntimeError, ValueError, IndexError, pytest.fail.Exception)):
        PROOFS[proof]()


def test_there_are_faults_in_everything_that_is_proved():
    assert {split(key)[0] for key in FAULTS} == PROOFS.keys()
    assert len(PLANTED) >= 160


def test_a_term_is_found_by_its_syntax_tree_and_must_stand_once():
    def written(x, y):
        # x * y + 1 in a comment does not count
        return (
            x * y  # in another layout
            + 1
        ), f"{x} * y + 1"

    for term, n in (("y * x", 0), ("x", 2)):
        with pytest.raises(AssertionError, match=f"stands there {n} times"):
            faulty(written, term, "0")
    for term, mistake in ("(x*y)+1", "x * y - 1"), ("_ + 1", "_ - 1"):
        code = faulty(written, term, mistake)
        assert type(written)(code, {})(2, 3) == (5, "2 * y + 1")
