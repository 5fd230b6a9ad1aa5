#!/usr/bin/env python3
"""Time librosa on what benches/analysis.rs times, in the same run, on the same samples, one thread.

needs: pip install librosa
usage: python3 benches/audio_peer.py [--plain]

Runs the benchmark, which leaves its samples, then librosa on them, and prints milliseconds (medians) for 30 seconds,
how many times real time that is, and the ratio. With --plain the medians of the last run of the benchmark are used,
and the samples that it left.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

for name in ["OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR"]:
    os.environ[f"{name}_NUM_THREADS"] = "1"

root = pathlib.Path(__file__).resolve().parent.parent
samples = root / "target/analysis-samples.f32"
if "--plain" not in sys.argv:
    environment = os.environ | {"JUDGE_BENCH_SAMPLES": str(samples)}
    subprocess.run(["cargo", "bench", "--bench", "analysis"], cwd=root, env=environment, check=True)

import librosa  # noqa: E402, after the number of threads is set
import numpy as np  # noqa: E402

RATE, REPEATS = 22050, 15
y = np.fromfile(samples, dtype="<f4")
seconds = len(y) / RATE
strengths = librosa.onset.onset_strength(y=y, sr=RATE, aggregate=np.median)
WORK = {
    "cqt84": lambda: np.abs(librosa.cqt(y, sr=RATE)),
    "cqt252": lambda: np.abs(librosa.cqt(y, sr=RATE, n_bins=252, bins_per_octave=36)),
    "stft": lambda: np.abs(librosa.stft(y)),
    "mfcc": lambda: librosa.feature.mfcc(y=y, sr=RATE),
    "tuning": lambda: librosa.estimate_tuning(y=y, sr=RATE),
    "chroma_stft": lambda: librosa.feature.chroma_stft(y=y, sr=RATE),
    "onset_strength": lambda: librosa.onset.onset_strength(y=y, sr=RATE),
    "beat_track": lambda: librosa.beat.beat_track(onset_envelope=strengths, sr=RATE),
    "hpss": lambda: librosa.decompose.hpss(np.abs(librosa.stft(y))),
}


def median(work):
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def ours(name):
    file = root / f"target/criterion/analysis/{name}/new/estimates.json"
    return json.loads(file.read_text())["median"]["point_estimate"] / 1e6


print(f"librosa {librosa.__version__}, {seconds:.0f} s, one thread")
print(f"{'':16}{'judge ms':>10}{'x real time':>13}{'librosa ms':>12}{'ratio':>8}")
for name, work in WORK.items():
    mine, theirs = ours(name), median(work)
    print(f"{name:16}{mine:10.1f}{seconds * 1e3 / mine:13.0f}{theirs:12.1f}{theirs / mine:8.1f}")
