"""Writes paired.txt: what scipy.stats.bootstrap says of paired differences.

    python make_paired.py > paired.txt

The data come from the generator in `numbers`, which the test repeats. 400,000 resamples, so
that what is left of chance in the bounds is far below the test's tolerance.
"""

import numpy as np
import scipy
from scipy import stats

RESAMPLES = 400_000


def numbers(count, seed):
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 8) / 2**24)
    return np.array(out)


def p_of_none(values):
    rarer = min((values <= 0).sum(), (values >= 0).sum())
    return min(1.0, 2 * (rarer + 1) / (len(values) + 1))


def show(name, value, result):
    low, high = result.confidence_interval
    print(name, *(repr(float(x)) for x in (value, low, high, p_of_none(result.bootstrap_distribution))))


print(f"# make_paired.py, numpy {np.__version__}, scipy {scipy.__version__}")

a, b = numbers(60, 1), numbers(60, 2) - 0.1
show("mean", (a - b).mean(), stats.bootstrap(
    (a - b,), np.mean, n_resamples=RESAMPLES, method="percentile",
    rng=np.random.default_rng(0), batch=10_000,
))


def auc(positive, negative):
    greater = (positive[..., :, None] > negative[..., None, :]).mean((-1, -2))
    equal = (positive[..., :, None] == negative[..., None, :]).mean((-1, -2))
    return greater + equal / 2


# Scores in steps of a tenth, so that there are ties; the first 20 rows are positive.
labels = np.arange(60) < 20
x = np.floor(10 * (numbers(60, 3) + 0.4 * labels)) / 10
y = np.floor(10 * (numbers(60, 4) + 0.1 * labels)) / 10


def gain(positive, negative, axis=-1):
    # Rows of indices, so that both scores of a row are drawn together.
    i, j = positive.astype(int), negative.astype(int)
    return auc(x[i], x[j]) - auc(y[i], y[j])


positive, negative = np.nonzero(labels)[0], np.nonzero(~labels)[0]
show("auc", gain(positive, negative), stats.bootstrap(
    (positive, negative), gain, n_resamples=RESAMPLES, method="percentile", vectorized=True,
    rng=np.random.default_rng(0), batch=2_000,
))
