"""``hydra/sweeper=optuna``: Optuna searches for the best values. Hydra finds sweepers only in ``hydra_plugins``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper

from speech.common.escape import printable
from speech.common.extras import require
from speech.common.ranges import checked_count
from speech.config.tree import ConfigError

STUDY = "optuna.db"  # in the sweep's folder
OF = "of"  # the study's attribute with the values it was begun with


class OptunaSweeper(Sweeper):
    """``n_trials`` jobs in all, in batches of ``n_jobs``; their result is minimised. Job n is the study's trial n.

    A trial's values depend only on ``seed``, its number and the results of the batches before its own. A sweep that was
    killed therefore continues, with the same command and its folder, to the same result: running trials are run again
    with the same values, and finished ones count. ``params`` are in Hydra's sweep syntax: ``gru,lstm``, ``range(1,4)``,
    ``interval(0.1,0.3)``, ``int(interval(1,9))``, ``tag(log,interval(0.001,0.01))``; the command line overrides them.
    """

    def __init__(self, n_trials: int, n_jobs: int, seed: int, params: Mapping[str, str]) -> None:
        self.n_trials, self.n_jobs, self.seed, self.params = n_trials, n_jobs, seed, params
        self._launcher: Launcher
        self._parser: OverridesParser
        self._folder: Path

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self._folder = Path(config.hydra.sweep.dir)
        self._parser = OverridesParser.create(config_loader=hydra_context.config_loader)
        self._launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        optuna, sqlalchemy = require("optuna", "sweep"), require("sqlalchemy", "sweep")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        given = self._parser.parse_overrides([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
        last = {override.get_key_element(): override for override in given}
        fixed = [f"{k}={one.get_value_element_as_str()}" for k, one in last.items() if not one.is_sweep_override()]
        space = {key: _distribution(optuna, one) for key, one in last.items() if one.is_sweep_override()}
        for key, number in (("n_trials", self.n_trials), ("n_jobs", self.n_jobs), ("seed", self.seed)):
            checked_count(f"hydra.sweeper.{key}", number, least=0 if key == "seed" else 1, most=2**31 - 1)
        if not space:
            raise ConfigError(
                "hydra/sweeper=optuna: nothing to search: give a range, such as optimizer.lr=interval(0.001,0.01)"
            )
        try:
            study = self._study(optuna, {"fixed": fixed, "space": {key: repr(one) for key, one in space.items()}})
            while trials := self._batch(optuna, study, space):
                self._run(optuna, study, trials, fixed)
        except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"{self._folder / STUDY}: damaged, or not writable ({reason}): delete it, and give the same "
                "command again: finished jobs are not repeated"
            ) from error

    def _study(self, optuna: Any, of: Mapping[str, Any]) -> Any:
        """The study in the sweep's folder. Raises ConfigError if it was begun with values other than ``of``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{(self._folder / STUDY).absolute()}"
        study = optuna.create_study(study_name="sweep", storage=storage, load_if_exists=True)
        if study.user_attrs.setdefault(OF, of) != of:
            raise ConfigError(
                f"{self._folder}: it contains a sweep over other values: give that sweep's command, or another folder"
            )
        study.set_user_attr(OF, of)
        return study

    def _batch(self, optuna: Any, study: Any, space: Mapping[str, Any]) -> list[Any]:
        """The trials to run next, by number: those that were running, and new ones to fill their batch."""
        trials = study.get_trials(deepcopy=False)
        running = [trial for trial in trials if trial.state == optuna.trial.TrialState.RUNNING]
        first = (running[0].number if running else len(trials)) // self.n_jobs * self.n_jobs
        before = [one for one in trials[:first] if one.state == optuna.trial.TrialState.COMPLETE]
        for number in range(len(trials), min(first + self.n_jobs, self.n_trials)):
            sampler = optuna.samplers.TPESampler(seed=self.seed + number)
            drawn = optuna.create_study(sampler=sampler)  # in memory: the trial is stored with all of its values
            drawn.add_trials(before)
            params = drawn.ask(space).params
            one = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, params=params, distributions=space)
            study.add_trial(one)
        return study.get_trials(states=(optuna.trial.TrialState.RUNNING,))

    def _run(self, optuna: Any, study: Any, trials: Sequence[Any], fixed: Sequence[str]) -> None:
        """Run ``trials``, whose numbers are consecutive, and report their results to ``study``.

        Raises a job's error if all have failed and no job has ever ended: the same command then runs them again.
        """
        jobs = [[*fixed, *(f"{key}={value}" for key, value in trial.params.items())] for trial in trials]
        values: list[float | None] = []
        for result in self._launcher.launch(jobs, initial_job_idx=trials[0].number):
            try:
                values.append(float(result.return_value))
            except Exception as error:  # any error of a job, including a fault in the user's code
                failed = error
                kind = "" if isinstance(error, ConfigError) else f"{type(error).__name__}: "
                print(f"error: {kind}{printable(error)}", file=sys.stderr)
                values.append(None)
        states = optuna.trial.TrialState
        if values.count(None) == len(values) and not study.get_trials(deepcopy=False, states=(states.COMPLETE,)):
            raise failed
        for trial, value in zip(trials, values, strict=True):
            study.tell(trial.number, value, state=states.FAIL if value is None else None)


def _distribution(optuna: Any, override: Override) -> Any:
    """Optuna's distribution for the values of ``override``: whole numbers, numbers in an interval, or choices."""
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return optuna.distributions.CategoricalDistribution(sorted(override.sweep_string_iterator()))
    log = "log" in value.tags
    if isinstance(value, RangeSweep):  # its last number is not its stop
        numbers = [json.loads(number) for number in override.sweep_string_iterator()]
        low, high, step = min(numbers), max(numbers), abs(value.step)
    else:
        low, high, step = value.start, value.end, None
    if isinstance(low, int) and isinstance(high, int):
        return optuna.distributions.IntDistribution(low, high, log, step or 1)
    return optuna.distributions.FloatDistribution(low, high, log, step)
