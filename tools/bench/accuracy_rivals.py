# SPDX-License-Identifier: GPL-2.0-or-later
"""Other motion detectors, for motion_compare.py: each takes grey pictures and yields a mask of pixels for each of them;
the `motion` program decides on frames alone."""
import glob
import os
import re
import shutil
import subprocess
import time

import cv2
import numpy as np

BAR = 16  # picture rows and columns of a bit of the frame's number, for `motion`
BITS = 12


def opencv(make):
    """What it calls shadow (half grey) counts as foreground: without that it finds less here."""
    def masks(frames):
        model = make()
        for f in frames:
            yield model.apply(f) > 0
    return masks


def sigma_delta(frames):
    """The plain sigma-delta detector of Manzanera and Richefeu (2004), N = 4."""
    mean = frames[0].astype(np.int16)
    var = np.full(mean.shape, 2, np.int16)
    for f in frames:
        now = f.astype(np.int16)
        mean += np.sign(now - mean)
        far = np.abs(now - mean)
        var += np.where(far > 0, np.sign(4 * far - var), 0).astype(np.int16)
        np.clip(var, 2, 255, out=var)
        yield far > var


def vibe(frames, samples=20, radius=20, enough=2, subsampling=16):
    """ViBe as published (Barnich and Van Droogenbroeck, 2011): a pixel is background when `enough` of its `samples` lie
    within `radius`; then, one time in `subsampling`, it replaces a sample of its own at random, and one of a neighbour."""
    rng = np.random.default_rng(1)
    h, w = frames[0].shape
    y, x = np.mgrid[0:h, 0:w]
    edged = np.pad(frames[0], 1, mode='edge')
    model = np.stack([edged[y + rng.integers(0, 3, (h, w)), x + rng.integers(0, 3, (h, w))] for _ in range(samples)])
    flat = model.reshape(samples, -1)
    for f in frames:
        near = np.zeros((h, w), np.uint8)
        for s in model:
            near += cv2.absdiff(s, f) <= radius
        still = near >= enough
        yield ~still
        for spread in (0, 1):
            at = np.flatnonzero(still & (rng.random((h, w), np.float32) < 1 / subsampling))
            to_y = np.clip(at // w + rng.integers(-spread, spread + 1, len(at)), 0, h - 1)
            to_x = np.clip(at % w + rng.integers(-spread, spread + 1, len(at)), 0, w - 1)
            flat[rng.integers(0, samples, len(at)), to_y * w + to_x] = f.reshape(-1)[at]


MOTION_CONF = '''daemon off
setup_mode off
log_level 5
log_file {work}/log
target_dir {work}/pictures
netcam_url file://{work}/clip.mkv
netcam_keepalive off
width {w}
height {h}
framerate 25
mask_file {work}/mask.pgm
picture_output on
picture_quality 95
picture_filename %Y%m%d%H%M%S-%q
movie_output off
text_right
stream_port 0
webcontrol_port 0
'''


def number_of(picture):
    row = picture[-BAR + 4:-4]
    return sum(int(row[:, b * BAR + 4:b * BAR + 12].mean() > 128) << b for b in range(BITS))


def motion_program(frames, work):
    """The `motion` package with its default settings. It plays a file in real time, 25 pictures a second, and saves each
    picture in which it saw motion; the number of the picture is drawn below it, where a mask keeps it from looking.
    Returns a flag for each frame; None: it is not installed."""
    if not shutil.which('motion'):
        return None
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work + '/pictures')
    h, w = frames[0].shape
    wide, high = max(-(-w // 16) * 16, BAR * BITS), -(-h // 16) * 16 + BAR
    mask = np.zeros((high, wide), np.uint8)
    mask[:h, :w] = 255
    cv2.imwrite(work + '/mask.pgm', mask)
    encode = subprocess.Popen(['ffmpeg', '-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'gray', '-s', f'{wide}x{high}', '-r',
                               '25', '-i', '-', '-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p', work + '/clip.mkv'],
                              stdin=subprocess.PIPE)
    for i, f in enumerate(frames):
        canvas = np.zeros((high, wide), np.uint8)
        canvas[:h, :w] = f
        for b in range(BITS):
            canvas[-BAR:, b * BAR:b * BAR + BAR] = 255 * (i >> b & 1)
        encode.stdin.write(canvas.tobytes())
    encode.stdin.close()
    if encode.wait():
        raise RuntimeError('ffmpeg cannot write the clip for `motion`')
    with open(work + '/conf', 'w') as f:
        f.write(MOTION_CONF.format(work=work, w=wide, h=high))
    program = subprocess.Popen(['motion', '-n', '-c', work + '/conf'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # It opens the file anew at its end: that is when to stop, at the latest when it must have been through.
    deadline = time.monotonic() + len(frames) / 25 + 15
    while time.monotonic() < deadline and program.poll() is None:
        time.sleep(.2)
        log = open(work + '/log').read() if os.path.exists(work + '/log') else ''
        if re.search('Reconnecting', log):
            break
    program.terminate()
    program.wait()
    flags = [False] * len(frames)
    # Those saved after the file was opened anew carry small numbers again.
    last = -1
    for path in sorted(glob.glob(work + '/pictures/*.jpg')):
        n = number_of(cv2.imread(path, cv2.IMREAD_GRAYSCALE))
        if n < last:
            break
        last = n
        if n < len(flags):
            flags[n] = True
    shutil.rmtree(work)
    return flags
