from types import SimpleNamespace

import pytest

from speech.config.objects import UNAVAILABLE, instantiate
from speech.monitor import timing
from speech.monitor.moments import epoch_is_due
from speech.monitor.timing import BACKWARD, CALLBACKS, DATA, FORWARD, FRONT_END, UPDATE, Clock


@pytest.fixture
def clock(monkeypatch):
    """A clock whose seconds pass by ``tick``."""
    clock, now = Clock(), [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def tick(seconds):
        now[0] += seconds

    clock.tick = tick
    return clock


def test_the_time_of_an_inner_action_is_not_the_outer_ones(clock):
    """The actions of one step, as Lightning 2.6 names them."""
    with clock.profile("run_training_epoch"):
        clock.tick(100)
        with clock.profile("[_TrainingEpochLoop].train_dataloader_next"):
            clock.tick(1)
        with clock.profile("run_training_batch"), clock.profile("[LightningModule]SpellingTask.optimizer_step"):
            with clock.profile("[Strategy]SingleDeviceStrategy.training_step"):
                clock.tick(2)
                with clock.profile(FRONT_END):
                    clock.tick(3)
            with clock.profile("[Strategy]SingleDeviceStrategy.backward"):
                clock.tick(4)
            with clock.profile("[Callback]GradientNorms.on_before_optimizer_step"):
                clock.tick(5)
            clock.tick(6)
    wanted = {DATA: 1, FORWARD: 2, FRONT_END: 3, BACKWARD: 4, CALLBACKS: 5, UPDATE: 6}
    assert {part: clock.seconds[part] for part in timing.PARTS} == wanted


def test_lightning_names_its_actions_so(small_run):
    """Every part takes some time in a real run: a renamed action would leave its part at 0."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(small_run / "tensorboard")).Reload()
    for part in timing.PARTS:
        assert events.Scalars(f"time/{part}")[0].value > 0, part


def test_expensive_views_come_at_doublings_and_at_the_end():
    def due(epoch, first, stopping=False):
        trainer = SimpleNamespace(current_epoch=epoch - 1, max_epochs=7, should_stop=stopping, sanity_checking=False)
        return epoch_is_due(trainer, first)

    assert [epoch for epoch in range(1, 8) if due(epoch, 1)] == [1, 2, 4, 7]
    assert [epoch for epoch in range(1, 8) if due(epoch, 3)] == [3, 6, 7]
    assert due(5, 1, stopping=True)


def test_nothing_comes_every_0_steps(compose):
    asked = 0
    for name, node in compose("train").callbacks.items():
        for key in {"every_n_steps", "first_step", "first_epoch"} & set(node):
            with pytest.raises(UNAVAILABLE) as raised:
                instantiate(node, **{key: 0})
            told = f"{key}=0 of {node['_target_'].rpartition('.')[2]}: give a whole number from 1"
            assert str(raised.value.__cause__) == f"callbacks: {told}", name
            asked += 1
    assert asked >= 10
