"""ranvier's perceptrons."""

from benchmarks import estimator_cases


def make(case):
    import ranvier.sklearn

    return estimator_cases.make(case, ranvier.sklearn)


def versions():
    import ranvier
    import ranvier.sklearn

    return f"ranvier {ranvier.__version__}"
