#!/usr/bin/env bash
# Runs cmocka programs, each under a time limit (TEST_TIMEOUT seconds, default 300), shows what
# fails, and ends with one line: "N passed, N failed, N skipped". A skipped test says why on a
# line "SKIP: why".
set -u
passed=0 failed=0 skipped=0
limit=${TEST_TIMEOUT:-300}
here=$(dirname "$0")
export TSAN_OPTIONS="suppressions=$here/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
export LSAN_OPTIONS="print_suppressions=0:suppressions=$here/lsan.supp${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for bin in "$@"; do
    CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 "$limit" "$bin" >"$log" 2>&1
    rc=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    ran=$(grep -c '^\[ RUN      \]' "$log")
    # cmocka names a failed or skipped test once as it ends and once in its closing list.
    bad=$(grep -E '^\[  FAILED  \] [a-zA-Z_]' "$log" | sort -u | wc -l)
    skip=$(grep -E '^\[  SKIPPED \] [a-zA-Z_]' "$log" | sort -u | wc -l)
    if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$ran" -eq 0 ] && [ "$rc" -eq 0 ]; then bad=1; echo "$bin: ran no test"; fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    if [ "$bad" -gt 0 ]; then
        printf '  FAIL    %s (exit %s)\n' "$bin" "$rc"
        tail -n 60 "$log" | sed 's/^/    /'
    else
        printf '  TEST    %s: %s passed%s\n' "$bin" "$ok" "$([ "$skip" -gt 0 ] && echo ", $skip skipped")"
    fi
    grep -h '^SKIP: ' "$log" | sort -u | sed 's/^/    /'
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
