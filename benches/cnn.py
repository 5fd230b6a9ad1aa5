#!/usr/bin/env python3
"""Measure the optional CNN score: how well networks learn, and how soon. Through the program alone.

usage: cnn.py --judge PATH/TO/judge --shuffle PATH/TO/shuffle --data DIR [--keep DIR] [PART ...]

The program must be built with --features train; shuffle is `cargo build --release --features train --example shuffle`.
DIR is a folder with `mtc-ann/` and `ratings-samuel2018/` in it. Parts (all, when none is named):

  phrases   good: the phrases of mtc-ann, bad: as many with their pitches or rhythms shuffled; `judge train` holds out
            tune families as wholes. AUC, accuracy, expected calibration error, each kind of disorder by itself.
  time      `judge train` on 500 good and 500 bad of them, by the clock.
  ratings   banks from the best and the worst third of four folds of ratings-samuel2018, a network trained on each: Spearman
            correlation of the fifth's ratings with the CNN alone, with the exemplars alone, and with the blend.
  onnx      the probabilities of a trained network in ONNX Runtime and in the program; needs numpy, mido, onnxruntime.

One line a figure: set, metric, value, n. What is made goes to a temporary folder, or to --keep.
"""
import argparse, csv, json, math, os, shutil, statistics, subprocess, sys, tempfile, time

def rows(path):
    with open(path, newline='', encoding='utf-8') as file: return list(csv.DictReader(file))

def ranks(values):
    order = sorted(range(len(values)), key=lambda i: values[i]); rank = [0.0] * len(values); i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]: j += 1
        for k in range(i, j + 1): rank[order[k]] = (i + j) / 2
        i = j + 1
    return rank

def spearman(a, b): return statistics.correlation(ranks(a), ranks(b))

def auc(good, bad):
    both = ranks(good + bad); n = len(good)
    return (sum(both[:n]) - n * (n - 1) / 2) / (n * len(bad))

class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.data = options, os.path.abspath(folder), os.path.abspath(options.data)
        self.judge, self.shuffle = (path and os.path.abspath(path) for path in (options.judge, options.shuffle))
    def say(self, part, metric, value, n):
        print(f'{part:8} {metric:52} {value:8.1e}  n={n}' if abs(value) < .0005 else f'{part:8} {metric:52} {value:8.4f}  n={n}', flush=True)
    def run(self, *command, cwd=None):
        done = subprocess.run(command, capture_output=True, cwd=cwd)
        if done.returncode: sys.exit(f'{" ".join(command[:4])} ... exit {done.returncode}: {done.stderr.decode(errors="replace")[:500]}')
        return done.stdout.decode()
    def lines(self, *command, cwd=None): return [json.loads(line) for line in self.run(*command, cwd=cwd).splitlines()]
    def path(self, *names): return os.path.join(self.folder, *names)

    def bank(self, name, most=None):
        """A bank of phrases by family: good as they are, bad shuffled."""
        bank = self.path(name)
        if os.path.exists(bank): return bank
        phrases = rows(os.path.join(self.data, 'mtc-ann', 'phrases.csv'))
        step = len(phrases) / (most or len(phrases))
        for row in [phrases[int(i * step)] for i in range(most or len(phrases))]:
            folder = os.path.join(bank, 'good', row['family']); os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.join(self.data, 'mtc-ann', row['file']), folder)
        print(self.run(self.shuffle, os.path.join(bank, 'good'), os.path.join(bank, 'bad')).strip(), flush=True)
        return bank
    def train(self, bank, model, *more):
        return self.lines(self.judge, 'train', '--bank', bank, '-o', model, '--json', '--quiet', *more)

    def phrases(self):
        told, *exemplars = self.train(self.bank('phrases'), self.path('phrases.onnx'), '--group-by', 'folder')
        n = len(exemplars)
        self.say('phrases', 'AUC, tune families held out', told['auc'], n)
        good = [it['logit'] for it in exemplars if it['label'] == 'good']
        for way, names in self.ways(exemplars).items():
            self.say('phrases', f'AUC against shuffled {way}', auc(good, names), len(names))
        for fold in sorted({it['fold'] for it in exemplars}):
            sides = [[it['logit'] for it in exemplars if it['fold'] == fold and it['label'] == label] for label in ('good', 'bad')]
            self.say('phrases', f'AUC in part {fold}', auc(*sides), len(sides[0]) + len(sides[1]))
        self.say('phrases', 'accuracy', told['accuracy'], n)
        self.say('phrases', 'expected calibration error before scaling', told['calibration_error_before'], n)
        self.say('phrases', 'expected calibration error after scaling', told['calibration_error'], n)
        self.say('phrases', 'temperature', told['temperature'], n)
        for it in told['reliability']:
            print(f"         {it['from']:.1f} to {it['to']:.1f}: {it['count']:5} said {it['probability']:.3f} are {it['good']:.3f}")
    def ways(self, exemplars):
        """Which were shuffled how: shuffled pitches keep the rhythm, so the files have the same times."""
        ways = {'pitches': [], 'rhythms': []}
        for it in exemplars:
            if it['label'] == 'good': continue
            pair = [self.path('phrases', side, *it['exemplar'].split('/')[1:]) for side in ('good', 'bad')]
            a, b = (sorted((on, off) for _, on, off in notes(path)) for path in pair)
            ways['pitches' if a == b else 'rhythms'].append(it['logit'])
        return ways

    def time(self):
        bank = self.bank('thousand', 500)
        start = time.monotonic()
        self.train(bank, self.path('thousand.onnx'), '--group-by', 'folder')
        self.say('time', f'judge train, seconds ({os.cpu_count()} cores)', time.monotonic() - start, 1000)

    def ratings(self):
        base = os.path.join(self.data, 'ratings-samuel2018'); ratings = rows(os.path.join(base, 'ratings.csv'))
        fold = lambda row: ((int(row['id']) - 1) % 52) // 2 % 5
        told = {'CNN alone': {}, 'exemplars alone': {}, 'blend': {}}
        for k in range(5):
            train = sorted((row for row in ratings if fold(row) != k), key=lambda row: float(row['mean_rating']))
            test = [row for row in ratings if fold(row) == k]; third = len(train) // 3
            bank, model = self.path(f'ratings{k}'), self.path(f'ratings{k}.onnx')
            for label, part in (('bad', train[:third]), ('good', train[-third:])):
                os.makedirs(os.path.join(bank, label), exist_ok=True)
                for row in part: shutil.copy(os.path.join(base, row['file']), os.path.join(bank, label))
            self.train(bank, model)
            files = [row['file'] for row in test]
            plain = self.lines(self.judge, *files, '--bank', bank, '--json', '--quiet', cwd=base)
            blend = self.lines(self.judge, *files, '--bank', bank, '--json', '--quiet', '--cnn', model, *self.options.weight, cwd=base)
            for row, a, b in zip(test, plain, blend):
                for way, value in zip(told, (b['cnn'], a['score'], b['score'])): told[way][row['id']] = value
        mean = [float(row['mean_rating']) for row in ratings]
        for way, scores in told.items():
            self.say('ratings', f'Spearman with mean rating, {way}', spearman([scores[row['id']] for row in ratings], mean), len(ratings))

    def onnx(self):
        import numpy as np, onnxruntime
        bank, model = self.bank('phrases'), self.path('phrases.onnx')
        if not os.path.exists(model): self.train(bank, model, '--group-by', 'folder')
        session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
        recipe = json.loads(session.get_modelmeta().custom_metadata_map['judge.recipe'])
        files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(bank) for name in names if name.endswith('.mid'))[::8]
        pictures = np.stack([draw(np, recipe, notes(path)) for path in files])
        logits = session.run(['logit'], {'picture': pictures})[0][:, 0].astype(float)
        theirs = 1 / (1 + np.exp(-logits / recipe['temperature']))
        ours = [it['cnn'] for it in self.lines(self.judge, *files, '--json', '--quiet', '--cnn', model)]
        self.say('onnx', 'greatest difference from ONNX Runtime', max(abs(a - b) for a, b in zip(ours, theirs)), len(files))

