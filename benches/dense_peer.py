#!/usr/bin/env python3
"""Time SciPy on what benches/dense.rs times: dense 128 x 256 rolls, the bank's spectra cached, one thread.

needs: pip install numpy scipy
usage: cargo bench --bench dense; python3 benches/dense_peer.py

Prints microseconds a pair, median and least, of
  as written: every transposition, on (256, next_fast_len(sum of widths)), which is what a user would write;
  padded as narrowly as judge: the same on as few rows as the wanted transpositions need;
and of making one spectrum.
"""
import time

import numpy as np
from scipy import fft

ROWS, COLUMNS, EXEMPLARS, REPEATS = 128, 256, 16, 640
rng = np.random.default_rng(5)
fragment = rng.random((ROWS, COLUMNS), dtype=np.float32)
bank = [rng.random((ROWS, COLUMNS), dtype=np.float32) for _ in range(EXEMPLARS)]
columns = fft.next_fast_len(2 * COLUMNS, True)


def spectrum(roll, size):
    return np.conj(fft.rfft2(roll, size))


def brightest(spectrum, size):
    return fft.irfft2(fft.rfft2(fragment, size) * spectrum, size).max()


def timed(work):
    times = []
    for repeat in range(REPEATS):
        start = time.perf_counter()
        work(repeat % EXEMPLARS)
        times.append((time.perf_counter() - start) * 1e6)
    return f"{np.median(times):8.1f} us, least {min(times):8.1f}"


for name, rows in [("as written, 256 rows", 256), ("25 transpositions, 144 rows", 144), ("51 transpositions, 160 rows", 160)]:
    size = (rows, columns)
    spectra = [spectrum(roll, size) for roll in bank]
    print(f"{name:30} a pair {timed(lambda i: brightest(spectra[i], size))}   a spectrum {timed(lambda i: spectrum(bank[i], size))}")
