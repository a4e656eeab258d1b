from speech.training.environment import environment


def test_a_machine_without_git_trains_all_the_same(monkeypatch):
    assert len(environment()["git_commit"]) == 40
    monkeypatch.setenv("PATH", "/nothing")
    assert environment()["git_commit"] is None
