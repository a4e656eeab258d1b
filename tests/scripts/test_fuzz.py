"""What ``make fuzz`` reads, and that it would find what it looks for."""

import fuzz
import pytest

KINDS = [kind.__name__ for kind in fuzz.KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_that_nobody_changed_is_read(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "changed", lambda content, rng: content)
    monkeypatch.setattr(fuzz, "altered", lambda node, rng: node)
    monkeypatch.setattr(fuzz, "_entry", lambda key, value: b"")
    fuzz.input(kind, 0, 0, tmp_path)()


def test_each_is_read_or_refused_in_bounds_and_the_same_again():
    found, again = list(fuzz.run(48, 3)), list(fuzz.run(48, 3))
    assert [one["kind"] for one in found[:-1]] == KINDS
    assert sum(one["read"] + one["refused"] for one in found[:-1]) == 48
    assert found[-1]["failed"] == 0
    assert [one | {"slowest_s": 0} for one in found[:-1]] == [one | {"slowest_s": 0} for one in again[:-1]]


def test_a_foreign_exception_is_told_with_its_input(monkeypatch):
    monkeypatch.setattr(fuzz, "KINDS", (fuzz.names,))
    monkeypatch.setattr(fuzz, "read_names", lambda path: {}[path])
    *failures, kind, whole = fuzz.run(3, 0)
    assert [(one["kind"], one["number"], one["seed"]) for one in failures] == [("names", n, 0) for n in range(3)]
    assert failures[0]["reason"].startswith("KeyError")
    assert kind["failed"] == whole["failed"] == 3


def test_what_takes_too_long_is_told(monkeypatch):
    monkeypatch.setattr(fuzz, "KINDS", (fuzz.names,))
    monkeypatch.setattr(fuzz, "SLOWEST_S", -1.0)
    monkeypatch.setattr(fuzz.signal, "setitimer", lambda *_: None)
    assert next(iter(fuzz.run(1, 0)))["reason"]


def test_what_does_not_end_is_stopped_and_told(monkeypatch):
    def forever(path):
        while True:
            pass

    monkeypatch.setattr(fuzz, "KINDS", (fuzz.names,))
    monkeypatch.setattr(fuzz, "read_names", forever)
    monkeypatch.setattr(fuzz, "SLOWEST_S", 0.01)
    failure, *_ = fuzz.run(1, 0)
    assert failure["reason"] == "does not terminate"
