"""Pictures of models, data and results, drawn by matplotlib (the extra `plot`).

Each function returns a `matplotlib.figure.Figure` and, given `path`, saves it there; pyplot and its
global state are not touched. Loaded when first asked for: `import ranvier` does not import it.

>>> import numpy as np, ranvier
>>> figure = ranvier.plot.confusion_matrix([0, 1, 1], [0, 1, 0])
>>> [axes.get_xlabel() for axes in figure.axes]
['predicted']
"""

from ranvier._extras import MissingExtra
from ranvier.plot.confusion import confusion_matrix
from ranvier.plot.convolution import feature_maps, filters
from ranvier.plot.curves import history
from ranvier.plot.grid import images
from ranvier.plot.recurrence import gradient_through_time, lstm_gates, rnn_states

__all__ = [
    "MissingExtra",
    "confusion_matrix",
    "feature_maps",
    "filters",
    "gradient_through_time",
    "history",
    "images",
    "lstm_gates",
    "rnn_states",
]
