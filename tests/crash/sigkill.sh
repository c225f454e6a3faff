#!/usr/bin/env bash
# Kills a recording matlangd with SIGKILL many times over one store. After each: the store verifies,
# nothing that was reported durable is missing, and recording goes on.
#   tests/crash/sigkill.sh BUILD_DIR
# KILLS (default 12), SEED.
set -u
build=$(cd "$1" && pwd)
kills=${KILLS:-12}
seed=${SEED:-$RANDOM}
RANDOM=$seed
work=$(mktemp -d)
passed=0 failed=0
pid=
cleanup() {
    if [ -n "$pid" ]; then
        kill -9 "$pid" 2>/dev/null
    fi
    mountpoint -q "$work/control" && fusermount3 -uz "$work/control"
    rm -rf "$work"
}
trap cleanup EXIT
fail() {
    echo "FAILED (SEED=$seed, kill $kill): $*"
    [ -f "$work/log" ] && tail -n 20 "$work/log"
    failed=$((failed + 1))
}

if [ ! -e /dev/fuse ]; then
    echo "SKIP: no /dev/fuse here: the durable position is read from the control files"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
mkdir "$work/control"
"$build/matlang" store create "$work/store" --size 96M --segment 4M --sparse >/dev/null || exit 1
cameras=()
for i in 1 2 3 4; do
    cameras+=(--camera "m$i=rack:m$i?width=640&height=480&fps=30&frame_kb=$((20 * i))")
done
cameras+=(--camera "raw=rack:raw?width=640&height=480&fps=20&format=nv12")

for kill in $(seq "$kills"); do
    "$build/matlangd" --store "$work/store" --control "$work/control" --config /dev/null \
        --set storage/commit_ms=100 "${cameras[@]}" >"$work/log" 2>&1 &
    pid=$!
    durable=0
    for _ in $(seq 100); do
        if read -r durable <"$work/control/storage/durable" && [ "${durable:-0}" -gt 0 ] 2>/dev/null; then break; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done 2>/dev/null
    sleep "0.$((RANDOM % 90 + 10))"
    sleep $((RANDOM % 2))
    if ! read -r durable <"$work/control/storage/durable"; then
        fail "matlangd does not run"
        break
    fi
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    pid=
    fusermount3 -uz "$work/control" 2>/dev/null
    if ! "$build/matlang" store verify "$work/store" >"$work/verify" 2>&1; then
        fail "the store does not verify"
        cat "$work/verify"
        continue
    fi
    found=$("$build/matlang" store info "$work/store" --json |
        python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["position"])')
    if [ "${found:-0}" -lt "$durable" ]; then
        fail "durable up to $durable was reported, found only up to $found"
        continue
    fi
    if ! "$build/tests/e2e/check_store" "$work/store" --recycled >"$work/stamps"; then
        fail "pictures are not what the cameras drew"
        cat "$work/stamps"
        continue
    fi
    passed=$((passed + 1))
done
echo "seed $seed"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
