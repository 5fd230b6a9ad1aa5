#!/usr/bin/env python3
"""Measure how well short tunes are found, and not found, in dense music: through the program alone.

usage: likeness.py --judge PATH/TO/judge --data DIR [--veto 0.7] [--tunes DIR] [--seed N] [--keep DIR]

Needs mido (pip install mido). DIR is a folder with `diverse-200/` in it, real files of all kinds. Tunes are the
single-line files of `fragments/good` (or of --tunes) that are 7.5 to 9 bars long (8 bars, with their upbeats):
20 of them, drawn by the seed. Three questions are asked with `judge matrix --extent contained`:

  false vetoes     each tune against each file of diverse-200: how many pairs reach the veto threshold?
  inserted tunes   each tune in five of the files, as one more voice: transposed, 10 % of its notes deleted, 10 %
                   altered (half of them by 1 or 2 semitones, half in duration): how many reach the threshold?
  hidden melodies  8 busy bars of a melody track against all files, its own with that track moved by an octave or
                   doubled in thirds: is that one found first?  50 targets; where fewer files than that have a track
                   of such a name, each gives several, both ways.

One line a figure: set, metric, value, n. What is made goes to a temporary folder, or to --keep.
"""
import argparse, collections, csv, os, random, re, subprocess, sys, tempfile

import mido

TUNES, HOSTS, TARGETS = 20, 5, 50
MELODY = re.compile(r'melod|vocal|\bvox\b|voice|\blead\b|\bsing|solist', re.I)
Note = collections.namedtuple('Note', 'onset duration pitch')  # in quarters

