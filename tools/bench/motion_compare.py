#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares motion detectors on recorded scenes and prints a Markdown table.

usage: motion_compare.py BUILD_DIR [--clips DIR] [--seed N]... [--quick]

MATLANG_CLIPS (or --clips) names a folder with one folder a scene:
    input/       numbered pictures
    groundtruth/ gt%06d.png by the rules of changedetection.net: 255 moves, 170 unknown, 85 outside, else still
    events.txt   lines FIRST LAST 0|1|x: whether frames hold motion; overrules the pictures
    temporalROI.txt   FIRST LAST frame that counts; those before are there to learn from
Of each scene worse copies are made (night, rain, light, noise) for every --seed. Every detector gets the same grey
pictures, and all frames, with its own default settings. Block F: cells of 16 pixels, moving when a quarter of a cell is
labelled so, still when nothing is. Recall and false alarms: of frames, by the detector's own decision; of one that makes
none, a frame has motion when 0.2 % of the picture does.
"""
import argparse
import glob
import math
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
KINDS = ('night', 'rain', 'switch', 'noise')


class Scene:
    """Grey pictures and what is true of them, per frame from 0."""

    def __init__(self, path):
        self.name = os.path.basename(os.path.normpath(path))
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
        self.truth, self.moves, self.still = {}, {}, {}
        for i in self.span:
            mark = cv2.imread(f'{path}/groundtruth/gt{i + first:06d}.png', cv2.IMREAD_GRAYSCALE)
            self.truth[i] = label.get(i, 'x') if label else 'x'
            if mark is None:
                continue
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

    def worse(self, kind, seed, names_seed=False):
        """A copy with the same truth and worse pictures."""
        out = object.__new__(Scene)
        out.__dict__.update(self.__dict__)
        out.name = f'{self.name}, {kind}' + (f' {seed}' if names_seed else '')
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        out.frames = np.stack([degrade(f.astype(np.float32), kind, i, len(self.frames), rng)
                               for i, f in enumerate(self.frames)])
        return out


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
    for m in masks:
        part = blocks(m) / np.maximum(blocks(np.ones_like(m)), 1)
        cells.append(part >= .25)
        flags.append(m.mean() >= AREA)
    return cells, flags


def opencv(make):
    def run(scene):
        model = make()
        return by_pixels(model.apply(f) >= 200 for f in scene.frames)
    return run


def sigma_delta(scene):
    """The plain sigma-delta detector of Manzanera and Richefeu (2004), N = 4."""
    def masks():
        mean = scene.frames[0].astype(np.int16)
        var = np.full(mean.shape, 2, np.int16)
        for f in scene.frames:
            now = f.astype(np.int16)
            mean += np.sign(now - mean)
            far = np.abs(now - mean)
            var += np.where(far > 0, np.sign(4 * far - var), 0).astype(np.int16)
            np.clip(var, 2, 255, out=var)
            yield far > var
    return by_pixels(masks())


def matlang(build, work):
    def run(scene):
        src = os.path.join(work, 'clip')
        shutil.rmtree(src, ignore_errors=True)
        os.makedirs(src + '/input')
        os.makedirs(src + '/masks')
        for i, f in enumerate(scene.frames):
            cv2.imwrite(f'{src}/input/in{i + 1:06d}.pgm', f)
        subprocess.run([os.path.join(build, 'matlang'), 'detect', '--source', f'clip:{src}/input', '--masks',
                        src + '/masks', '--flags', src + '/flags'], check=True, stdout=subprocess.DEVNULL)
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


def score(scene, cells, flags):
    tp = fp = fn = 0
    for i, moves in scene.moves.items():
        tp += int((cells[i] & moves).sum())
        fp += int((cells[i] & scene.still[i]).sum())
        fn += int((~cells[i] & moves).sum())
    some = [bool(flags[i]) for i in scene.span if scene.truth[i] == '1']
    none = [bool(flags[i]) for i in scene.span if scene.truth[i] == '0']
    return (2 * tp / (2 * tp + fp + fn) if tp + fn else math.nan,
            sum(some) / len(some) if some else math.nan,
            sum(none) / len(none) if none else math.nan)


def text(v):
    return '–' if math.isnan(v) else f'{v:.3f}'


def compare(scenes, detectors):
    rows = []
    for scene in scenes:
        print(scene.name, file=sys.stderr, flush=True)
        rows.append((scene.name, [score(scene, *run(scene)) for _, run in detectors]))
    return rows


def table(rows, detectors):
    names = [n for n, _ in detectors]
    out = ['| scene | ' + ' | '.join(f'{n}: F, recall, false alarms' for n in names) + ' |', '|---' * (len(names) + 1) + '|']
    for name, scores in rows:
        out.append(f'| {name} | ' + ' | '.join(' '.join(text(v) for v in s) for s in scores) + ' |')
    means = [[np.mean([v for v in column if not math.isnan(v)] or [math.nan])
              for column in zip(*(r[1][k] for r in rows))] for k in range(len(names))]
    out.append('| **mean** | ' + ' | '.join('**' + ' '.join(text(v) for v in m) + '**' for m in means) + ' |')
    lost = [name for name, s in rows if not math.isnan(s[0][0]) and s[0][0] < max(x[0] for x in s[1:]) - .02]
    out += ['', 'Behind the best of the others by more than 0.02 of F: ' + (', '.join(lost) or 'nowhere') + '.']
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('build')
    p.add_argument('--clips', default=os.environ.get('MATLANG_CLIPS'))
    p.add_argument('--seed', type=int, action='append', help='of the worse copies; may be given several times')
    p.add_argument('--quick', action='store_true', help='the recorded scenes alone')
    args = p.parse_args()
    if not args.clips:
        print('SKIP: MATLANG_CLIPS names no folder with recorded scenes')
        return
    cv2.setNumThreads(1)
    work = tempfile.mkdtemp(prefix='compare-')
    detectors = [('matlang', matlang(args.build, work)), ('MOG2', opencv(cv2.createBackgroundSubtractorMOG2)),
                 ('KNN', opencv(cv2.createBackgroundSubtractorKNN)), ('sigma-delta', sigma_delta)]
    rows = []
    try:
        for path in sorted(glob.glob(args.clips + '/*/')):
            if not os.path.exists(path + 'temporalROI.txt'):
                continue
            scene = Scene(path)
            rows += compare([scene], detectors)
            for seed in [] if args.quick else args.seed or [1]:
                for kind in KINDS:
                    rows += compare([scene.worse(kind, seed, len(args.seed or []) > 1)], detectors)
    finally:
        shutil.rmtree(work)
    print('\n'.join(table(rows, detectors)))


if __name__ == '__main__':
    main()
