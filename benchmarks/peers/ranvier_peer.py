"""ranvier: training through `fit`, all of fit's own work counted."""

from __future__ import annotations

from benchmarks import networks as cases
from benchmarks.peers import keras_like


def make(case):
    import ranvier

    model = keras_like(ranvier, case)
    model.set_weights(cases.weights(case))
    model.compile(case.optimizer, "sparse_categorical_crossentropy")
    x, y = cases.data(case)

    def run(n):
        if case.kind == "predict":
            for _ in range(n):
                model(x)
            return
        steps = -(-case.rows // case.batch)
        model.fit(x, y, batch_size=case.batch, epochs=-(-n // steps), verbose=0)

    return lambda: model.predict_on_batch(x), run


def versions():
    import ranvier

    return f"ranvier {ranvier.__version__} ({ranvier.show_config('dicts')['instruction_set']})"
