"""Time series: 309 years of sunspots (statsmodels), forecast one year ahead, and then free-running.

The last years are the test split. Everything, including the scale of the values, is fitted to the years before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from speech.backprop.losses import MeanSquaredError
from speech.backprop.optimizers import State, adamw, clip_norm
from speech.lessons.forecaster import Forecaster
from speech.lessons.network import check_gradients, falling, loss_and_grads
from speech.lessons.result import Place, Result, SeedResult
from speech.lessons.settings import blamed, require

Years = NDArray[np.float64]


class Scale:
    """Converts values to and from the network's units: square roots with mean 0 and deviation 1 over ``values``.

    Sunspots are counts, whose scatter grows with their size; that of their roots does not.
    """

    def __init__(self, values: Years):
        self.mean, self.deviation = float(np.sqrt(values).mean()), float(np.sqrt(values).std())

    def enter(self, values: Years) -> Tensor:
        return torch.from_numpy((np.sqrt(values) - self.mean) / self.deviation)

    def leave(self, units: Tensor) -> Years:
        roots: Years = units.numpy() * self.deviation + self.mean
        return np.maximum(roots, 0) ** 2


@dataclass(frozen=True)
class TimeSeries:
    """Trains on windows of ``n_window`` years; at each year the network forecasts the next (teacher forcing)."""

    n_units: int
    n_past: int
    rate: float
    weight_decay: float
    largest_norm: float
    n_window: int
    batch_size: int
    n_steps: int
    n_test: int
    max_order: int

    def __post_init__(self) -> None:
        require(self, "count", "n_units", "n_past", "n_window", "batch_size", "n_steps", "n_test", "max_order")
        require(self, "positive", "rate", "largest_norm")
        require(self, "part", "weight_decay")

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        from statsmodels.datasets import sunspots

        table = sunspots.load_pandas().data
        values: Years = table["SUNACTIVITY"].to_numpy(dtype=np.float64)
        n_train = len(values) - self.n_test
        if not self.n_window < n_train - 1:
            raise ValueError(
                f"lesson.n_test={self.n_test} of {len(values)} years leave {n_train} to train on, and "
                f"lesson.n_window={self.n_window} and at least 2 more are needed"
            )
        others = {
            "AutoReg": autoregression(values, n_train, self.max_order),
            "AutoReg, of the roots": np.maximum(autoregression(np.sqrt(values), n_train, self.max_order), 0) ** 2,
            "persistence, as the year before": values[n_train - 1 : -1],
        }
        found, forecasts = [], []
        for seed in place.seeds:
            ours, free, error, seconds = self.train(values, seed, place)
            figures = {"network, gradients by hand": rmse(ours, values[n_train:])}
            figures |= {name: rmse(forecast, values[n_train:]) for name, forecast in others.items()}
            found.append(SeedResult(seed, figures, error, seconds))
            forecasts.append((ours, free))
        years = table["YEAR"].to_numpy(dtype=int)
        place.save(draw(years, values, *forecasts[0], others["AutoReg"]))
        facts = {"first_year": int(years[0]), "first_test_year": int(years[n_train]), "last_year": int(years[-1])}
        return Result(f"RMSE of the next year, {years[n_train]}-{years[-1]}", "sunspots", found, facts)

    def train(self, values: Years, seed: int, place: Place) -> tuple[Years, Years, float, float]:
        """The test years forecast one step ahead, and free-running; the gradient error; the seconds taken."""
        start = time.perf_counter()
        n_train = len(values) - self.n_test
        scale = Scale(values[:n_train])
        series = scale.enter(values)
        generator = torch.Generator().manual_seed(seed)
        network = Forecaster(self.n_units, self.n_past, generator)
        windows = series[:n_train].unfold(0, self.n_window + 1, 1)
        error = check_gradients(network, MeanSquaredError, (windows[:4, :-1],), windows[:4, 1:])
        state: State = {}
        with place.log(seed) as log:
            for step in tqdm(range(self.n_steps), desc=f"timeseries, seed {seed}", unit="step"):
                chosen = windows[torch.randint(len(windows), (self.batch_size,), generator=generator)]
                loss, grads = loss_and_grads(network, MeanSquaredError, (chosen[:, :-1],), chosen[:, 1:])
                log.add_scalar("gradient_norm", clip_norm(grads, self.largest_norm), step)
                rate = falling(self.rate, step / self.n_steps)
                adamw(network.parameters, grads, state, rate, weight_decay=self.weight_decay)
                log.add_scalar("loss/train", loss, step)
            ours = scale.leave(network.forward(series[None, :-1])[0][0, n_train - 1 :])
            log.add_scalar("rmse/test", rmse(ours, values[n_train:]), self.n_steps)
        free = series[:n_train]
        while len(free) < len(series):  # each forecast is read as if it were true
            free = torch.cat([free, network.forward(free[None])[0][0, -1:]])
        return ours, scale.leave(free[n_train:]), error, time.perf_counter() - start


def rmse(forecast: Years, values: Years) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((forecast - values) ** 2)))


def autoregression(values: Years, n_train: int, max_order: int) -> Years:
    """One-step forecasts of the years from ``n_train`` on, each a weighted sum of the true years before it.

    statsmodels fits the order (by AIC) and the weights to the years before ``n_train`` alone.
    """
    from statsmodels.tsa.ar_model import AutoReg, ar_select_order

    with blamed(f"max_order={max_order}"):
        lags = ar_select_order(values[:n_train], max_order, ic="aic").ar_lags
    fitted = AutoReg(values[:n_train], lags).fit()
    applied: Any = fitted.apply(values)
    forecast: Years = applied.predict(n_train, len(values) - 1)
    return forecast


def draw(years: Any, values: Years, ours: Years, free: Years, autoregressive: Years) -> Figure:
    """Above, the test years forecast one step ahead; below, free-running, without any of them."""
    n_test, n_shown = len(ours), min(len(values), 2 * len(ours))
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes in (above, below):
        axes.plot(years[-n_shown:], values[-n_shown:], color="black", linewidth=1, label="sunspots")
        axes.axvspan(years[-n_test] - 0.5, years[-1] + 0.5, color="#f2efe6", zorder=0)
        axes.set_ylabel("sunspots, mean of the year")
    test = years[-n_test:]
    above.plot(test, autoregressive, "--", color="#888888", linewidth=1, label="AutoReg")
    above.plot(test, ours, color="#1a5fb4", label="network")
    above.set_title("One year ahead: each forecast knows every year before it (shaded: not trained on)", fontsize=10)
    below.plot(test, free, color="#b3261e", label="network, reading its own forecasts")
    below.set_title(
        f"Free-running: nothing after {years[-n_test] - 1} is known, forecasts are read as if they were true",
        fontsize=10,
    )
    below.set_xlabel("year")
    above.legend(loc="upper left", fontsize=8)
    below.legend(loc="upper left", fontsize=8)
    return figure
