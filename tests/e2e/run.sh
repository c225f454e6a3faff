#!/usr/bin/env bash
# End to end: clips are recorded, searched, exported and decoded, and every frame is compared with
# its source. First from stores with known contents (make_store), then from a running matlangd.
#   tests/e2e/run.sh BUILD_DIR
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
build=$(realpath "${1:-build}")
M=$build/matlang
make_store=$build/tests/e2e/make_store
dir=$(mktemp -d)
passed=0 failed=0 skipped=0
daemon=
finish() {
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
unset MATLANG_STORE MATLANG_CONTROL LANGUAGE
export LC_ALL=C TZ=UTC

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$dir/log" 2>&1; then
        passed=$((passed + 1))
    else
        printf '  FAIL    %s\n' "$name"
        tail -n 25 "$dir/log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}
skip() {
    echo "SKIP: $1"
    skipped=$((skipped + 1))
}
total() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
fails() { # CODE COMMAND...: ends with exactly this code
    local want=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" -eq "$want" ] || { echo "exit code $code, not $want: $*"; return 1; }
}
says() { # TEXT COMMAND...: prints it, whatever the exit code
    local text=$1 out
    shift
    out=$("$@" 2>&1)
    [[ $out == *"$text"* ]] || { printf 'not said: %s\n%s\n' "$text" "$out"; return 1; }
}
for tool in ffmpeg ffprobe python3 sha256sum; do
    if ! command -v "$tool" >/dev/null; then
        skip "no $tool here"
        total
    fi
done
frames() { # FILE: a hash of each decoded picture
    ffmpeg -v error -i "$1" -map 0:v -vsync passthrough -f framemd5 - | grep -v '^#' | awk '{print $NF}'
}
same_frames() { # SOURCE EXPORT
    diff <(frames "$1") <(frames "$2")
}
again_and_again() { # SOURCE EXPORT: the source from its begin, at least once, over and over
    python3 - <(frames "$1") <(frames "$2") <<'EOF'
import sys
source, export = (open(f).read().split() for f in sys.argv[1:])
assert len(source) == 60 and len(export) >= 60, (len(source), len(export))
for i, frame in enumerate(export):
    assert frame == source[i % 60], "frame %d of %d is not frame %d of the source" % (i, len(export), i % 60)
EOF
}
stamps() { ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 "$1" | tr -d ,; }

# --- clips ------------------------------------------------------------------------------------
clips=$dir/clips
mkdir -p "$clips/images" "$dir/out"
scene=(-f lavfi -i "testsrc2=size=320x240:rate=25" -frames:v 60)
ffmpeg -v error "${scene[@]}" -c:v mjpeg -q:v 4 -start_number 1 "$clips/images/in%06d.jpg"
ffmpeg -v error "${scene[@]}" -c:v mjpeg -q:v 4 "$clips/mjpeg.avi"
ffmpeg -v error "${scene[@]}" -c:v libx264 -bf 0 -g 20 -pix_fmt yuv420p "$clips/h264.mkv"
ffmpeg -v error "${scene[@]}" -c:v libx265 -x265-params log-level=none:bframes=0:keyint=20 "$clips/hevc.mkv" 2>/dev/null
ffmpeg -v error "${scene[@]}" -c:v rawvideo -pix_fmt yuv420p "$clips/raw.avi"

# --- every codec, both containers ----------------------------------------------------------------
for name in images mjpeg h264 hevc; do
    clip=$(ls -d "$clips/$name"* 2>/dev/null | head -1)
    if [ ! -s "$clip" ] && [ ! -d "$clip" ]; then
        skip "ffmpeg here cannot make $name"
        continue
    fi
    source=$clip
    [ -d "$clip" ] && source=$clip/in%06d.jpg
    check "$name: recorded" "$make_store" "$dir/$name" "cam=clip:$clip"
    for end in mkv mp4; do
        out=$dir/out/$name.$end
        check "$name.$end: exported" "$M" export --store "$dir/$name" --camera cam --from -1h -o "$out"
        check "$name.$end: every frame as in its source" same_frames "$source" "$out"
        check "$name.$end: checksums" bash -c "cd '$dir/out' && sha256sum -c --quiet $name.sha256"
        check "$name.$end: 60 frames, 40 ms apart" python3 - <(stamps "$out") <<'EOF'
import sys
t = [float(x) for x in open(sys.argv[1])]
assert len(t) == 60, len(t)
assert t[0] == 0 and all(abs(t[i] - i * 0.04) < 0.0011 for i in range(60)), t
EOF
        rm -f "$dir/out/$name".*
    done
done

# The bytes of each image, not only what they decode to.
check "images: exported" "$M" export --store "$dir/images" --camera cam --from -1h -o "$dir/out/i.mkv"
mkdir -p "$dir/packets"
check "images: packets taken out" ffmpeg -v error -i "$dir/out/i.mkv" -c copy -f image2 "$dir/packets/in%06d.jpg"
check "images: every byte as in its source" diff -r "$clips/images" "$dir/packets"

# Raw pictures are encoded; what H.264 is asked for is H.264.
check "raw: recorded" "$make_store" "$dir/raw" "cam=clip:$clips/raw.avi"
check "raw: exported" "$M" export --store "$dir/raw" --camera cam --from -1h -o "$dir/out/raw.mkv" --quality 100
check "raw: looks as its source" python3 - "$dir/out/raw.mkv" "$clips/raw.avi" <<'EOF'
import re, subprocess, sys
out = subprocess.run(["ffmpeg", "-i", sys.argv[1], "-i", sys.argv[2], "-lavfi",
                      "[0:v]scale=in_range=full:out_range=limited,format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]psnr",
                      "-f", "null", "-"], capture_output=True, text=True).stderr
psnr = re.search(r"average:(\S+)", out)
assert psnr and (psnr[1] == "inf" or float(psnr[1]) > 38), out[-400:]
EOF
if ffmpeg -v error -encoders | grep -q libx264; then
    check "raw: as H.264" "$M" export --store "$dir/raw" --camera cam --from -1h -o "$dir/out/rawh.mp4" --encode h264
    check "raw: H.264 with all frames" test "$(frames "$dir/out/rawh.mp4" | wc -l)" -eq 60
    check "mjpeg: as H.264" "$M" export --store "$dir/mjpeg" --camera cam --from -1h -o "$dir/out/mh.mp4" --encode h264
    check "mjpeg: H.264 with all frames" test "$(frames "$dir/out/mh.mp4" | wc -l)" -eq 60
fi

# --- from the middle of a group of pictures: back to the key frame -------------------------------
first=$("$M" export --store "$dir/h264" --camera cam --from -1h -o "$dir/out/all.mkv" --json |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["files"][0]["first_frame"])')
from=$(python3 -c "
import datetime, sys
t = datetime.datetime.fromisoformat(sys.argv[1]) + datetime.timedelta(milliseconds=1010)
print(t.isoformat())" "$first")
check "h264: from the middle" "$M" export --store "$dir/h264" --camera cam --from "$from" -o "$dir/out/mid.mkv"
check "h264: begins with the key frame before" diff <(frames "$clips/h264.mkv" | tail -n +21) <(frames "$dir/out/mid.mkv")

# --- the camera changes its format --------------------------------------------------------------------
check "change: recorded" "$make_store" "$dir/change" "cam=clip:$clips/h264.mkv" "cam=clip:$clips/images"
check "change: exported" "$M" export --store "$dir/change" --camera cam --from -1h -o "$dir/out/change.mkv"
check "change: first file" same_frames "$clips/h264.mkv" "$dir/out/change.mkv"
check "change: second file" same_frames "$clips/images/in%06d.jpg" "$dir/out/change-2.mkv"
check "change: checksums of both" test "$(grep -c 'change.*mkv' "$dir/out/change.sha256")" -eq 2
check "change: both as one format" "$M" export --store "$dir/change" --camera cam --from -1h -o "$dir/out/change.mp4" --encode mjpeg --force

# --- gaps, torn frames, motion ----------------------------------------------------------------------
check "gaps: recorded" "$make_store" --gap 20,4 --away 40 --torn 10 --motion 45,10 "$dir/gaps" "cam=clip:$clips/images" "other=clip:$clips/mjpeg.avi"
check "gaps: verifies" "$M" store verify "$dir/gaps"
check "gaps: exported" "$M" export --store "$dir/gaps" --camera cam --from -1h -o "$dir/out/gaps.mkv"
check "gaps: the list" python3 - "$dir/out/gaps.json" <<'EOF'
import json, sys
r = json.load(open(sys.argv[1]))
causes = {g["cause"]: g for g in r["gaps"]}
assert causes["sequence-gap"]["frames"] == 4 and not causes["sequence-gap"]["estimated"], r
assert causes["camera-away"]["frames"] == 500 and causes["camera-away"]["estimated"], r
assert abs(causes["camera-away"]["seconds"] - 20.04) < 0.01, r
assert r["torn_frames"] == 1 and r["missing_frames"] == 504, r
assert r["files"][0]["frames"] == 56, r
EOF
check "gaps: time stands in the file" python3 - <(stamps "$dir/out/gaps.mkv") <<'EOF'
import sys
t = [float(x) for x in open(sys.argv[1])]
steps = [round(b - a, 2) for a, b in zip(t, t[1:])]
assert len(t) == 56 and steps.count(0.2) == 1 and steps.count(20.04) == 1 and steps.count(0.04) == 53, steps
EOF
check "ledger: totals" python3 - <("$M" ledger --store "$dir/gaps" --json) <<'EOF'
import json, sys
lines = [json.loads(x) for x in open(sys.argv[1])]
totals = {x["camera"]: x for x in lines if x["type"] == "total"}
for cam in ("cam", "other"):
    assert totals[cam]["recorded"] == 56 and totals[cam]["missing"] == 504 and totals[cam]["torn"] == 1, totals
    assert totals[cam]["lost"] == {"sequence-gap": 4, "camera-away": 500}, totals
EOF
# --- times of a clock that was never synchronised ---------------------------------------------------
clock_words() { # STORE: of everything that tells times
    { for command in find events ledger; do "$M" $command --store "$1" --json; done
      "$M" export --store "$1" --camera cam --from -1h -o "$dir/out/clock.mkv" --force --json; } |
        grep -o '"clock":"[a-z]*"' | sort | uniq -c | awk '{print $2, $1}'
}
clock_marks() { # STORE: lines that say it, of each command
    for command in find events ledger "ledger --totals"; do
        "$M" $command --store "$1" | grep -c 'clock not synchronised'
    done
    "$M" export --store "$1" --camera cam --from -1h -o "$dir/out/clock.mkv" --force | grep -c '^clock: NOT synchronised'
    grep -c 'clock not synchronised$' "$dir/out/clock.gaps.txt"
}
for kind in free synchronised; do
    check "clock: recorded, $kind" "$make_store" --clock $kind --gap 20,4 --motion 45,10 "$dir/clock-$kind" "cam=clip:$clips/images"
done
# A stretch, an event, a gap and the sum; the export, and on its list that gap and those around it.
check "clock: free, for programs" test "$(clock_words "$dir/clock-free")" = '"clock":"unsynchronised" 8'
check "clock: free, for people" test "$(clock_marks "$dir/clock-free" | tr '\n' ' ')" = "1 1 2 1 1 3 "
check "clock: synchronised, for programs" test "$(clock_words "$dir/clock-synchronised")" = '"clock":"synchronised" 8'
check "clock: synchronised, for people" test "$(clock_marks "$dir/clock-synchronised" | tr '\n' ' ')" = "0 0 0 0 0 0 "

motion() { # OPTIONS...: number of stretches
    "$M" find --store "$dir/gaps" --json "$@" | grep -c '"type":"motion"'
}
check "find: both cameras" test "$(motion)" -eq 2
check "find: where it moved" test "$(motion --camera cam --region 40,40,5,5)" -eq 1
check "find: where it did not" test "$(motion --region 0,0,40,40)" -eq 0
check "find: too few cells" test "$(motion --min-cells 2)" -eq 0
check "find: not at that time" test "$(motion --to -30m)" -eq 0
# Small segments, so that there are minute maps; a month of footage is like this, only more.
check "find: a store with minute maps" "$make_store" "$dir/maps" --size 48 --segment 1 --frames 150 --motion 20,100 \
    "a=rack:a?width=320&height=240&fps=2&frame_kb=60" "b=rack:b?width=320&height=240&fps=1&frame_kb=60"
check "find: by minute maps and without, the same" python3 - "$M" "$dir/maps" <<'EOF'
import json, subprocess, sys
def find(*args):
    out = subprocess.run([sys.argv[1], "find", "--store", sys.argv[2], "--json", *args], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    lines = [json.loads(x) for x in out.splitlines()]
    return lines[:-1], lines[-1]
hit, s = find("--region", "40,40,5,5")
assert len(hit) == 2 and s["bitmaps"] == 200 and s["minutes"] > 0 and s["minute_hits"] == s["minutes"], s
miss, s = find("--region", "0,0,40,40")
assert not miss and s["minutes"] > 0 and s["minute_hits"] == 0 and s["bitmaps"] < 150, s
assert 3 < s["segments_passed_over"] <= s["segments"], s
quick, s = find("--region", "40,40,5,5", "--minutes")
assert s["bitmaps"] < 150 and s["segments_passed_over"] > 3, s
key = lambda x: (x["camera"], x["from"], x["to"], x["frames"])
assert sorted(map(key, quick)) == sorted(map(key, hit)), (quick, hit)
EOF
check "find: says how many it read" says "Minute maps read: " "$M" find --store "$dir/maps" --region 40,40,5,5
check "find: and in Vietnamese" says "bản đồ phút" "$M" --lang vi find --store "$dir/maps" --region 40,40,5,5
check "heatmap: made" "$M" heatmap --store "$dir/maps" --camera a -o "$dir/out/heat.png" --json
check "heatmap: the sums are those of the records" python3 - "$M" "$dir/maps" "$dir/out/heat.png" <<'EOF'
import json, subprocess, sys
def lines(*args):
    out = subprocess.run([sys.argv[1], *args, "--store", sys.argv[2], "--json"], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(x) for x in out.stdout.splitlines()]
heat = lines("heatmap", "--camera", "a", "--force", "-o", sys.argv[3])[0]
# 100 frames at 2 a second: 50 s, which are part of one or two minutes of the clock.
assert heat["minutes"] in (1, 2) and sum(heat["hours"]) == heat["minutes"] == heat["most_in_a_cell"], heat
assert heat["minute_maps"] + heat["bitmaps"] > 0, heat
raw = subprocess.run(["ffmpeg", "-v", "error", "-i", sys.argv[3], "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                     check=True, stdout=subprocess.PIPE).stdout
assert len(raw) % 3000 == 0 and len(raw) > 3000 * 900, len(raw)
# The one cell that moved, of 16 x 12, is red; its neighbours are the picture alone.
w = 944 / 16
middle = lambda x, y: raw[(int(70 + (y + 0.5) * w) * 1000 + int(28 + (x + 0.5) * w)) * 3:][:3]
red = lambda p: p[0] - max(p[1], p[2])
assert red(middle(2, 2)) > red(middle(3, 2)) + 60 and red(middle(2, 2)) > red(middle(2, 3)) + 60, (middle(2, 2), middle(3, 2))
EOF
check "heatmap: an existing file is kept" fails 1 "$M" heatmap --store "$dir/maps" --camera a -o "$dir/out/heat.png"
check "heatmap: nothing moved, still a page" says "nothing moved in this time" "$M" heatmap --store "$dir/images" --camera cam -o "$dir/out/still.png"
check "heatmap: no PNG under another name" fails 2 "$M" heatmap --store "$dir/maps" --camera a -o "$dir/out/heat.jpg"
check "events: one a camera" says "Events: 2" "$M" events --store "$dir/gaps"
check "snapshot of the newest" "$M" snapshot --store "$dir/images" --camera cam -o "$dir/out/s.jpg"
check "snapshot: the very bytes" cmp "$dir/out/s.jpg" "$clips/images/in000060.jpg"
check "snapshot of H.264" "$M" snapshot --store "$dir/h264" --camera cam -o "$dir/out/h.jpg"
check "snapshot: no JPEG under another name" fails 2 "$M" snapshot --store "$dir/h264" --camera cam -o "$dir/out/h.png"
check "snapshot of H.264 decodes" ffmpeg -v error -xerror -i "$dir/out/h.jpg" -f null -

# --- what must not go wrong ---------------------------------------------------------------------------
before=$(sha256sum "$dir/out/gaps.mkv")
check "an existing file is kept" fails 1 "$M" export --store "$dir/gaps" --camera cam --from -1h -o "$dir/out/gaps.mkv"
check "it was kept" test "$before" = "$(sha256sum "$dir/out/gaps.mkv")"
check "--force replaces" "$M" export --store "$dir/gaps" --camera other --from -1h -o "$dir/out/gaps.mkv" --force
check "no camera of that name: says which" says "there are: cam, other" "$M" export --store "$dir/gaps" --camera gate --from -1h -o "$dir/out/x.mkv"
check "nothing in this time: says so" fails 1 "$M" export --store "$dir/gaps" --camera cam --from 2001-01-01 --to 2001-01-02 -o "$dir/out/x.mkv"
check "wrong usage is 2" fails 2 "$M" export --store "$dir/gaps" --camera cam --from yesterday -o "$dir/out/x.mkv"
check "no store: says how to go on" says "--store DIR" "$M" find --store "$dir/nowhere"
check "no leftovers" test -z "$(find "$dir/out" -name '.*' -type f)"
check "in Vietnamese" says "không có máy quay 'gate'" "$M" --lang vi export --store "$dir/gaps" --camera gate --from -1h -o "$dir/out/x.mkv"
if [ "$(id -u)" -eq 0 ] && mkdir "$dir/small" && mount -t tmpfs -o size=256k none "$dir/small" 2>/dev/null; then
    check "a full disk is refused at once" says "not enough space" "$M" export --store "$dir/images" --camera cam --from -1h -o "$dir/small/x.mkv"
    check "a disk that fills up: one line, exit 1" fails 1 "$M" export --store "$dir/raw" --camera cam --from -1h -o "$dir/small/x.mkv" --encode mjpeg
    check "a full disk: nothing left behind" test -z "$(ls -A "$dir/small")"
    umount "$dir/small"
else
    skip "no tmpfs can be mounted here"
fi

# --- damage ---------------------------------------------------------------------------------------------
check "damage: recorded" "$make_store" "$dir/damage" "cam=clip:$clips/images"
check "damage: a bit of one picture turned over" python3 - "$dir/damage" "$clips/images/in000030.jpg" <<'EOF'
import glob, sys
picture = open(sys.argv[2], "rb").read()
hits = 0
for name in glob.glob(sys.argv[1] + "/*"):
    with open(name, "r+b") as f:
        at = f.read().find(picture)
        if at >= 0:
            f.seek(at + len(picture) // 2)
            f.write(bytes([picture[len(picture) // 2] ^ 4]))
            hits += 1
assert hits == 1, hits
EOF
check "damage: verify exits with 1" fails 1 "$M" store verify "$dir/damage"
check "damage: verify names it" says "damaged: " "$M" store verify "$dir/damage"
cp -r "$dir/damage" "$dir/mend"
check "repair: a superblock and a seal overwritten" python3 - "$dir/mend/volume-0.matlang" <<'EOF'
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    for at in (0, data.index(b"MLSEALED")):
        f.seek(at + 20)
        f.write(b"rot")
EOF
check "repair: --dry-run finds work" fails 1 "$M" store repair --dry-run "$dir/mend"
check "repair: --dry-run says what" says "would be written anew: superblock 0" "$M" store repair --dry-run "$dir/mend"
check "repair: says so in Vietnamese" says "đã ghi lại: siêu khối 0" "$M" --lang vi store repair "$dir/mend"
check "repair: the picture stays damaged" says "still damaged: segment 0 " "$M" store repair "$dir/mend"
check "repair: and nothing else" says '"steps":0,"damaged":1,' "$M" store repair --json "$dir/mend"
check "repair: wants a directory" fails 2 "$M" store repair
check "damage: the export says so" fails 1 "$M" export --store "$dir/damage" --camera cam --from -1h -o "$dir/out/damage.mkv"
rm -rf "$dir/packets"
mkdir "$dir/packets"
check "damage: the rest is exported, whole" ffmpeg -v error -i "$dir/out/damage.mkv" -c copy -f image2 "$dir/packets/%06d.jpg"
check "damage: nothing of it is shown" python3 - "$dir/packets" "$clips/images" <<'EOF'
import glob, sys
got, want = ([open(f, "rb").read() for f in sorted(glob.glob(d + "/*"))] for d in sys.argv[1:])
assert 0 < len(got) < len(want) and all(g in want for g in got) and want[29] not in got, (len(got), len(want))
EOF
check "damage: the list counts it" python3 -c 'import json,sys; sys.exit(json.load(open(sys.argv[1]))["damaged_frames"] < 1)' "$dir/out/damage.json"

# --- detect ----------------------------------------------------------------------------------------------
check "detect: runs" "$M" detect --source "clip:$clips/images" --masks "$dir/masks" --flags "$dir/flags" --set motion/sensitivity=60
check "detect: a mask and a line for each frame" test "$(ls "$dir/masks" | wc -l) $(wc -l <"$dir/flags")" = "60 60"
check "detect: named by the images" test -e "$dir/masks/000060.pgm"
check "detect: masks are PGM" bash -c "head -c 2 '$dir/masks/000001.pgm' | grep -q P5"
check "detect: pictures of what it saw" "$M" detect --source "clip:$clips/h264.mkv" --draw "$dir/draw" --frames 20 \
    --set 'motion/zones=gate: 20,20 200,20 200,200; !tree: 220,0 320,0 320,100; -off: 0,200 60,200 60,240'
check "detect: one a frame, the size of the picture and the words below" python3 - "$dir/draw" <<'EOF'
import os, subprocess, sys
names = sorted(os.listdir(sys.argv[1]))
assert names == ["%06d.png" % i for i in range(1, 21)], names
def pixels(name):
    path = os.path.join(sys.argv[1], name)
    with open(path, "rb") as f:
        width = int.from_bytes(f.read(24)[16:20], "big")
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, stdout=subprocess.PIPE).stdout
    return width, raw
width, raw = pixels(names[-1])
assert width == 640 and len(raw) == 640 * 564 * 3, (width, len(raw))
at = lambda x, y: raw[(y * 640 + x) * 3:][:3]
# The clip is shown at twice its size: the zone's right edge is at x = 400.
green = sum(at(400, y)[1] > 200 and at(400, y)[1] > at(400, y)[0] + 60 for y in range(80, 380))
assert green > 250, green
# The panel below the picture is dark, with light words.
panel = [at(x, y) for x in range(20, 300) for y in range(486, 560)]
assert sum(max(p) < 60 for p in panel) > len(panel) / 2 and sum(min(p) > 180 for p in panel) > 50
EOF
check "detect: --compare, both sides" python3 - "$M" "$dir/images" <<'EOF'
import json, subprocess, sys
def compare(*args):
    out = subprocess.run([sys.argv[1], "detect", "--store", sys.argv[2], "--camera", "cam", "--compare", "--json", *args],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [json.loads(x) for x in out.stdout.splitlines()]
    return lines[:-1], lines[-1], out.stderr
def lone(alarms, side, other):
    return sum(a[side] and not a[other] for a in alarms)
alarms, s, said = compare("--base", "motion/enabled=0", "--set", "motion/enabled=1", "--set", "motion/rate=0", "--set", "motion/start_frames=1")
assert s["today"]["alarms"] == 0 and s["changed"]["alarms"] == len(alarms) > 0, s
assert all(a["changed"] and not a["today"] and a["from"] <= a["to"] for a in alarms), alarms
assert s["changed"]["only_here"] == lone(alarms, "changed", "today") == len(alarms), s
assert s["today"]["settings"]["motion/enabled"] == "0" and s["changed"]["settings"]["motion/rate"] == "0", s
assert s["frames"] == s["changed"]["analyzed"] == 60 and s["today"]["analyzed"] < 20, s
alarms, s, said = compare("--set", "motion/sensitivity=50")
assert s["today"] == s["changed"] and all(a["today"] and a["changed"] for a in alarms), s
assert "defaults" in said, said
EOF
check "detect: --compare, a table" says "time in alarm" "$M" detect --store "$dir/images" --camera cam --compare --set motion/sensitivity=60
check "detect: --compare wants something to compare" fails 2 "$M" detect --store "$dir/images" --camera cam --compare
check "detect: --base is for --compare" fails 2 "$M" detect --store "$dir/images" --camera cam --base motion/rate=3
check "detect: --draw into a place that is none" fails 1 "$M" detect --source "clip:$clips/images" --draw "$clips/mjpeg.avi"
check "detect: stored footage" "$M" detect --store "$dir/images" --camera cam --flags "$dir/flags2"
check "detect: unknown settings are named" says "motion/sensitivity" "$M" detect --source "clip:$clips/images" --set motion/bogus=1

# --- what people read ----------------------------------------------------------------------------------------
documented() { # PAGE COMMAND...: every option of the command stands in its manual page
    local page=docs/man/$1 option
    shift
    for option in $("$M" help "$@" | grep -oE -- '--[a-z][a-z-]*' | sort -u); do
        case $option in
        --json | --lang | --help | --store | --control | --from | --to | --camera) page_of=docs/man/matlang.1 ;;
        *) page_of=$page ;;
        esac
        sed 's/\\-/-/g' "$page_of" | grep -q -- "Fl ${option#-}" || { echo "$page_of: no $option ($*)"; return 1; }
    done
}
for command in status cameras devices; do check "manual: $command" documented matlang-status.1 $command; done
for command in get set watch; do check "manual: $command" documented matlang-get.1 $command; done
for command in find events ledger; do check "manual: $command" documented matlang-find.1 $command; done
for command in export snapshot; do check "manual: $command" documented matlang-export.1 $command; done
for command in create info verify; do check "manual: store $command" documented matlang-store.1 store $command; done
check "manual: heatmap" documented matlang-heatmap.1 heatmap
check "manual: detect" documented matlang-detect.1 detect
check "help: a group of commands has it" says "Usage: matlang store verify" "$M" store --help
check "help: of no command is wrong usage" fails 2 "$M" nosuch --help
check "help: every command has it" bash -c "'$M' help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' | while read -r c; do '$M' help \$c >/dev/null || exit 1; done"
completes() { # WANTED WORD...: what completion offers for the words
    local want=$1
    shift
    bash -c 'PATH=$1:$PATH; . tools/completion/matlang.bash; compopt() { :; }; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _matlang matlang "${@: -1}" "${COMP_WORDS[COMP_CWORD-1]}"
        echo "${COMPREPLY[*]}"' - "$build" "$@" | grep -qx -- "$want"
}
check "completion: commands" completes "status store" matlang st
check "completion: second words" completes "create info forecast verify rebuild replace repair" matlang store ""
check "completion: options" completes "--segment --size --sparse" matlang store create --s
mkdir -p "$dir/control/cameras/gate-01" "$dir/control/cameras/yard"
export MATLANG_CONTROL=$dir/control
check "completion: cameras" completes "gate-01" matlang find --camera g
check "completion: control paths" completes "cameras/" matlang get ca
unset MATLANG_CONTROL

# --- a running box -----------------------------------------------------------------------------------------
check "box: store made" "$M" store create "$dir/box" --size 128M --segment 4M --sparse
"$build/matlangd" --store "$dir/box" --control none --config /dev/null --seconds 5 \
    --camera "a=clip:$clips/images" --camera "b=clip:$clips/h264.mkv" >"$dir/box.log" 2>&1 &
daemon=$!
wait "$daemon" && rc=0 || rc=$?
daemon=
check "box: ran" test "$rc" -eq 0
[ "$rc" -eq 0 ] || sed 's/^/    /' "$dir/box.log" | tail -n 10
check "box: verifies" "$M" store verify "$dir/box"
for pair in "a $clips/images/in%06d.jpg" "b $clips/h264.mkv"; do
    read -r cam source <<<"$pair"
    check "box: $cam exported" "$M" export --store "$dir/box" --camera "$cam" --from -1h -o "$dir/out/box-$cam.mkv"
    check "box: $cam every frame as in its source" again_and_again "$source" "$dir/out/box-$cam.mkv"
done

# A camera each whose lens is covered, out of focus, blinded, and that is turned away; and one left alone.
"$M" store create "$dir/views" --size 256M --segment 4M --sparse >/dev/null
views=()
for kind in cover defocus move blind; do
    views+=(--camera "$kind=rack:$kind?width=640&height=480&fps=10&faults=$kind@130:7s"
        --set "cameras/$kind/motion/tamper_seconds=3")
done
"$build/matlangd" --store "$dir/views" --control none --config /dev/null --seconds 26 "${views[@]}" \
    --camera "well=rack:well?width=640&height=480&fps=10" --set cameras/well/motion/tamper_seconds=3 >"$dir/views.log" 2>&1 &
daemon=$!
wait "$daemon" && rc=0 || rc=$?
daemon=
check "views: the box ran" test "$rc" -eq 0
told() { # CAMERA WHAT: exactly one event of a lost view, of this kind, that has ended
    "$M" events --store "$dir/views" --lost-view --camera "$1" --json | python3 -c '
import json, sys
events = [json.loads(line) for line in sys.stdin]
assert [(e["what"], e["to"] is not None) for e in events] == [(sys.argv[1], True)], events' "$2"
}
for pair in "cover covered" "defocus defocused" "move moved" "blind blinded"; do
    read -r cam what <<<"$pair"
    check "views: $what is told" told "$cam" "$what"
done
check "views: nothing of one that is well" says "Events: 0" "$M" events --store "$dir/views" --lost-view --camera well
check "views: it is in the log" grep -q "the lens is covered" "$dir/views.log"
check "views: in Vietnamese" says "bị che" "$M" events --lang vi --store "$dir/views" --lost-view --camera cover
total
