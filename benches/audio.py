#!/usr/bin/env python3
"""How well recordings are recognised, and how quickly they are read.

Folk melodies (MTC-ANN) are played by FluidSynth at an uneven tempo; excerpts of ten seconds, cut anywhere, are looked for
in the 184 MIDI files. The tune families are dealt into two halves: the parameters were chosen on one, both are told.

Needs Debian's fluidsynth and timgm6mb-soundfont, and numpy and mido:

    cargo build --release
    benches/audio.py                                   # a few minutes, most of it FluidSynth's
    benches/audio.py --transcriber nmp.onnx            # by Basic Pitch's network as well
"""

import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import wave
from concurrent.futures import ThreadPoolExecutor

import mido
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"
RATE = 44100
SECONDS = 10.0
PROGRAMMES = {"piano": 0, "flute": 73}


def notes_of(path):
    """The notes of a MIDI file: onset and end in quarters, pitch; and the tempo in quarters a second."""
    midi = mido.MidiFile(path)
    notes, sounding, tempo = [], {}, 500000
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempo = message.tempo
            elif message.type == "note_on" and message.velocity > 0:
                sounding[message.note] = tick
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                begin = sounding.pop(message.note)
                notes.append((begin / midi.ticks_per_beat, tick / midi.ticks_per_beat, message.note))
    return sorted(notes), 1e6 / tempo


def performance(notes, pace, random):
    """The notes in seconds: a tempo of its own, drifting by a few per cent from quarter to quarter, and uneven onsets."""
    pace = pace * random.uniform(0.85, 1.15)
    quarters = int(max(end for _, end, _ in notes)) + 3
    drift = np.zeros(quarters)
    for beat in range(1, quarters):
        drift[beat] = 0.8 * drift[beat - 1] + random.normal(0, 0.025)
    times = np.concatenate([[0], np.cumsum(np.exp(drift) / pace)])
    second = lambda quarter: float(np.interp(quarter, np.arange(len(times)), times))
    played = []
    for begin, end, pitch in notes:
        begin_second = second(begin) + random.normal(0, 0.008)
        velocity = int(np.clip(random.normal(80, 12), 40, 120))
        played.append((max(0.0, begin_second), max(begin_second + 0.05, second(end) - 0.02), pitch, velocity))
    return played


def render(played, programme, cents, out):
    """Sound of a performance, as samples of one channel."""
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    track.append(mido.Message("program_change", program=programme, time=0))
    track.append(mido.Message("pitchwheel", pitch=round(8192 * cents / 200), time=0))
    events = []
    for begin, end, pitch, velocity in played:
        events.append((begin, 1, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((end, 0, mido.Message("note_off", note=pitch)))
    now = 0
    for second, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(second * 960)
        track.append(message.copy(time=max(0, tick - now)))
        now = max(now, tick)
    with tempfile.TemporaryDirectory() as folder:
        path, sound = f"{folder}/a.mid", f"{folder}/a.wav"
        midi.save(path)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(RATE), "-F", sound, FONT, path]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with wave.open(sound) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    return samples.mean(axis=1) / 32768


def save(samples, path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def make(data, work):
    """The excerpts of all conditions, one folder each."""
    files = sorted((data / "mtc-ann" / "midi").glob("*.mid"))
    conditions = [*PROGRAMMES, "detuned", "noise"]
    for condition in conditions:
        (work / condition).mkdir(parents=True, exist_ok=True)

    def one(item):
        index, path = item
        if all((work / condition / f"{path.stem}.wav").exists() for condition in conditions):
            return
        random = np.random.default_rng(1000 + index)
        notes, pace = notes_of(path)
        played = performance(notes, pace, random)
        length = max(end for _, end, _, _ in played)
        begin = random.uniform(0, max(0.0, length - SECONDS))
        cut = slice(round(begin * RATE), round((begin + SECONDS) * RATE))
        for name, programme in PROGRAMMES.items():
            save(render(played, programme, 0, work)[cut], work / name / f"{path.stem}.wav")
        save(render(played, 0, 30, work)[cut], work / "detuned" / f"{path.stem}.wav")
        sound = render(played, 0, 0, work)[cut]
        noise = random.normal(0, np.sqrt(np.mean(sound**2)) / 10, len(sound))
        save(sound + noise, work / "noise" / f"{path.stem}.wav")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, enumerate(files)))
    return conditions


def first_right(judge, queries, targets, options):
    """For each query whether its own melody is the most similar one; sharing the first place counts in part."""
    command = [judge, "matrix", queries, "--against", targets, "--extent", "contained", "--csv", "-", "-q", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rows = list(csv.reader(done.stdout.splitlines()))
    names = [pathlib.Path(name).stem for name in rows[0][1:]]
    right, misses = {}, []
    for query, *similarities in rows[1:]:
        stem = pathlib.Path(query).stem
        if not any(similarities):
            right[stem] = 0.0
            misses.append((stem, "not heard", 0, 0))
            continue
        similarities = np.array(similarities, float)
        own = similarities[names.index(stem)]
        best = similarities.max()
        right[stem] = float(own == best) / np.count_nonzero(similarities == best)
        if own < best:
            misses.append((stem, names[int(similarities.argmax())], own, best))
    return right, misses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--judge", default=str(ROOT / "target" / "release" / "judge"))
    parser.add_argument("--work", type=pathlib.Path, help="where the sound is kept from one run to the next")
    parser.add_argument("--transcriber", help="a network as published with Basic Pitch")
    parser.add_argument("--only", nargs="*", help="some of the conditions")
    parser.add_argument("--misses", action="store_true", help="tell what is not found first")
    arguments = parser.parse_args()
    if not (arguments.data / "mtc-ann").is_dir():
        sys.exit(f"{arguments.data}: no mtc-ann there; give the folder with --data")
    work = arguments.work or pathlib.Path(tempfile.mkdtemp(prefix="judge-audio-"))
    conditions = make(arguments.data, work)
    with open(arguments.data / "mtc-ann" / "labels.csv") as file:
        family = {row["id"]: row["family"] for row in csv.DictReader(file)}
    chosen = set(sorted(set(family.values()))[::2])
    methods = {"own roll": []}
    if arguments.transcriber:
        methods["transcriber"] = ["--transcriber", arguments.transcriber]
    for method, options in methods.items():
        for condition in arguments.only or conditions:
            right, misses = first_right(arguments.judge, work / condition, arguments.data / "mtc-ann" / "midi", options)
            part = lambda of: np.mean([value for stem, value in right.items() if of(family[stem] in chosen)])
            print(f"{method}, {condition}: first hit right {np.mean(list(right.values())):.3f}"
                  f" (half of the families {part(lambda it: it):.3f}, the other half {part(lambda it: not it):.3f})", flush=True)
            if arguments.misses:
                for stem, found, own, best in misses:
                    print(f"  {stem}: {found} at {best:.3f}, itself {own:.3f}")


if __name__ == "__main__":
    main()
