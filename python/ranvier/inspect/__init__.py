"""What goes on inside recurrent layers: gates, states, gradients on their way back through time.

Loaded when first asked for: `import ranvier` does not import it. `ranvier.plot` draws what these
functions give.

>>> import numpy as np, ranvier
>>> gates = ranvier.inspect.lstm_gates(ranvier.layers.LSTM(4), np.ones((2, 5, 3)))
>>> gates.forget.shape
(2, 5, 4)
"""

from ranvier.inspect.recurrence import LSTMGates, gradient_through_time, lstm_gates, rnn_states

__all__ = ["LSTMGates", "gradient_through_time", "lstm_gates", "rnn_states"]
