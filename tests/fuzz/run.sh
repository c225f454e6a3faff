#!/usr/bin/env bash
# Runs fuzzers for a while each: tests/fuzz/run.sh SECONDS PROGRAM... ; the first inputs of
# fuzz_NAME are tests/fuzz/corpus/NAME/*, what it finds stays beside the program. Ends with
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
seconds=$1
shift
passed=0 failed=0
for bin in "$@"; do
    name=$(basename "$bin")
    work=$(dirname "$bin")/work-$name
    mkdir -p "$work"
    seeds=tests/fuzz/corpus/${name#fuzz_}
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086
    if "$bin" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="$work/" "$work" $seeds >"$work.log" 2>&1; then
        printf '  FUZZ    %s: %s runs in %s s\n' "$name" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work.log")" "$seconds"
        passed=$((passed + 1))
    else
        printf '  FAIL    %s\n' "$name"
        tail -n 60 "$work.log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
