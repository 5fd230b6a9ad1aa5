#!/usr/bin/env python3
"""Measure everything in one run and write benches/RESULTS.md and benches/cost.svg.

needs: cargo; pip install numpy scipy opencv-python-headless mido matplotlib
usage: python3 benches/results.py [--quick] [--music DIR] [--peers FILE]

--music  a folder with folders `phrases` and `midi` of MIDI files; without it the starter bank is measured
--peers  a program that times OpenCV and SciPy beside `judge matrix` on those files
--quick  uses what the last `cargo bench` left in target/criterion instead of measuring again

Times are medians. Machines are noisy: ratios within one run say more than times do.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true")
parser.add_argument("--music", type=pathlib.Path, default=SHARED / "data/mtc-ann")
parser.add_argument("--peers", type=pathlib.Path, default=SHARED / "eval/peers.py")
options = parser.parse_args()
JUDGE = ROOT / "target/release/judge"
out = []


def say(*lines):
    out.extend(lines)


def run(command, **more):
    print("+", " ".join(map(str, command))[:150], file=sys.stderr, flush=True)
    return subprocess.run(list(map(str, command)), cwd=ROOT, check=True, **more)


def printed(command, **more):
    return run(command, capture_output=True, text=True, **more).stdout.strip()


def timed(command, repeats=5):
    """The least wall time in seconds, and the greatest peak memory in MiB, of a command."""
    times, memory = [], 0
    for _ in range(repeats):
        start = time.perf_counter()
        child = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL)
        # Its peak is asked for while it runs: afterwards it includes that of this script.
        while child.poll() is None:
            peak = re.search(r"VmHWM:\s*(\d+) kB", pathlib.Path(f"/proc/{child.pid}/status").read_text())
            memory = max(memory, int(peak[1]) / 1024 if peak else 0)
            time.sleep(0.001)
        times.append(time.perf_counter() - start)
        assert child.returncode == 0, command
    return min(times), memory


def table(head, rows):
    say("| " + " | ".join(head) + " |", "|" + " --- |" * len(head))
    say(*("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows), "")


def micros(seconds):
    value = seconds * 1e6
    return f"{value:,.0f} us" if value >= 100 else f"{value:.3g} us"


has_music = (options.music / "phrases").is_dir()
if has_music:
    os.environ["JUDGE_BENCH_MUSIC"] = f"{options.music}/phrases:{options.music}/midi"
run(["cargo", "build", "--release", "--examples", "--bins"])
if not options.quick:
    for bench in ["pair", "bank", "dense"]:
        run(["cargo", "bench", "--bench", bench], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

# (group, function, value) -> median seconds an element
medians = {}
for file in (ROOT / "target/criterion").rglob("new/benchmark.json"):
    bench = json.loads(file.read_text())
    estimate = json.loads((file.parent / "estimates.json").read_text())["median"]["point_estimate"] * 1e-9
    elements = (bench["throughput"] or {}).get("Elements", 1)
    medians[bench["group_id"], bench["function_id"], bench["value_str"]] = estimate / elements


def of(group):
    return {key[1:]: value for key, value in medians.items() if key[0] == group}


cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
processor = re.search(r"compiled for (.*)", printed([JUDGE, "doctor"]))
say("# Results", "", "Made by `benches/results.py`; what is measured is described in it and in the benches.", "")
table(
    ["", ""],
    [
        ["date", datetime.date.today().isoformat()],
        ["machine", f"{cpu[1] if cpu else platform.processor()}, {os.cpu_count()} cores, no GPU; shared with others"],
        ["code", processor[1] if processor else ""],
        ["compiler", printed(["rustc", "--version"])],
        ["revision", printed(["git", "describe", "--always", "--dirty"])],
        ["music", "914 phrases and 184 songs of MTC-ANN" if has_music else "the starter bank"],
    ],
)

say("## A pair: the brightest overlap over all transpositions and shifts, one thread", "")
collections = ["phrases", "midi"] if has_music else ["starter"]
rows = []
methods = {key[0] for name in collections for key in of(f"pair/{name}")}
for method in sorted(methods, key=lambda method: -of(f"pair/{collections[0]}")[method, None]):
    row = [method]
    for name in collections:
        naive, ours = of(f"pair/{name}")["naive", None], of(f"pair/{name}")[method, None]
        row += [micros(ours), f"{naive / ours:.3g}"]
    rows.append(row)
head = [cell for name in collections for cell in (f"{name}: a pair", "times naive")]
table(["method", *head], rows)

if options.peers.exists() and has_music:
    say("Beside what people use, the whole program (start, read, compute, write), one thread, in this run:", "", "```text")
    for name in ["phrases", "songs"]:
        command = [sys.executable, options.peers, "--judge", JUDGE, "--data", options.music.parent, "--set", name]
        say(printed(command))
    say("```", "")

say("## Soft pictures of 128 x 256 pixels by Fourier transform, spectra kept, one thread", "", "```text")
say(printed([sys.executable, ROOT / "benches/dense_peer.py"]), "```", "")

say("## A question to a bank, by its size, one thread; 28 alterations an exemplar", "")
sizes = sorted({int(key[1]) for key in of("bank size")})
asked = of("bank size")
kinds = ["best match", "verdict", "bounds alone", "exhaustive"]
rows = []
for size in sizes:
    times = [asked.get((kind, str(size))) for kind in kinds]
    ratio = [f"{times[3] / times[i]:.1f}" if times[3] and times[i] else "" for i in (0, 1)]
    if any(times[:3]):
        rows.append([f"{size:,}", *(micros(value) if value else "" for value in times), *ratio])
table(["exemplars", *kinds, "exhaustive / best", "exhaustive / verdict"], rows)

say("## By the size of the fragment, in notes", "")
by_notes = of("fragment size")
notes = sorted({int(key[1]) for key in by_notes})
table(
    ["notes", "best match", "exhaustive"],
    [[n, micros(by_notes["best match", str(n)]), micros(by_notes["exhaustive", str(n)])] for n in notes],
)

say("## An edit of one note", "")
say(
    "Considered: the fragment stays as it is. Applied: eight random edits in a row, each of which makes it worse. Searched: "
    "each edit considered, and made if it is no step back; every eighth is made all the same.",
    "",
)
edits = {key[0] or key[1]: value for key, value in of("edit").items()}
whole = edits["anew, exhaustive"]
table(
    ["", "an edit", "times faster than anew without skipping"],
    [[name, micros(edits[name]), f"{whole / edits[name]:.0f}"] for name in ["considered", "applied", "anew", "anew, exhaustive"]]
    + [
        [name, micros(edits[name]), f"{edits['searched, anew, exhaustive'] / edits[name]:.0f}"]
        for name in ["searched", "searched, anew", "searched, anew, exhaustive"]
    ],
)

say("## Two threads", "")
threads = of("threads")
rows = [
    [name, micros(threads[key, "1"]), micros(threads[key, "2"]), f"{threads[key, '1'] / threads[key, '2']:.2f}"]
    for key, name in [("batch", "a question of a batch"), ("table", "a pair of a table, 28 alterations")]
]
for size in sizes:
    one, two = (asked.get((f"best match, {count} threads", str(size))) for count in (1, 2))
    if one and two:
        rows.append([f"a question to {size:,} exemplars", micros(one), micros(two), f"{one / two:.2f}"])

if has_music:
    files = sorted((options.music / "midi").glob("*.mid"))
    with tempfile.TemporaryDirectory() as folder:
        command = [JUDGE, "matrix", *files, "--csv", f"{folder}/m.csv", "--quiet", "--exhaustive"]
        one, two = (timed([*command, "--threads", count], 3)[0] for count in (1, 2))
    rows.append([f"`judge matrix` of {len(files)} songs", f"{one:.2f} s", f"{two:.2f} s", f"{one / two:.2f}"])
table(["", "one", "two", "times faster"], rows)

say("## The program", "")
fragment = ROOT / "fragments/candidates/good-sakura-ornamented.mid"
rows = [["the starter bank", *timed([JUDGE, fragment], 20)]]
source = options.music / "phrases" if has_music else ROOT / "fragments/good"
with tempfile.TemporaryDirectory() as folder:
    for count in [10_000, 100_000]:
        bank = pathlib.Path(folder) / str(count)
        run(["target/release/examples/make_bank", source, bank, count])
        command = [JUDGE, "--bank", bank, fragment, "--quiet"]
        rows.append([f"{count:,} exemplars, first time", *timed(command, 1)])
        rows.append([f"{count:,} exemplars, from the cache", *timed(command)])
table(["`judge FILE`", "time", "peak memory"], [[name, f"{t * 1e3:,.1f} ms", f"{m:,.0f} MiB"] for name, t, m in rows])

say("## `judge stream`: 1,000 exemplars, fragments of 12 notes", "", "```text")
say(printed([sys.executable, ROOT / "benches/stream.py"]), "```", "")

plt.rcParams.update({"font.size": 11, "svg.fonttype": "none", "font.family": "sans-serif"})
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
colours = {"exhaustive": "#D55E00", "best match": "#0072B2", "verdict": "#009E73", "bounds alone": "#999999"}
for kind, colour in colours.items():
    points = [(size, asked[kind, str(size)] * 1e6) for size in sizes if (kind, str(size)) in asked]
    left.loglog(*zip(*points), "o-", label=kind, color=colour)
left.set(xlabel="exemplars in the bank", ylabel="microseconds a fragment", title="By the size of the bank")
for kind in ["exhaustive", "best match"]:
    right.loglog(notes, [by_notes[kind, str(n)] * 1e6 for n in notes], "o-", label=kind, color=colours[kind])
right.set(xlabel="notes in the fragment", title=f"By the size of the fragment, {914 if has_music else 101} exemplars")
for axes in (left, right):
    axes.grid(True, which="major", color="#DDDDDD")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
figure.savefig(ROOT / "benches/cost.svg", metadata={"Date": None})
say("![Cost by bank size and fragment size](cost.svg)", "")
say("What a graphics processor does is in [DEVICE.md](DEVICE.md), which `benches/device.py` writes.", "")
(ROOT / "benches/RESULTS.md").write_text("\n".join(out).rstrip() + "\n")
print("\n".join(out))
