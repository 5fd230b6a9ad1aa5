"""Fails when a figure of the evaluation is below its floor. usage: floors.py EVALUATION.json"""
import json
import sys

# (set, metric): least value. What was reached is in CHANGELOG.md; these are what must not be lost.
FLOORS = {
    ("mtc-ann", "A whole melodies: MAP"): 0.92,
    ("mtc-ann", "A whole melodies: 1-NN accuracy"): 0.983,
    ("mtc-ann", "B phrase queries: MAP"): 0.585,
    ("mtc-ann", "B phrase queries: P@1"): 0.84,
    ("bps-motif", "occurrence mAP"): 0.65,
    ("bps-motif", "occurrence mAP, queries of 5+ notes"): 0.69,
    ("contrapunctus-vi", "average precision of entries"): 0.99,
    ("contrapunctus-vi", "entries found with the right alteration"): 0.96,
    ("transforms", "AUC positives against hard negatives"): 0.974,
    ("ratings-samuel2018", "Spearman with mean rating"): 0.55,
    ("odd-midi", "right answer on must-parse"): 1.0,
    ("odd-midi", "right answer on must-reject"): 1.0,
    ("odd-midi", "right answer on must-salvage"): 1.0,
}
EXACT = "identical transpose inversion inversion_x2 retrograde note_noise deletion ornament timing_jitter".split()
FLOORS |= {("transforms", f"recall@1 {kind}"): 1.0 for kind in EXACT}
FLOORS |= {("transforms", f"recall@1 {kind}"): 1.0 for kind in "stretch_0.5 stretch_1.5 combo embedded_transposed".split()}
# (set, metric): greatest value.
CEILINGS = {("odd-midi", "slowest file, seconds"): 0.5}

with open(sys.argv[1]) as file:
    found = {(row["set"], row["metric"]): row["value"] for row in json.load(file)}
wrong = [f"{key}: {found.get(key)} is below {floor}" for key, floor in FLOORS.items() if not found.get(key, -1) >= floor]
wrong += [f"{key}: {found.get(key)} is above {top}" for key, top in CEILINGS.items() if not found.get(key, top + 1) <= top]
print("\n".join(wrong) or f"all {len(FLOORS) + len(CEILINGS)} figures hold")
sys.exit(bool(wrong))
