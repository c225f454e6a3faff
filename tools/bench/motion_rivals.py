#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What OpenCV's background subtractors cost for a grey 1080p frame: one thread, processor time,
median microseconds a frame, as one JSON object. Their models (over 100 MB) fit in no cache."""
import json
import statistics
import sys
import time

import numpy as np

try:
    import cv2
except ImportError:
    sys.exit('motion_rivals.py: no OpenCV for Python here (Debian: python3-opencv)')

PICTURES = 8
FRAMES = {'MOG2': 24, 'KNN': 12}


def cost(make, pictures, frames):
    subtractor, times = make(), []
    for i in range(frames):
        start = time.process_time_ns()
        subtractor.apply(pictures[i % len(pictures)])
        times.append((time.process_time_ns() - start) / 1000)
    return statistics.median(times[frames // 3:])


def main():
    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    ground = 96 + (np.arange(1920 * 1080, dtype=np.uint32) // 64 % 32).reshape(1080, 1920)
    pictures = [(ground + rng.integers(0, 16, ground.shape)).astype(np.uint8) for _ in range(PICTURES)]
    print(json.dumps({
        'MOG2': cost(cv2.createBackgroundSubtractorMOG2, pictures, FRAMES['MOG2']),
        'KNN': cost(cv2.createBackgroundSubtractorKNN, pictures, FRAMES['KNN'])}))


if __name__ == '__main__':
    main()
