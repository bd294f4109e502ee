"""One module a framework: `make(case)` returns (predict, run).

`predict(x)` gives probabilities as a NumPy array (checked before anything is timed); `run(n)` does
n training steps (or n single-row predictions) in the fastest way that the framework's own
documentation offers, and returns only when they are done.
"""
