#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the benches and writes docs/BENCHMARKS.md.

usage: report.py BUILD_DIR [--out FILE] [--store DIR] [--runs N] [--seconds N] [--variants] [--only SECTIONS]

Every figure is the median of several runs, beside its rival's in the same run: these are ratios
of one machine at one time, not absolute claims.
"""
import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile


HERE = os.path.dirname(os.path.abspath(__file__))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run_json(argv):
    out = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def cpu_of(argv, **kw):
    """Processor seconds a command used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def median(rows, key):
    return statistics.median(r[key] for r in rows)


class Bench:
    def __init__(self, args):
        self.a = args
        self.bench = os.path.join(args.build, 'matlang-bench')
        self.store = os.path.join(args.store, 'record')
        self.lines = []

    def record(self, *extra, seconds=None, store=None):
        return run_json([self.bench, 'record', '--store', store or self.store, '--json', '--seconds',
                         str(seconds or self.a.seconds), *extra])

    def ffmpeg_copy(self):
        """Processor time a frame of ffmpeg copying the same pictures to a file, no checksum, no fsync."""
        src = os.path.join(self.a.store, 'frames.avi')
        if not os.path.exists(src):
            subprocess.run([self.bench, 'frames', '--frame-kb', '100', '--count', '1500', '-o',
                            src + '.mjpeg'], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(['ffmpeg', '-v', 'error', '-y', '-f', 'mjpeg', '-framerate', '15', '-i',
                            src + '.mjpeg', '-c', 'copy', src], check=True)
        dst = os.path.join(self.a.store, 'copy.avi')
        cpu = cpu_of(['ffmpeg', '-v', 'error', '-y', '-i', src, '-c', 'copy', dst])
        os.unlink(dst)
        return cpu / 1500 * 1e6

    def fio(self):
        path = os.path.join(self.a.store, 'fio.bin')
        out = subprocess.run(['fio', '--name=seq', '--filename=' + path, '--rw=write', '--bs=1M', '--iodepth=8',
                              '--ioengine=io_uring', '--direct=1', '--size=4G', '--overwrite=1', '--time_based',
                              '--runtime=10', '--output-format=json'], check=True, stdout=subprocess.PIPE, text=True).stdout
        os.unlink(path)
        return json.loads(out)['jobs'][0]['write']['bw_bytes'] / 1e6

    # -- sections --

    def section_record(self):
        ours, rival = [], []
        for i in range(self.a.runs):
            say(f'record, run {i + 1} of {self.a.runs}')
            rival.append(self.ffmpeg_copy())
            ours.append(self.record())
        cpu, ff = median(ours, 'cpu_us_per_frame'), statistics.median(rival)
        lost = max(r['lost'] for r in ours)
        self.lines += [
            '## Recording: 451 MJPEG cameras, 15 frames/s, 100 KB, two processors', '',
            f'`matlang bench record --seconds {self.a.seconds}`, {self.a.runs} runs, ffmpeg between them', '',
            '| | matlang (CRC32C, group commit with fdatasync) | `ffmpeg -c copy` (neither) |', '|---|---|---|',
            f'| CPU a frame | {cpu:.1f} µs | {ff:.1f} µs |',
            f'| ratio | 1 | {ff / cpu:.2f} |',
            f'| frames recorded | {median(ours, "frames"):.0f} | |',
            f'| frames lost (worst run) | {lost} | |',
            f'| MB/s | {median(ours, "mb_per_s"):.0f} | |',
            f'| overhead on disk | {median(ours, "overhead_percent"):.2f} % | |',
            f'| longest commit | {max(r["commit_max_ms"] for r in ours):.0f} ms | |',
            f'| resident memory | {median(ours, "rss_bytes") / 1e6:.0f} MB | |',
            f'| of it slots | {median(ours, "slab_bytes") / 1e6:.0f} MB | |', '']

    def section_analyze(self):
        say('record with analysis')
        rows = [self.record('--analyze', '4', seconds=min(self.a.seconds, 20)) for _ in range(self.a.runs)]
        self.lines += [
            '## The same with motion analysis of 4 frames/s of each camera', '',
            '`matlang bench record --analyze 4`', '', '| | |', '|---|---|',
            f'| analysed a second | {median(rows, "analyzed") / median(rows, "seconds"):.0f} |',
            f'| skipped | {100 * median(rows, "skipped") / max(1, median(rows, "skipped") + median(rows, "analyzed")):.2f} % |',
            f'| frames lost (worst run) | {max(r["lost"] for r in rows)} |', '']

    def section_unpaced(self):
        disk, ours, big, five = [], [], [], []
        for i in range(self.a.runs):
            say(f'unpaced, run {i + 1} of {self.a.runs}')
            disk.append(self.fio())
            ours.append(self.record('--unpaced', '--cameras', '64', seconds=10))
            big.append(self.record('--unpaced', '--cameras', '8', '--format', 'nv12', '--fps', '30', seconds=10))
            dirs = ','.join(os.path.join(self.a.store, f'parity{n}') for n in range(5))
            five.append(self.record('--unpaced', '--cameras', '64', '--parity', '1', '--store-gb', '2', seconds=10, store=dirs))
        d = statistics.median(disk)
        with_parity = median(five, 'mb_per_s') * 5 / 4
        self.lines += [
            '## As fast as the disk takes it', '',
            '`matlang bench record --unpaced`, beside fio writing 1 MiB at depth 8, O_DIRECT, over written space; with parity over five',
            'directories of the one disk, the parity counted', '',
            '| | MB/s | of fio |', '|---|---|---|', f'| fio | {d:.0f} | 100 % |',
            f'| 64 MJPEG cameras of 100 KB (gathered) | {median(ours, "mb_per_s"):.0f} | {100 * median(ours, "mb_per_s") / d:.0f} % |',
            f'| 8 raw NV12 1080p cameras (direct from their slots) | {median(big, "mb_per_s"):.0f} | {100 * median(big, "mb_per_s") / d:.0f} % |',
            f'| 64 MJPEG cameras, 4+1 over five directories | {with_parity:.0f} | {100 * with_parity / d:.0f} % |', '']

    def section_raw(self):
        say('raw cameras')
        rows = [self.record('--cameras', '8', '--format', 'nv12', '--fps', '30', seconds=min(self.a.seconds, 15))
                for _ in range(self.a.runs)]
        self.lines += [
            '## Raw: 8 cameras 1080p30 NV12, written from their slots', '',
            '`matlang bench record --cameras 8 --format nv12 --fps 30`', '', '| | |', '|---|---|',
            f'| frames | {median(rows, "frames"):.0f} |', f'| copies | {max(r["copies"] for r in rows)} |',
            f'| gathered | {max(r["gathered_frames"] for r in rows)} |',
            f'| lost (worst run) | {max(r["lost"] for r in rows)} |',
            f'| MB/s | {median(rows, "mb_per_s"):.0f} |',
            f'| CPU a frame (3.1 MB) | {median(rows, "cpu_us_per_frame"):.0f} µs |', '']

    def section_direct(self):
        say('gathered or direct')
        store = os.path.join(self.a.store, 'direct')
        out = subprocess.run([self.bench, 'direct', '--store', store, '--json'], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        shutil.rmtree(store)
        self.lines += [
            '## Gathered, or written from the slot', '',
            '`matlang bench direct`: CPU a frame and MB/s by size, both ways in turn. The store changes over at 256 KiB.', '',
            '| bytes | gathered µs | direct µs | gathered MB/s | direct MB/s |', '|---|---|---|---|---|']
        for line in out.strip().splitlines():
            r = json.loads(line)
            self.lines.append(f'| {r["bytes"]} | {r["gathered_us"]:.0f} | {r["direct_us"]:.0f} | '
                              f'{r["gathered_mb_s"]:.0f} | {r["direct_mb_s"]:.0f} |')
        self.lines.append('')

    def section_mount(self):
        say('mount')
        store = os.path.join(self.a.store, 'mount')
        row = run_json([self.bench, 'mount', '--store', store, '--json'])
        shutil.rmtree(store)
        self.lines += [
            '## Opening a store of many segments', '', '`matlang bench mount`, median of 5', '', '| | |', '|---|---|',
            f'| segments | {row["segments"]} |', f'| page cache | {"cold" if row["cold"] else "warm"} |',
            f'| open for writing, recovery included | {row["open_write_ms"]:.0f} ms (longest {row["open_write_max_ms"]:.0f}) |',
            f'| open for reading | {row["open_read_ms"]:.0f} ms (longest {row["open_read_max_ms"]:.0f}) |', '']

    def section_find(self):
        say('search of a month')
        store = os.path.join(self.a.store, 'find')
        out = subprocess.run([self.bench, 'find', '--store', store, '--rate', '0.25', '--segment-mib', '16', '--json'],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
        shutil.rmtree(store)
        self.lines += [
            '## Searching a month of 451 cameras, cold', '',
            '`matlang bench find --rate 0.25 --segment-mib 16`: 30 days, something moves 5 % of the time in bouts of 20 s, a bitmap of 60 × 34',
            'cells every 4 s of them; a region of 3 % of the picture. The target was 3 s.', '',
            '| | search | CPU, printing too | minute maps | bitmaps | read | found |', '|---|---|---|---|---|---|---|']
        for line in out.strip().splitlines():
            r = json.loads(line)
            self.lines.append(f'| {r["query"]} | {r["seconds"]:.2f} s | {r["cpu_s"]:.2f} s | {r["minutes"]:.0f} | {r["bitmaps"]:.0f} | '
                              f'{r["minute_mb"] + r["index_mb"]:.0f} MB | {r["stretches"]:.0f} |')
        self.lines.append('')

    def section_dcjpeg(self):
        tool = os.path.join(self.a.build, 'bench_dcjpeg')
        if not os.path.exists(tool):
            return
        say('DC images')
        rows = [run_json([tool, '--json']) for _ in range(self.a.runs)]
        turbo, one, batch = median(rows, 'turbo_us'), median(rows, 'one_us'), median(rows, 'batch_us')
        n, kb = rows[0]['batch'], median(rows, 'mean_kb')
        self.lines += [
            f'## The grey picture at an eighth of a 1080p JPEG of {kb:.0f} KB', '',
            f'`bench_dcjpeg`: {rows[0]["pictures"]} pictures in turn, so that caches hold none; processor time', '',
            '| | µs a picture | MB/s of JPEG | faster than libjpeg-turbo |', '|---|---|---|---|',
            f'| libjpeg-turbo, grey, scaled by 1/8 | {turbo:.0f} | {kb * 1e3 / turbo:.0f} | 1 |',
            f'| DC decoder, a picture at a time | {one:.0f} | {kb * 1e3 / one:.0f} | {turbo / one:.2f} |',
            f'| DC decoder, {n} cameras\' pictures in turn | {batch:.0f} | {kb * 1e3 / batch:.0f} | {turbo / batch:.2f} |',
            f'| pixels that differ | {max(r["differing"] for r in rows)} | | |', '']

    def section_accuracy(self):
        if not os.environ.get('MATLANG_CLIPS'):
            say('accuracy of motion detection: skipped, MATLANG_CLIPS names no folder with recorded scenes')
            return
        say('accuracy of motion detection')
        tool = os.path.join(HERE, 'motion_compare.py')
        quick = [] if self.a.variants else ['--quick']
        out = subprocess.run([tool, self.a.build, *quick], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.lines += ['## Motion: accuracy on recorded scenes', '',
                       f'`{" ".join(["motion_compare.py", *quick])}`: block F (cells of 16 pixels), part of the frames with motion found, part of',
                       'the frames without it that raised a false alarm, events found; default settings of every detector, the',
                       'same grey pictures, all frames. MOG2 and KNN are those of OpenCV, their shadows counted as motion; ViBe and',
                       'sigma-delta are written from their descriptions; `motion` is the program. It plays in real time, so that',
                       'its figures change from run to run, and suffer when the machine is busy.', '',
                       out.rstrip(), '']

    def section_motion(self):
        tool = os.path.join(self.a.build, 'bench_motion')
        if not os.path.exists(tool):
            return
        say('motion kernels')
        runs, rivals = [], []
        for _ in range(self.a.runs):
            runs.append(run_json([tool, '--json']))
            rivals.append(run_json(['/usr/bin/python3', os.path.join(HERE, 'motion_rivals.py')]))
        self.lines += [
            '## Motion of raw 1080p: complete, 48 cameras in turn', '',
            '`bench_motion`: area means, model, noise, grid and decision; processor time a frame. "Limit" is a loop that only',
            'reads as many bytes of pictures and reads and writes as many of state, "touched" the same with pages touched',
            'ahead as the kernels do it. OpenCV (`motion_rivals.py`) runs in between, one thread.', '',
            '| | µs a frame | of it area means | limit µs | touched µs | of the limit | of touched |', '|---|---|---|---|---|---|---|']
        for i, code in enumerate(t['code'] for t in runs[0]):
            rows = [r[i] for r in runs]
            self.lines.append(f'| {code} | {median(rows, "frame_us"):.0f} | {median(rows, "reduce_us"):.0f} | '
                              f'{median(rows, "limit_us"):.0f} | {median(rows, "touched_us"):.0f} | '
                              f'{100 * median(rows, "of_limit"):.0f} % | {100 * median(rows, "of_touched"):.0f} % |')
        best = statistics.median(r[-1]['frame_us'] for r in runs)
        for name in rivals[0]:
            us = median(rivals, name)
            self.lines.append(f'| OpenCV {name} | {us:.0f} ({us / best:.0f}×) | | | | | |')
        self.lines += ['', f'State: {runs[0][-1]["state_bytes"]} bytes a camera.', '']
        tool = os.path.join(self.a.build, 'tests/checkasm/checkasm')
        times = run_json([tool, '--bench', '--json'])
        codes = list(next(iter(times.values())))
        self.lines += ['Kernels by themselves, in the cache, a row of 240 pixels: `checkasm --bench`, ns (times as fast as C)', '',
                       '| kernel, outputs | ' + ' | '.join(codes) + ' |', '|---' * (len(codes) + 1) + '|']
        for kernel, ns in times.items():
            self.lines.append(f'| {kernel} | ' + ' | '.join(
                f'{ns[c]:.0f}' + (f' ({ns[codes[0]] / ns[c]:.1f})' if c != codes[0] else '') for c in codes) + ' |')
        self.lines.append('')


def cpu_model():
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('--out', default='docs/BENCHMARKS.md')
    p.add_argument('--store', help='folder on the disk to measure; default: a new one in the build folder')
    p.add_argument('--runs', type=int, default=3)
    p.add_argument('--seconds', type=int, default=60)
    p.add_argument('--variants', action='store_true',
                   help='compare detectors on degraded copies of the scenes too: hours')
    p.add_argument('--only', help='sections, by name: record,analyze,unpaced,raw,direct,mount,find,dcjpeg,motion,accuracy')
    args = p.parse_args()
    made = None
    if not args.store:
        made = args.store = tempfile.mkdtemp(prefix='bench-', dir=args.build)
    os.makedirs(args.store, exist_ok=True)
    b = Bench(args)
    b.lines = [
        '# Benchmarks', '',
        f'Written by `make bench BENCH_ARGS="--seconds {args.seconds} --runs {args.runs}"`. These machines are shared and noisy: believe the ratios, which come from one run, and',
        'not the absolute figures.', '',
        f'{os.cpu_count()} processors ({cpu_model()}), Linux {platform.release().split("-")[0]}.', '']
    try:
        names = 'record analyze unpaced raw direct mount find dcjpeg motion accuracy'.split()
        for name in args.only.split(',') if args.only else names:
            getattr(b, f'section_{name}')()
            # At once: a run that is stopped keeps what it has measured.
            with open(args.out, 'w') as f:
                f.write('\n'.join(b.lines))
    finally:
        if made:
            shutil.rmtree(made)
    print('\n'.join(b.lines))


if __name__ == '__main__':
    main()
