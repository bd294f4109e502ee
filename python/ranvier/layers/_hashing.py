"""The two hashes by which Keras puts unknown words into buckets, so that ours are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MASK = 2**64 - 1
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F


def _rotate(x: int, by: int) -> int:
    """The 64 bits of `x`, turned right."""
    x &= _MASK
    return (x >> by) | (x << (64 - by)) & _MASK


def _shift_mix(x: int) -> int:
    x &= _MASK
    return x ^ (x >> 47)


def _of_two(u: int, v: int, factor: int) -> int:
    a = _shift_mix((u ^ v) * factor)
    return _shift_mix((v ^ a) * factor) * factor & _MASK


def _word(data: Any, at: int, size: int = 8) -> Any:
    if not isinstance(data, bytes):
        return data.word(at, size)
    return int.from_bytes(data[at : at + size], "little")


# ONNX export calls these with other things than `bytes` and `int`, whose operators write nodes.
def from_8(s: Any, n: int) -> Any:
    factor = _K2 + 2 * n
    a, b = (_word(s, 0) + _K2) & _MASK, _word(s, n - 8)
    c = (_rotate(b, 37) * factor + a) & _MASK
    d = (_rotate(a, 25) + b) * factor & _MASK
    return _of_two(c, d, factor)


def from_4(s: Any, n: int) -> Any:
    return _of_two(n + (_word(s, 0, 4) << 3), _word(s, n - 4, 4), _K2 + 2 * n)


def from_1(s: Any, n: int) -> Any:
    y = _word(s, 0, 1) + (_word(s, n >> 1, 1) << 8)
    z = n + (_word(s, n - 1, 1) << 2)
    return _shift_mix(y * _K2 ^ z * _K0) * _K2 & _MASK


def from_17(s: Any, n: int, short: bool) -> Any:
    factor = _K2 + 2 * n
    a = _word(s, 0) * (_K1 if short else _K2) & _MASK
    b = _word(s, 8)
    c = _word(s, n - 8) * factor & _MASK
    d = _word(s, n - 16) * _K2
    y = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
    z = _of_two(y, (a + _rotate(b + _K2, 18) + c) & _MASK, factor)
    if short:
        return z
    e = _word(s, 16) * factor & _MASK
    f = _word(s, 24)
    g = (y + _word(s, n - 32)) * factor
    h = (z + _word(s, n - 24)) * factor
    u = (_rotate(e + f, 43) + _rotate(g, 30) + h) & _MASK
    return _of_two(u, (e + _rotate(f + a, 18) + g) & _MASK, factor)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(s, at + i) for i in (0, 8, 16, 24))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    return (a + z) & _MASK, (b + _rotate(a, 44) + c) & _MASK


State = tuple[int, int, int, int, int, int, int]


def _round(s: bytes, at: int, state: State, factor: int, times: int) -> State:
    """Mixes in the 64 bytes from `at` on."""
    x, y, z, v0, v1, w0, w1 = state
    x = _rotate(x + y + v0 + _word(s, at + 8), 37) * factor
    y = _rotate(y + v1 + _word(s, at + 48), 42) * factor
    x = (x ^ (w1 * times)) & _MASK
    y += v0 * times + _word(s, at + 40)
    z = _rotate(z + w0, 33) * factor & _MASK
    v0, v1 = _weak(s, at, v1 * factor, x + w0)
    w0, w1 = _weak(s, at + 32, z + w1, y + _word(s, at + 16))
    return z, y & _MASK, x, v0, v1, w0, w1


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64 (https://github.com/google/farmhash, `farmhashna::Hash64`).

    >>> fingerprint64(b"test")
    8581389452482819506
    """
    n = len(s)
    if n <= 64:
        if n > 16:
            return from_17(s, n, n <= 32)
        return from_8(s, n) if n > 7 else from_4(s, n) if n > 3 else from_1(s, n) if n else _K2
    y = (81 * _K1 + 113) & _MASK
    z = _shift_mix(y * _K2 + 113) * _K2 & _MASK
    state: State = (81 * _K2 + _word(s, 0), y, z, 0, 0, 0, 0)
    for at in range(0, (n - 1) // 64 * 64, 64):
        state = _round(s, at, state, _K1, 1)
    x, y, z, v0, v1, w0, w1 = state
    w0 += (n - 1) & 63
    v0 += w0
    w0 += v0
    factor = _K1 + ((z & 0xFF) << 1)
    # the last 64 bytes, which overlap those before
    x, y, z, v0, v1, w0, w1 = _round(s, n - 64, (x, y, z, v0, v1, w0, w1), factor, 9)
    u = _of_two(v0, w0, factor) + _shift_mix(y) * _K0 + z
    return _of_two(u & _MASK, (_of_two(v1, w1, factor) + x) & _MASK, factor)


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 with two 64-bit keys (Aumasson and Bernstein, 2012).

    >>> hex(siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    v = sip_start(key)
    n = len(s)
    padded = s + bytes(-(n + 1) % 8) + bytes([n & 0xFF])
    for at in range(0, len(padded), 8):
        sip_word(v, _word(padded, at))
    return sip_end(v)


def sip_start(key: Any) -> list[Any]:
    k0, k1 = (k & _MASK for k in key)
    return [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]


def sip_word(v: list[Any], word: Any) -> None:
    v[3] ^= word
    _sip_rounds(v, 2)
    v[0] ^= word


def sip_end(v: list[Any]) -> Any:
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[Any], times: int) -> None:
    a, b, c, d = v
    for _ in range(times):
        a = (a + b) & _MASK
        b = _rotate(b, 64 - 13) ^ a
        a = _rotate(a, 32)
        c = (c + d) & _MASK
        d = _rotate(d, 64 - 16) ^ c
        a = (a + d) & _MASK
        d = _rotate(d, 64 - 21) ^ a
        c = (c + b) & _MASK
        b = _rotate(b, 64 - 17) ^ c
        c = _rotate(c, 32)
    v[:] = a, b, c, d


def buckets(words: Sequence[str], many: int, salt: Sequence[int] | None) -> NDArray[np.int64]:
    """A number below `many` for each word, as TensorFlow's to_hash_bucket_fast and _strong."""
    known: dict[str, int] = {}
    for word in words:
        if word not in known:
            data = word.encode("utf-8", "surrogatepass")
            code = siphash64(data, (salt[0], salt[1])) if salt else fingerprint64(data)
            known[word] = code % many
    return np.fromiter(map(known.__getitem__, words), np.int64, len(words))


def cross(features: Sequence[str | int], many: int) -> int:
    """A number below `many` for values taken together, as TensorFlow's sparse.cross_hashed."""
    code = 0xDECAFCAFFE
    for feature in features:
        own = fingerprint64(feature.encode()) if isinstance(feature, str) else feature
        factor = 0xC6A4A7935BD1E995
        code = (code ^ factor ^ _shift_mix(own * factor) * factor) * factor
        code = _shift_mix(_shift_mix(code) * factor)
    return code % many
