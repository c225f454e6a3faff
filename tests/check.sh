#!/usr/bin/env bash
# Runs suites and sums what they say: tests/check.sh NAME... ; each NAME is a target of the
# Makefile whose last line reads "N passed, N failed, N skipped". A suite that ends without that
# line, or with an error, counts as one failure. The sum is the last line here.
set -u
passed=0 failed=0 skipped=0
summary=
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for suite in "$@"; do
    printf '\n== %s\n' "$suite"
    start=$(date +%s)
    # NAME may carry variables: "unit+SAN=thread".
    # shellcheck disable=SC2086
    ${MAKE:-make} --no-print-directory ${suite//+/ } 2>&1 | tee "$log"
    rc=${PIPESTATUS[0]}
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -1)
    if [ -z "$line" ]; then
        echo "suite $suite gave no result (exit $rc)"
        line="0 passed, 1 failed, 0 skipped"
    fi
    read -r p _ f _ s _ <<<"${line//,/}"
    if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    summary+=$(printf '%-32s %5d passed %3d failed %3d skipped  %4d s' "$suite" "$p" "$f" "$s" $(($(date +%s) - start)))$'\n'
done
printf '\n%s\n' "$summary"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
