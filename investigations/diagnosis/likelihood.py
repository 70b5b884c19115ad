"""Log-likelihoods on arrays that the scans and the estimates of unrest share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def quotient(a: Array | float, b: Array | float) -> Array:
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) > 0)


def xlog(x: Array, y: Array) -> Array:
    return np.where(x > 0, x * np.log(np.maximum(y, 1e-12)), 0.0)


def bernoulli(h: Array | float, n: Array | float, p: Array | float) -> Array:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(h * np.log(p) + (n - h) * np.log(1 - p))
