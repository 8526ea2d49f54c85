"""The figures of a detection matrix, worked out a second time: sets of names and fractions, no tricks.

Usage: panels_model.py MATRIX.csv FALSE.csv PARTICIPANT,PARTICIPANT,...   One JSON object on stdout.
"""
import csv
import json
import math
import sys
from fractions import Fraction
from itertools import combinations


def share(so, of):
    return so / of if of else None


def mean(values):
    values = list(values)
    return float(sum(values, Fraction(0)) / len(values)) if values else None


def unseen(sets):
    """Chao 1987, bias-corrected, from the sets of what each critic found."""
    m = len(sets)
    times = [sum(issue in one for one in sets) for issue in set().union(*sets)]
    one, two = times.count(1), times.count(2)
    return Fraction(m - 1, m) * one * max(one - 1, 0) / (2 * (two + 1))


def phi(a, b, n):
    """From the determinant of the table of two by two."""
    both, only_a, only_b = len(a & b), len(a - b), len(b - a)
    neither = n - both - only_a - only_b
    under = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    return (both * neither - only_a * only_b) / math.sqrt(under) if under else None


def wilson(k, n):
    z = 1.959963984540054
    middle, root = k + z * z / 2, z * math.sqrt(k * (n - k) / n + z * z / 4)
    return [max(0.0, (middle - root) / (n + z * z)), min(1.0, (middle + root) / (n + z * z))]


def main(matrix, claims, names):
    rows = list(csv.DictReader(open(matrix, encoding="utf-8")))
    names = names.split(",")
    found = {name: {i for i, row in enumerate(rows) if row[name] == "1"} for name in names}
    n = len(rows)
    wrong = {name: 0 for name in names}
    for row in csv.DictReader(open(claims, encoding="utf-8")):
        for name in names:
            wrong[name] += int(row[name])
    out = {"issues": n, "participants": {}, "pairs": [], "curve": [], "precision": []}
    for name in names:
        out["participants"][name] = {"found": len(found[name]), "interval": wilson(len(found[name]), n)}
    for a, b in combinations(names, 2):
        union = len(found[a] | found[b])
        out["pairs"].append({
            "phi": phi(found[a], found[b], n),
            "jaccard": len(found[a] & found[b]) / union if union else None,
        })
    for size in range(1, len(names) + 1):
        panels = list(combinations(names, size))
        unions = [len(set().union(*(found[name] for name in panel))) for panel in panels]
        out["curve"].append([min(unions) / n, mean(Fraction(u, n) for u in unions), max(unions) / n])
        falses = [sum(wrong[name] for name in panel) for panel in panels]
        precise = [Fraction(u, u + f) for u, f in zip(unions, falses) if u + f]
        f1 = [Fraction(2 * u, u + f + n) for u, f in zip(unions, falses)]
        out["precision"].append({"precision": mean(precise), "best_f1": float(max(f1)), "mean_false": mean(map(Fraction, falses))})
    best = max(Fraction(2 * len(found[x]), len(found[x]) + wrong[x] + n) for x in names)
    # A panel of mean recall and mean precision that loses no true claim needs this precision for the F1 of the best one alone.
    recall, precision = (Fraction(x).limit_denominator(10**12) for x in (out["curve"][2][1], out["precision"][2]["precision"]))
    needed = best * recall / (2 * recall - best)
    removed = 1 - (1 / needed - 1) / (1 / precision - 1)
    out["to_remove"] = max(0.0, float(removed)) if 0 < needed <= 1 else None
    out["estimate"] = estimate(rows, names, found, list(combinations(names, 3)))
    json.dump(out, sys.stdout)


def estimate(rows, names, found, three):
    changes = sorted({row["change"] for row in rows})
    issues = {c: {i for i, row in enumerate(rows) if row["change"] == c} for c in changes}
    severe = {i for i, row in enumerate(rows) if row["severity"] in ("high", "critical")}
    seen = [len(set().union(*(found[x] for x in panel))) for panel in three]
    chao = [unseen([found[x] for x in panel]) for panel in three]
    quiet = left = severe_quiet = severe_left = total = severe_total = 0
    for panel in three:
        for c in changes:
            total += 1
            sets = [found[x] & issues[c] for x in panel]
            if unseen(sets) < Fraction(1, 2):
                quiet += 1
                left += bool(issues[c] - set().union(*sets))
            sets = [one & severe for one in sets]
            if not issues[c] & severe:
                continue
            severe_total += 1
            if unseen(sets) < Fraction(1, 2):
                severe_quiet += 1
                severe_left += bool((issues[c] & severe) - set().union(*sets))
    dry = dry_left = dry_severe = dry_of_severe = 0
    for panel in three:
        first = set().union(*(found[x] for x in panel))
        for other in combinations([x for x in names if x not in panel], 3):
            second = set().union(*(found[x] for x in other))
            for c in changes:
                if not (second & issues[c]) - first:
                    dry += 1
                    dry_left += bool(issues[c] - first)
                    if issues[c] & severe:
                        dry_of_severe += 1
                        dry_severe += bool((issues[c] & severe) - first)
    return {
        "seen": mean(map(Fraction, seen)),
        "with_unseen": mean(Fraction(s) + u for s, u in zip(seen, chao)),
        "quiet": share(quiet, total),
        "quiet_left": share(left, quiet),
        "severe_quiet": share(severe_quiet, severe_total),
        "severe_left": share(severe_left, severe_quiet),
        "dry_left": share(dry_left, dry),
        "dry_severe_left": share(dry_severe, dry_of_severe),
    }


main(*sys.argv[1:])
