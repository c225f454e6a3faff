#!/usr/bin/env bash
# Form: clang-format, shellcheck, mandoc, and documents that are generated being up to date.
#   tests/lint.sh BUILD_DIR
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
build=$1
passed=0 failed=0 skipped=0
step() { # NAME COMMAND...
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        printf '  FAIL    %s\n' "$name"
        head -n 40 <<<"$out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}
need() { # TOOL
    command -v "$1" >/dev/null && return 0
    echo "SKIP: no $1 here"
    skipped=$((skipped + 1))
    return 1
}
files() { git ls-files --cached --others --exclude-standard -- "$@"; }

# shellcheck disable=SC2046
need clang-format && step clang-format clang-format --dry-run -Werror $(files '*.c' '*.h')
# shellcheck disable=SC2046
need shellcheck && step shellcheck shellcheck -S warning $(files '*.sh' '.ci/run' | grep -v 'tests/vm/guest/')
pages=$(files 'docs/man/*')
# shellcheck disable=SC2086
[ -n "$pages" ] && need mandoc && step mandoc mandoc -Tlint -W warning $pages
step 'docs/CONTROL_FILES.md is what the table says (make docs)' \
    diff docs/CONTROL_FILES.md <("$build/matlangd" --list-attributes=markdown)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
