#!/usr/bin/env python3
"""How many fragments `judge stream` answers a second, and how soon it answers a lone one.

usage: python3 benches/stream.py [--music DIR] [--threads N] [--count N] [OPTION…]

needs: cargo. A bank of 1,000 exemplars is made by examples/make_bank.rs of the MIDI files in DIR (phrases of MTC-ANN in
../shared/data if they are there, else the starter bank's exemplars); fragments are 12 notes of a random walk in a scale;
three stretches are searched. Options that this script does not know go to `judge stream`.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PHRASES = ROOT.parent / "shared/data/mtc-ann/phrases"
parser = argparse.ArgumentParser()
parser.add_argument("--music", type=pathlib.Path, default=PHRASES if PHRASES.is_dir() else ROOT / "fragments/good")
parser.add_argument("--exemplars", type=int, default=1000)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--count", type=int, default=10_000)
parser.add_argument("--stretch", default="1/2,1,2")
options, others = parser.parse_known_args()


def question(seed):
    """12 notes of a line in some major key."""
    choose = random.Random(seed)
    degree, key, now, notes = choose.randrange(7, 14), choose.randrange(48, 60), 0.0, []
    for _ in range(12):
        degree = min(max(degree + choose.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3]), 0), 20)
        duration = choose.choice([0.5, 0.5, 1, 1, 1.5, 2])
        notes.append([key + 12 * (degree // 7) + [0, 2, 4, 5, 7, 9, 11][degree % 7], now, duration])
        now += duration
    return json.dumps({"id": seed, "notes": notes}) + "\n"


def start(bank, *more):
    command = [ROOT / "target/release/judge", "stream", "--bank", bank, "--stretch", options.stretch]
    command += ["--threads", str(options.threads), *others, *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(stream, line):
    stream.stdin.write(line)
    stream.stdin.flush()
    return json.loads(stream.stdout.readline())


def throughput(bank, *more):
    """Answers a second to all questions at once, after the first few."""
    stream = start(bank, *more)
    for seed in range(100):
        ask(stream, question(-seed - 1))
    lines = [question(seed) for seed in range(options.count)]

    def write():
        with stream.stdin as to:
            to.writelines(lines)

    began = time.perf_counter()
    writer = threading.Thread(target=write)
    writer.start()
    # What they say is read after the clock has stopped: it is the judge's time that is taken.
    answers = stream.stdout.buffer.readlines()
    seconds = time.perf_counter() - began
    writer.join()
    ids = [json.loads(line)["id"] for line in answers]
    assert ids == list(range(options.count)) and stream.wait() == 0
    return options.count / seconds


def latency(bank):
    """Milliseconds from a lone question to its answer: median, and 99th percentile."""
    stream = start(bank)
    times = []
    for seed in range(600):
        line, began = question(seed), time.perf_counter()
        assert ask(stream, line)["id"] == seed
        times.append(1e3 * (time.perf_counter() - began))
    stream.communicate()
    times = times[100:]
    return statistics.median(times), sorted(times)[len(times) * 99 // 100]


build = ["cargo", "build", "--release", "--quiet", "--bin", "judge", "--example", "make_bank"]
subprocess.run(build, cwd=ROOT, check=True)
with tempfile.TemporaryDirectory() as folder:
    bank = pathlib.Path(folder) / "bank"
    made = [ROOT / "target/release/examples/make_bank", options.music, bank, str(options.exemplars)]
    print(subprocess.run(made, check=True, capture_output=True, text=True).stdout.replace(f" in {bank}", "").strip())
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    plain = ["--inversion", "off", "--retrograde", "off"]
    print(f"stretches {options.stretch}, {options.threads} threads; fragments a second:")
    for name, more in [("full measure, all mirrors", []), ("full measure, no mirrors", plain)]:
        rate, scores = throughput(bank, *more), throughput(bank, "--score-only", *more)
        print(f"  {name:28} {rate:7,.0f}   --score-only {scores:7,.0f}")
    correlation = ["--measure", "correlation"]
    for name, more in [("correlation, all mirrors", correlation), ("correlation, no mirrors", correlation + plain)]:
        rate, scores = throughput(bank, *more), throughput(bank, "--score-only", *more)
        print(f"  {name:28} {rate:7,.0f}   --score-only {scores:7,.0f}")
    median, slow = latency(bank)
    print(f"a lone fragment is answered in {median:.2f} ms (median), {slow:.2f} ms (99th percentile)")
