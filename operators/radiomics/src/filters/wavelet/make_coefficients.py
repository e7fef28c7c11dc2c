"""Write coefficients.txt: the low-pass filters of PyWavelets' discrete wavelets.

    python make_coefficients.py > coefficients.txt

A line has a name, the decomposition low-pass and, for the biorthogonal families, the
reconstruction low-pass; everything else follows (see bank.rs) and is checked here.
"""

from importlib.metadata import version

import numpy as np
import pywt


def high_from(reconstruction_low):
    return [c if k % 2 else -c for k, c in enumerate(reconstruction_low)]


def text(taps):
    return " ".join(repr(c) for c in taps)


print(f"# Low-pass filters of PyWavelets {version('PyWavelets')}, by make_coefficients.py.")
for name in pywt.wavelist(kind="discrete"):
    wavelet = pywt.Wavelet(name)
    assert np.array_equal(high_from(wavelet.rec_lo), wavelet.dec_hi), name
    if name.startswith("rbio"):
        twin = pywt.Wavelet(name.replace("rbio", "bior"))
        assert wavelet.dec_lo == twin.rec_lo[::-1] and wavelet.rec_lo == twin.dec_lo[::-1], name
    elif name.startswith("bior"):
        print(f"{name}; {text(wavelet.dec_lo)}; {text(wavelet.rec_lo)}")
    elif name == "haar":
        assert wavelet.dec_lo == pywt.Wavelet("db1").dec_lo
    else:
        assert wavelet.rec_lo == wavelet.dec_lo[::-1], name
        print(f"{name}; {text(wavelet.dec_lo)}")
