"""The benchmark checks answers, times, and tells what it measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ranvier.ops import bench, table


def test_rows_and_file(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    rows = bench.run(["matmul/square", "exp"], sizes=[8], seconds=0.002, json_path=str(path))
    assert [row.name for row in rows] == ["matmul/square", "exp", "expm1"]
    assert all(row.native_us > 0 and row.numpy_us > 0 for row in rows)
    assert rows[0].percent_of_peak is not None and rows[1].gigabytes_per_second is not None
    saved = json.loads(path.read_text())
    assert saved["instruction_set"] and len(saved["rows"]) == 3
    assert "matmul/square" in capsys.readouterr().out


def test_wrong_answers_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = table.find("exp")._replace(native=lambda x: np.exp(x) + 1e-3)
    monkeypatch.setattr(bench, "table", lambda: [wrong])
    with pytest.raises(RuntimeError, match="exp at size 10: wrong by"):
        bench.run(sizes=[10], seconds=0.001)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="no op's name begins with 'nothing'"):
        bench.run(["nothing"])
