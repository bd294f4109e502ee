"""The hashes of unknown words, beside the values that their authors and Keras publish."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier.layers._hashing import buckets, fingerprint64, siphash64

_MASK = 2**64 - 1


def test_fingerprints_of_farmhash() -> None:
    """From Guava's FarmHashFingerprint64Test."""
    assert fingerprint64(b"test") == 8581389452482819506
    assert fingerprint64(b"test" * 8) == -4196240717365766262 & _MASK
    assert fingerprint64(b"test" * 64) == 3500507768004279527


def _remix(h: int) -> int:
    return (h ^ (h >> 41)) * 949921979 & _MASK


def test_fingerprints_of_all_lengths() -> None:
    """Guava's own chain over 3200 strings; its end is what the C++ reference gives."""
    data, n, h = bytearray(3200), 0, 0
    for i in range(800):
        for power in (1, 2, 3, None):
            length = n if power is None else i if power == 1 else i**power % n
            h = _remix(h ^ fingerprint64(bytes(data[:length])))
            data[n] = ord("a") + (h & 0xFFFFF) % 26
            n += 1
        a, b, c, d = data[n - 1], data[n - 2], data[n - 3], data[n // 2]
        data[((a << 16) + (b << 8) + c) % n] ^= d
        data[((b << 16) + (c << 8) + d) % n] ^= i % 256
    assert h == 0x7A1D67C50EC7E167


def test_siphash_of_its_paper() -> None:
    """Appendix A of Aumasson and Bernstein: key 00..0f, message 00..0e."""
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert siphash64(bytes(range(15)), key) == 0xA129CA6149BE45E5


def test_buckets_of_keras() -> None:
    """From the docstrings of keras.layers.Hashing and IntegerLookup."""
    letters = list("ABCDE")
    assert buckets(letters, 3, None).tolist() == [1, 0, 1, 1, 2]
    assert buckets(letters, 3, [133, 137]).tolist() == [1, 2, 1, 0, 2]
    assert buckets(letters, 3, [133, 133]).tolist() == [0, 0, 2, 1, 0]
    numbers = ["100", "300", "700", "1100", "1700", "2000"]
    assert buckets(numbers, 4, None).tolist() == [3, 3, 2, 2, 0, 1]


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 2**24), ("float64", 2**53)])
def test_integers_that_a_model_would_round_are_refused(dtype: str, largest: int) -> None:
    layer = ranvier.layers.Hashing(1000, output_mode="one_hot", dtype=dtype)
    model = ranvier.Sequential([ranvier.Input((1,)), layer])
    given = np.array([[largest - 1], [7], [1 - largest]])
    assert model(given).tolist() == layer(given).tolist()
    with pytest.raises(ValueError, match=f"hashing.*below {largest}"):
        model(np.array([[2 * largest]]))