def notes(path):
    """Pitch, onset and offset in quarters from the first onset, by another reader than the program's."""
    import mido
    midi = mido.MidiFile(path); held, found = {}, []
    for track in midi.tracks:
        now = 0
        for event in track:
            now += event.time
            if event.type not in ('note_on', 'note_off'): continue
            key = (event.channel, event.note)
            if event.type == 'note_on' and event.velocity: held.setdefault(key, []).append(now)
            elif held.get(key): found.append((held[key].pop(0), event.note, now))
    first = min(on for on, _, _ in found); scale = midi.ticks_per_beat
    return sorted((pitch, (on - first) / scale, (off - first) / scale) for on, pitch, off in found)

def draw(np, recipe, fragment):
    """The picture as the recipe says: centred in time, intervals from the highest note of each group that begins together."""
    assert recipe['time'] == 'centre'
    grid, rows, columns = recipe['columns_per_quarter'], recipe['pitches'], recipe['quarters'] * recipe['columns_per_quarter']
    at = lambda quarters: math.floor(quarters * grid + .5)
    spans = [(pitch, at(on), max(at(off), at(on) + 1)) for pitch, on, off in fragment]
    first = (max(end for _, _, end in spans) - columns) // 2
    starts = sorted({start for _, start, _ in spans})
    groups = [[span for span in spans if span[1] == start] for start in starts]
    picture = np.zeros((len(recipe['channels']), rows, columns), np.float32)
    for channel, kind in enumerate(recipe['channels']):
        away = kind['interval']
        for index, group in enumerate(groups):
            highest = max(pitch for pitch, _, _ in group)
            after = starts[index + 1] if index + 1 < len(starts) else math.inf
            if away == 0:
                seen = [(p, starts[index], min(b, after)) for p, a, b in spans if a <= starts[index] < b]
            else:
                others = groups[index + away] if 0 <= index + away < len(groups) else []
                seen = [(p, starts[index], starts[index] + 1) for p, _, _ in others]
            for pitch, a, b in seen:
                row = min(max(rows // 2 + pitch - highest, 0), rows - 1)
                picture[channel, row, min(max(a - first, 0), columns):min(max(b - first, 0), columns)] = 1
    return picture

PARTS = ['phrases', 'time', 'ratings', 'onnx']
if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--judge', required=True); parser.add_argument('--shuffle'); parser.add_argument('--data', required=True)
    parser.add_argument('--keep'); parser.add_argument('--weight', default=[], type=lambda text: ['--cnn-weight', text])
    parser.add_argument('part', nargs='*', choices=[*PARTS, []], metavar='PART')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, options.keep or folder)
        for part in options.part or PARTS: getattr(bench, part)()
