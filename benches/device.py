#!/usr/bin/env python3
"""Hold the correlation on a graphics processor to the processor's, time it, and write benches/DEVICE.md.

needs: an NVIDIA device and its driver; CUDA's compute-sanitizer; pip install torch numpy
usage: python3 benches/device.py [--tests FILE --device FILE] [--out FILE] [--music DIR]

Runs the tests that need a device, the same under compute-sanitizer's memcheck and racecheck (the long ones left out),
the example `device` on the phrases and songs of the folder --music, and `benches/device_peer.py` on the same music.
--tests and --device name programs that were built elsewhere (the test `cuda` and the example `device`, both with
--release); without them cargo builds them.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("--tests", type=pathlib.Path)
parser.add_argument("--device", type=pathlib.Path)
parser.add_argument("--out", type=pathlib.Path, default=ROOT / "benches/DEVICE.md")
parser.add_argument("--music", type=pathlib.Path, default=ROOT.parent / "shared/data/mtc-ann")
options = parser.parse_args()
# What the sanitizers run: every kernel and every way through them, on little music.
WATCHED = ["long_pieces_and_chords_of_all_sizes", "brightness_beyond_two_bytes", "soft_pictures_of_all_sizes", "windows_of_all_sizes",
           "exemplars_that_do_not_fit_are_searched_all_the_same", "tables_are_those_of_the_processor",
           "blocks_of_eight_warps::real_rolls"]


def printed(command, check=True):
    print("+", " ".join(map(str, command))[:160], file=sys.stderr, flush=True)
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode:
        sys.exit(done.stdout[-4000:] + f"\n{command[0]} ended with {done.returncode}")
    return done.stdout


def built(arguments, name):
    for line in subprocess.run(["cargo", *arguments, "--release", "--message-format=json"], cwd=ROOT, check=True,
                               stdout=subprocess.PIPE, text=True).stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            found = message["executable"]
    return found


tests = options.tests or built(["test", "--test", "cuda", "--no-run"], "cuda")
device = options.device or built(["build", "--example", "device"], "device")
folders = [options.music / "phrases", options.music / "midi"]
out = ["# On a graphics processor", "", "Made by `benches/device.py`; what is measured is described in it and in `examples/device.rs`.", ""]
card = printed(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]).strip()
revision = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
out += [f"{datetime.date.today().isoformat()}, {card}, revision {revision.strip() or 'not known'}", ""]


def section(title, text):
    out.extend([f"## {title}", "", "```text", text.strip(), "```", ""])
    # At once: what comes later may fail.
    options.out.write_text("\n".join(out).rstrip() + "\n")


result = printed([tests, "--ignored", "--skip", "driver_"])
section("Tests", re.search(r"test result:.*", result)[0])
section("Times", re.sub(r"(?m)^\S*/(\w+):", r"\1:", printed([device, *folders])))
with tempfile.TemporaryDirectory() as rolls:
    printed([device, "--rolls", rolls, *folders])
    files = [f"{rolls}/{folder.name}.rolls" for folder in folders]
    peer = printed([sys.executable, ROOT / "benches/device_peer.py", *files])
section("Beside what people use", re.sub(r"\S*/(\w+)\.rolls", r"\1", peer))
said = []
for tool in ["memcheck", "racecheck"]:
    log = printed(["compute-sanitizer", "--tool", tool, tests, "--ignored", "--exact", "--test-threads", "1", *WATCHED])
    said += [f"{tool}: " + re.search(r"test result:[^;]*; \d+ failed", log)[0], re.search(r"(ERROR|RACECHECK) SUMMARY.*", log)[0]]
section("compute-sanitizer", "\n".join(said))
print(options.out.read_text())