class Bench:
    def __init__(self, options, folder):
        self.judge, self.veto, self.folder = os.path.abspath(options.judge), options.veto, folder
        self.seed = options.seed
        hosts = os.path.join(os.path.abspath(options.data), 'diverse-200')
        self.hosts = sorted(os.path.join(hosts, name) for name in os.listdir(hosts) if name.lower().endswith('.mid'))
        self.tunes = self.choose_tunes(options.tunes)
    def choose_tunes(self, folder):
        fit = []
        for name in sorted(os.listdir(folder)):
            if not name.lower().endswith('.mid'): continue
            midi = read(os.path.join(folder, name)); notes = [n for t in tracks(midi) for n in t]; notes.sort()
            single = all(a.onset + a.duration <= b.onset + .01 for a, b in zip(notes, notes[1:]))
            bars = max((n.onset + n.duration for n in notes), default=0) / bar(midi)
            if single and 7.5 <= bars <= 9: fit.append(os.path.join(folder, name))
        chosen = sorted(self.random('tunes').sample(fit, min(TUNES, len(fit))))
        return {path: sorted(n for t in tracks(read(path)) for n in t) for path in chosen}
    def random(self, what):
        return random.Random(f'{self.seed} {what}')
    def say(self, name, metric, value, n):
        print(f'{name:16} {metric:44} {value:8.4f}  n={n}', flush=True)
    def matrix(self, queries, targets):
        table = os.path.join(self.folder, 'table.csv')
        command = [self.judge, 'matrix', '--quiet', *queries, '--against', *targets, '--extent', 'contained', '--csv', table]
        done = subprocess.run(command, capture_output=True)
        if done.returncode: sys.exit(f'judge matrix: exit {done.returncode}: {done.stderr.decode(errors="replace")[:500]}')
        with open(table, newline='', encoding='utf-8', errors='surrogateescape') as file: rows = list(csv.reader(file))
        return [[float(cell or 0) for cell in row[1:]] for row in rows[1:]]
    def write(self, midi, name):
        path = os.path.join(self.folder, name); midi.save(path); return path

    def false_vetoes(self):
        pairs = sorted(cell for row in self.matrix(self.tunes, self.hosts) for cell in row)
        self.say('false vetoes', 'share that reaches the threshold', share(pairs, self.veto), len(pairs))
        self.say('false vetoes', 'median', quantile(pairs, .5), len(pairs))
        self.say('false vetoes', '99 %', quantile(pairs, .99), len(pairs))
        self.say('false vetoes', 'highest', pairs[-1], len(pairs))
    def inserted_tunes(self):
        targets, where = [], []
        for row, (path, tune) in enumerate(self.tunes.items()):
            chance = self.random('inserted ' + os.path.basename(path))
            long = [(host, end) for host in self.hosts for end in [length(read(host))] if end >= 40]
            for host, end in chance.sample(long, HOSTS):
                midi = read(host)
                start = chance.randrange(int(2 * (end - 34))) / 2
                midi.type = 1
                midi.tracks.append(as_track(altered(tune, chance), start, midi.ticks_per_beat, channel=chance.choice([0, 3, 12])))
                where.append((row, len(targets)))
                targets.append(self.write(midi, f'inserted-{len(targets):03}.mid'))
        table = self.matrix(self.tunes, targets)
        found = sorted(table[row][column] for row, column in where)
        self.say('inserted tunes', 'share that reaches the threshold', share(found, self.veto), len(found))
        self.say('inserted tunes', '5 %', quantile(found, .05), len(found))
        self.say('inserted tunes', 'median', quantile(found, .5), len(found))
    def hidden_melodies(self):
        own = [(host, track) for host in self.hosts for track in [melody_track(read(host))] if track is not None]
        per_file = -(-TARGETS // (2 * max(1, len(own))))
        queries, targets, where = [], [], []
        for host, track in own:
            made = {}
            for start, notes in busy(read(host), track, per_file):
                query = mido.MidiFile(type=0); query.ticks_per_beat = read(host).ticks_per_beat
                query.tracks.append(as_track([n._replace(onset=n.onset - start) for n in notes], 0, query.ticks_per_beat))
                queries.append(self.write(query, f'query-{len(queries):03}.mid'))
                for kind, alter in ('octave', move_by_octave), ('thirds', double_in_thirds):
                    if kind not in made:
                        midi = read(host); alter(midi.tracks[track])
                        targets.append(self.write(midi, f'target-{len(targets):03}-{kind}.mid')); made[kind] = len(targets) - 1
                    where.append((kind, len(queries) - 1, made[kind], self.hosts.index(host)))
        table = self.matrix(queries, self.hosts + targets); first, margin = collections.defaultdict(list), []
        for kind, row, target, original in self.random('hidden').sample(where, min(TARGETS, len(where))):
            mine = table[row][len(self.hosts) + target]
            others = max(value for host, value in enumerate(table[row][:len(self.hosts)]) if host != original)
            first[kind].append(mine > others); margin.append(mine - others)
        both = [x for kind in sorted(first) for x in first[kind]]
        self.say('hidden melodies', 'top-1', sum(both) / max(1, len(both)), len(both))
        for kind in sorted(first): self.say('hidden melodies', f'top-1, {kind}', sum(first[kind]) / len(first[kind]), len(first[kind]))
        self.say('hidden melodies', 'least margin', min(margin, default=0), len(margin))

def share(values, threshold): return sum(value >= threshold for value in values) / max(1, len(values))
def quantile(values, share): return values[min(len(values) - 1, int(share * len(values)))] if values else float('nan')

def read(path):
    return mido.MidiFile(path, clip=True)
def tracks(midi):
    """The notes of each track, drums left out, in order."""
    found = []
    for track in midi.tracks:
        now, on, notes = 0, collections.defaultdict(list), []
        for message in track:
            now += message.time
            if message.type not in ('note_on', 'note_off') or message.channel == 9: continue
            key = message.channel, message.note
            if message.type == 'note_on' and message.velocity: on[key].append(now)
            elif on[key]:
                start = on[key].pop(0)
                notes.append(Note(start / midi.ticks_per_beat, (now - start) / midi.ticks_per_beat, message.note))
        found.append(sorted(notes))
    return found
def length(midi):
    return max((n.onset + n.duration for track in tracks(midi) for n in track), default=0)
def bar(midi):
    """Quarters of a bar by the first time signature."""
    for track in midi.tracks:
        for message in track:
            if message.type == 'time_signature': return 4 * message.numerator / message.denominator
    return 4
def as_track(notes, start, division, channel=0):
    events = []
    for note in notes:
        begin = max(0, round((start + note.onset) * division))
        end = max(begin + 1, round((start + note.onset + note.duration) * division))
        events += [(end, 0, note.pitch), (begin, 90, note.pitch)]
    track, now = mido.MidiTrack(), 0
    for time, velocity, pitch in sorted(events):
        track.append(mido.Message('note_on', note=pitch, velocity=velocity, channel=channel, time=time - now)); now = time
    return track
def altered(tune, chance):
    """Transposed at random, a tenth of the notes deleted, another tenth altered in pitch or duration."""
    low, high = min(n.pitch for n in tune), max(n.pitch for n in tune)
    by = chance.choice([d for d in range(-12, 13) if d and low + d >= 24 and high + d <= 108])
    tenth = round(len(tune) / 10); order = chance.sample(range(len(tune)), 2 * tenth); notes = []
    for index, note in enumerate(tune):
        if index in order[:tenth]: continue
        pitch, duration = note.pitch + by, note.duration
        if index in order[tenth:]:
            if chance.random() < .5: pitch += chance.choice([-2, -1, 1, 2])
            else: duration *= chance.choice([.5, .75, 1.5])
        notes.append(Note(note.onset, duration, pitch))
    return notes
def melody_track(midi):
    """The first track with a melody's name and at least 24 notes."""
    for index, (track, notes) in enumerate(zip(midi.tracks, tracks(midi))):
        name = next((message.name for message in track if message.type == 'track_name'), '')
        if MELODY.search(name) and len(notes) >= 24: return index
def busy(midi, index, count):
    """The 8 bars with most notes of a track, then those of the rest, none overlapping; each of 12 notes or more."""
    notes, span = tracks(midi)[index], 8 * bar(midi); windows = []
    for k in range(int(length(midi) / bar(midi)) + 1):
        start = k * bar(midi); inside = [n for n in notes if start - .02 <= n.onset < start + span - .02]
        if len(inside) >= 12: windows.append((-len(inside), start, inside))
    chosen = []
    for _, start, inside in sorted(windows):
        if len(chosen) < count and all(abs(start - other) >= span for other, _ in chosen): chosen.append((start, inside))
    return chosen
def move_by_octave(track):
    pitches = [m.note for m in track if m.type in ('note_on', 'note_off')]
    by = -12 if sum(pitches) / len(pitches) >= 66 else 12
    for message in track:
        if message.type in ('note_on', 'note_off'): message.note = min(127, max(0, message.note + by))
def double_in_thirds(track):
    """A third below every note: the minor or the major one, whichever the track itself has more of."""
    classes = collections.Counter(m.note % 12 for m in track if m.type == 'note_on')
    doubled = mido.MidiTrack()
    for message in track:
        doubled.append(message)
        if message.type in ('note_on', 'note_off'):
            by = max((3, 4), key=lambda third: classes[(message.note - third) % 12])
            doubled.append(message.copy(note=max(0, message.note - by), time=0))
    track[:] = doubled

if __name__ == '__main__':
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    arguments = argparse.ArgumentParser()
    arguments.add_argument('--judge', required=True); arguments.add_argument('--data', required=True)
    arguments.add_argument('--veto', type=float, default=.7); arguments.add_argument('--seed', type=int, default=1)
    arguments.add_argument('--tunes', default=os.path.join(here, 'fragments', 'good')); arguments.add_argument('--keep')
    options = arguments.parse_args()
    if options.keep: os.makedirs(options.keep, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, options.keep or folder)
        bench.false_vetoes(); bench.inserted_tunes(); bench.hidden_melodies()
