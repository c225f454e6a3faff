#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares motion detectors on recorded scenes and prints Markdown tables.

usage: motion_compare.py BUILD_DIR [--clips DIR] [--seed N]... [--kind NAME]... [--quick] [--jobs N]

MATLANG_CLIPS (or --clips) names a folder with one folder a scene:
    input/       numbered pictures
    groundtruth/ gt%06d.png by the rules of changedetection.net: 255 moves, 170 unknown, 85 outside, else still
    events.txt   lines FIRST LAST 0|1|x: whether frames hold motion; overrules the pictures
    temporalROI.txt   FIRST LAST frame that counts; those before are there to learn from
Of each scene worse copies are made (night, rain, light, noise, drifting light, shake) for every --seed. Every detector gets
the same grey pictures, and all frames, with its own default settings. Block F: cells of 16 pixels, moving when a quarter of
a cell is labelled so, still when nothing is. Recall and false alarms: of frames, by the detector's own decision; of one that
makes none, a frame has motion when 0.2 % of the picture does. An event is three frames or more with motion, gaps of five
bridged; its latency is what passes of it unseen. The `motion` program plays in real time and sees the recorded scenes only, as
does matlang set to find what fills one cell.
"""
import argparse
import glob
import math
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy as np
except ImportError:
    print('SKIP: python3-opencv and python3-numpy are needed to compare motion detectors')
    sys.exit(0)

BLOCK = 16
AREA = .002
KINDS = ('night', 'rain', 'switch', 'noise', 'drift', 'shake')

# Beside this file.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from accuracy_rivals import motion_program, opencv, sigma_delta, vibe  # noqa: E402


class Scene:
    """Grey pictures and what is true of them, per frame from 0."""

    def __init__(self, path):
        self.name, self.kind = os.path.basename(os.path.normpath(path)), None
        files = sorted(glob.glob(path + '/input/*'))
        first = int(re.findall(r'\d+', os.path.basename(files[0]))[-1])
        self.frames = np.stack([cv2.imread(f, cv2.IMREAD_GRAYSCALE) for f in files])
        lo, hi = map(int, open(path + '/temporalROI.txt').read().split())
        self.span = range(lo - first, min(hi - first + 1, len(files)))
        label = {}
        if os.path.exists(path + '/events.txt'):
            for line in open(path + '/events.txt'):
                a, b, c = line.split()
                label.update({i - first: c for i in range(int(a), int(b) + 1)})
        self.truth, self.moves, self.still, self.marks = {}, {}, {}, {}
        for i in self.span:
            mark = cv2.imread(f'{path}/groundtruth/gt{i + first:06d}.png', cv2.IMREAD_GRAYSCALE)
            self.truth[i] = label.get(i, 'x') if label else 'x'
            if mark is None:
                continue
            self.marks[i] = mark
            self.moves[i], self.still[i] = self.cells(mark)
            if not label:
                n = int((mark == 255).sum())
                self.truth[i] = '1' if n >= max(20, .0005 * mark.size) else 'x' if n or (mark == 170).any() else '0'

    @staticmethod
    def cells(mark):
        moving, known = blocks(mark == 255), blocks(mark != 85)
        enough = known >= BLOCK * BLOCK / 2
        return (enough & (moving * 4 >= np.maximum(known, 1)),
                enough & (moving == 0) & (blocks(mark == 170) == 0))

    def worse(self, kind, seed):
        """A copy with the same truth and worse pictures."""
        out = object.__new__(Scene)
        out.__dict__.update(self.__dict__)
        out.kind = kind
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        if kind == 'shake':
            out.shake(rng)
        else:
            out.frames = np.stack([degrade(f.astype(np.float32), kind, i, len(self.frames), rng)
                                   for i, f in enumerate(self.frames)])
        return out

    def shake(self, rng):
        """Shifts pictures, and the truth with them."""
        h, w = self.frames[0].shape
        at, frames = np.zeros(2), []
        self.moves, self.still = {}, {}
        for i, f in enumerate(self.frames):
            at = .9 * at + rng.normal(0, .8, 2)
            m = np.float32([[1, 0, at[0]], [0, 1, at[1]]])
            frames.append(cv2.warpAffine(f, m, (w, h), borderMode=cv2.BORDER_REPLICATE))
            if i in self.marks:
                mark = cv2.warpAffine(self.marks[i], m, (w, h), flags=cv2.INTER_NEAREST, borderValue=85)
                self.moves[i], self.still[i] = self.cells(mark)
        self.frames = np.stack(frames)


def degrade(y, kind, i, n, rng):
    h, w = y.shape
    if kind == 'night':
        y = 60 * (y / 255) ** 1.6 + 6
        y = y + rng.standard_normal((h, w), np.float32) * np.sqrt(4 + .12 * y)
    elif kind == 'rain':
        streaks = y.copy()
        for _ in range(h * w // 350):
            x, top, length = int(rng.integers(0, w)), int(rng.integers(-10, h)), int(rng.integers(6, 14))
            cv2.line(streaks, (x, top), (x + length // 5, top + length), float(rng.uniform(170, 235)), 1)
        y = y + .22 * (streaks - y) + rng.standard_normal((h, w), np.float32) * 2
    elif kind == 'switch':
        y = y * (.5 if n // 2 <= i < n * 3 // 4 else 1) + rng.standard_normal((h, w), np.float32) * 1.5
    elif kind == 'drift':
        y = y * (1 + .25 * np.sin(2 * np.pi * i / 600) + .03 * np.sin(2 * np.pi * .37 * i))
        y = y + rng.standard_normal((h, w), np.float32) * 1.5
    else:
        y = y + rng.standard_normal((h, w), np.float32) * 8
    return np.clip(np.rint(y), 0, 255).astype(np.uint8)


def blocks(a):
    h, w = a.shape
    rows, cols = -(-h // BLOCK), -(-w // BLOCK)
    padded = np.zeros((rows * BLOCK, cols * BLOCK), np.float32)
    padded[:h, :w] = a
    return padded.reshape(rows, BLOCK, cols, BLOCK).sum((1, 3))


def by_pixels(masks):
    """Cells and flags of a detector that marks pixels."""
    cells, flags = [], []
    area = None
    for m in masks:
        area = blocks(np.ones_like(m)) if area is None else area
        cells.append(blocks(m) >= .25 * area)
        flags.append(m.mean() >= AREA)
    return cells, flags


def matlang(build, work, *settings):
    """Runs the program itself."""
    def run(scene):
        src = os.path.join(work, 'clip')
        shutil.rmtree(src, ignore_errors=True)
        os.makedirs(src + '/input')
        os.makedirs(src + '/masks')
        for i, f in enumerate(scene.frames):
            cv2.imwrite(f'{src}/input/in{i + 1:06d}.pgm', f)
        subprocess.run([os.path.join(build, 'matlang'), 'detect', '--source', f'clip:{src}/input', '--masks',
                        src + '/masks', '--flags', src + '/flags', *settings], check=True, stdout=subprocess.DEVNULL)
        n = len(scene.frames)
        rows, cols = blocks(scene.frames[0]).shape
        cells, flags = [np.zeros((rows, cols), bool)] * n, [False] * n
        for path in glob.glob(src + '/masks/*'):
            i = int(re.findall(r'\d+', os.path.basename(path))[-1]) - 1
            mask = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
            if mask.shape != (rows, cols):
                mask = cv2.resize(mask, (cols, rows), interpolation=cv2.INTER_NEAREST)
            cells[i] = mask >= 128
        for line in open(src + '/flags'):
            i, flag = line.split()[:2]
            flags[int(i) - 1] = flag != '0'
        return cells, flags
    return run


def events_of(scene):
    """First and last frame of each event."""
    events = []
    for i in scene.span:
        if scene.truth[i] != '1':
            continue
        if events and i - events[-1][1] <= 6:
            events[-1][1] = i
        else:
            events.append([i, i])
    return [e for e in events if e[1] - e[0] >= 2]


def score(scene, cells, flags):
    """Block F, recall, false alarms, events, events found, longest latency (of those that begin within the span)."""
    tp = fp = fn = 0
    for i, moves in scene.moves.items() if cells else ():
        tp += int((cells[i] & moves).sum())
        fp += int((cells[i] & scene.still[i]).sum())
        fn += int((~cells[i] & moves).sum())
    some = [bool(flags[i]) for i in scene.span if scene.truth[i] == '1']
    none = [bool(flags[i]) for i in scene.span if scene.truth[i] == '0']
    events = events_of(scene)
    seen = [next((i - a for i in range(a, b + 1) if flags[i]), math.nan) for a, b in events]
    begun = [s for s, (a, _) in zip(seen, events) if a > scene.span[0] + 5 and not math.isnan(s)]
    return (2 * tp / (2 * tp + fp + fn) if tp + fn else math.nan,
            sum(some) / len(some) if some else math.nan,
            sum(none) / len(none) if none else math.nan,
            len(events), sum(not math.isnan(s) for s in seen), max(begun, default=math.nan))


NAMES = ('matlang', 'MOG2', 'KNN', 'ViBe', 'sigma-delta', 'motion', 'matlang, one cell')


def compare(task):
    """Scores of all detectors on one scene: (name, kind, [score or None])."""
    build, path, kind, seed = task
    cv2.setNumThreads(1)
    scene = Scene(path)
    if kind:
        scene = scene.worse(kind, seed)
    print(scene.name, kind or '', seed if kind else '', file=sys.stderr, flush=True)
    work = tempfile.mkdtemp(prefix='compare-')
    try:
        scores = [score(scene, *matlang(build, work)(scene))]
        for masks in (opencv(cv2.createBackgroundSubtractorMOG2), opencv(cv2.createBackgroundSubtractorKNN), vibe, sigma_delta):
            scores.append(score(scene, *by_pixels(masks(scene.frames))))
        flags = None if kind else motion_program(scene.frames, work + '/motion')
        scores.append(score(scene, None, flags) if flags else None)
        # Small things are wanted.
        scores.append(None if kind else score(scene, *matlang(build, work, '--set', 'motion/min_cells=1')(scene)))
    finally:
        shutil.rmtree(work)
    return scene.name, kind, scores


def mean(values):
    values = [v for v in values if not math.isnan(v)]
    return sum(values) / len(values) if values else math.nan


def text(v):
    return '–' if math.isnan(v) else f'{v:.3f}'


def merge(results):
    """One row for all seeds: {(name, kind): [[scores of a seed] of each detector]}."""
    rows = {}
    for name, kind, scores in results:
        row = rows.setdefault((name, kind), [[] for _ in NAMES])
        for k, s in enumerate(scores):
            if s:
                row[k].append(s)
    return rows


def label(key):
    return key[0] + (f', {key[1]}' if key[1] else '')


def head(title, names):
    return ['', title, '', '| scene | ' + ' | '.join(names) + ' |', '|---' * (len(names) + 1) + '|']


def f_table(rows):
    out = head('Block F:', NAMES[:5])
    kept = {k: [mean(s[0] for s in d) for d in r[:5]] for k, r in rows.items()}
    kept = {k: v for k, v in kept.items() if not math.isnan(v[0])}
    out += [f'| {label(k)} | ' + ' | '.join(text(v) for v in f) + ' |' for k, f in kept.items()]
    for title, keys in (('mean of the recorded scenes', [k for k in kept if not k[1]]), ('mean of all', list(kept))):
        out.append(f'| **{title}** | ' + ' | '.join(f'**{text(mean(kept[k][d] for k in keys))}**' for d in range(5)) + ' |')
    lost = [f'{label(k)} ({f[0]:.2f} against {max(f[1:]):.2f})' for k, f in kept.items() if f[0] < max(f[1:]) - .02]
    return out + ['', 'Behind the best of the others by more than 0.02: ' + ('; '.join(lost) or 'nowhere') + '.']


def frame_table(rows):
    out = head('Frames: recall / false alarms:', NAMES)
    for k, row in rows.items():
        out.append(f'| {label(k)} | ' + ' | '.join(
            f'{text(mean(s[1] for s in d))} / {text(mean(s[2] for s in d))}' if d else '' for d in row) + ' |')
    return out


def event_table(rows):
    out = head('Events found of all / longest latency in frames:', NAMES)
    for k, row in rows.items():
        if not any(s[3] for d in row for s in d):
            continue
        late = [max((s[5] for s in d if not math.isnan(s[5])), default=math.nan) for d in row]
        out.append(f'| {label(k)} | ' + ' | '.join(
            f'{sum(s[4] for s in d)} of {sum(s[3] for s in d)} / {"–" if math.isnan(n) else n}' if d else ''
            for d, n in zip(row, late)) + ' |')
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('build')
    p.add_argument('--clips', default=os.environ.get('MATLANG_CLIPS'))
    p.add_argument('--seed', type=int, action='append', help='of the worse copies; may be given several times; default 1 and 2')
    p.add_argument('--kind', choices=KINDS, action='append', help='worse copies of this kind alone; may be given several times')
    p.add_argument('--quick', action='store_true', help='the recorded scenes alone')
    p.add_argument('--jobs', type=int, default=os.cpu_count())
    args = p.parse_args()
    if not args.clips:
        print('SKIP: MATLANG_CLIPS names no folder with recorded scenes')
        return
    paths = [d for d in sorted(glob.glob(args.clips + '/*/')) if os.path.exists(d + 'temporalROI.txt')]
    seeds = [] if args.quick else args.seed or [1, 2]
    tasks = [(args.build, path, kind, seed) for path in paths
             for kind, seed in [(None, 0)] + [(k, s) for k in args.kind or KINDS for s in seeds]]
    with multiprocessing.Pool(args.jobs) as pool:
        rows = merge(pool.map(compare, tasks, chunksize=1))
    made = f'Worse copies: mean of {len(seeds)} seeds.' if seeds else 'The recorded scenes alone.'
    print('\n'.join([made] + f_table(rows) + frame_table(rows) + event_table(rows)))


if __name__ == '__main__':
    main()
