#!/usr/bin/env bash
# Runs crash tests, each a program whose last line reads "N passed, N failed, N skipped", and sums
# those lines. SEED=n in the environment repeats one run of a test that takes it.
set -u
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for bin in "$@"; do
    timeout -k 5 "${TEST_TIMEOUT:-600}" "$bin" >"$log" 2>&1
    rc=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -1)
    if [ -z "$line" ]; then
        echo "$bin gave no result (exit $rc)" >>"$log"
        line="0 passed, 1 failed, 0 skipped"
    fi
    read -r p _ f _ s _ <<<"${line//,/}"
    if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$f" -gt 0 ]; then
        printf '  FAIL    %s (exit %s)\n' "$bin" "$rc"
        tail -n 60 "$log" | sed 's/^/    /'
    else
        printf '  CRASH   %s: %s\n' "$bin" "$(grep -vE ' skipped$' "$log" | tail -1)"
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
