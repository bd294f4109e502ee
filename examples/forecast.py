"""Sunspots of the next year: an LSTM beside an ARIMA model, and beside "as many as this year".

309 years of sunspot numbers come with statsmodels. The last 80 are forecast one year ahead, each
from the years before it; models are fitted to the first 229 years only. All models see square
roots, which make the swings of weak and strong cycles comparable.

229 numbers are few for a network. A linear model of the right order is hard to beat here, and the
LSTM does not: it comes near, without being told of the cycle of eleven years.
"""

from __future__ import annotations

import numpy as np
from statsmodels.datasets import sunspots
from statsmodels.tsa.ar_model import ar_select_order
from statsmodels.tsa.arima.model import ARIMA

import ranvier
from ranvier.layers import LSTM, Dense
from ranvier.models import Sequential
from ranvier.optimizers import Adam

TEST, WINDOW = 80, 24  # years


def by_arima(roots: np.ndarray) -> np.ndarray:
    """Forecasts of the last years one step ahead, the order by Akaike's criterion."""
    known = roots[:-TEST]
    order = len(ar_select_order(known, maxlag=12, ic="aic").ar_lags)
    fitted = ARIMA(known, order=(order, 0, 0)).fit()
    ahead = fitted.append(roots[-TEST:], refit=False)
    return ahead.predict(len(known), len(roots) - 1)


def by_lstm(roots: np.ndarray, seeds: int = 5) -> np.ndarray:
    """The same by the mean of five networks that see the last 24 years."""
    known = roots[:-TEST]
    series = ((roots - known.mean()) / known.std()).astype("float32")[:, None]
    train = ranvier.utils.timeseries_dataset_from_array(
        series[:-TEST], series[WINDOW:-TEST], WINDOW, batch_size=16, shuffle=True, seed=0
    )
    windows = np.lib.stride_tricks.sliding_window_view(series[-TEST - WINDOW : -1, 0], WINDOW)
    forecasts = []
    for seed in range(seeds):
        ranvier.utils.set_random_seed(seed)
        model = Sequential([
            LSTM(32, recurrent_dropout=0.2, input_shape=(None, 1)),
            Dense(1),
        ])  # fmt: skip
        model.compile(Adam(0.003), "mse")
        model.fit(train, epochs=40, verbose=0)
        forecasts.append(model.predict(windows[..., None], verbose=0)[:, 0])
    return np.mean(forecasts, axis=0) * known.std() + known.mean()


def main() -> dict[str, float]:
    """The root mean square error of each forecast, in sunspots."""
    numbers = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    roots = np.sqrt(numbers)
    forecasts = {
        "as this year": numbers[-TEST - 1 : -1],
        "ARIMA": by_arima(roots) ** 2,
        "LSTM": by_lstm(roots) ** 2,
    }
    errors = {
        name: float(np.sqrt(np.mean((forecast - numbers[-TEST:]) ** 2)))
        for name, forecast in forecasts.items()
    }
    for name, error in errors.items():
        print(f"{name}: wrong by {error:.1f} sunspots (root mean square of {TEST} years)")
    return errors


if __name__ == "__main__":
    main()
