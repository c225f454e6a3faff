#!/usr/bin/env bash
# Proves the arrows of docs/ARCHITECTURE.md: tools -> {capture, analyze, storage} -> capture/core.
# Siblings never include one another, core includes nothing above it, nothing includes tests, and
# every header compiles alone.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
bad=0
deny() { # FOLDER PATTERN WHY
    local hits
    hits=$(grep -rnE --include='*.c' --include='*.h' "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"$2" "$1" 2>/dev/null)
    if [ -n "$hits" ]; then
        printf '%s\n    (%s)\n' "$hits" "$3"
        bad=$((bad + 1))
    fi
}
deny capture/core '(\.\./)*(capture/[^c]|capture/c[^o]|analyze/|storage/|tools/|tests/|kmod/)' 'capture/core may include only itself'
deny capture '(\.\./)*(analyze/|storage/|tools/|tests/)' 'capture may include capture, capture/core and kmod/uapi.h'
deny analyze '(\.\./)*(storage/|tools/|tests/|kmod/|capture/[^c]|capture/c[^o])' 'analyze may include analyze and capture/core'
deny storage '(\.\./)*(analyze/|tools/|tests/|kmod/|capture/[^c]|capture/c[^o])' 'storage may include storage and capture/core'
deny tools '(\.\./)*tests/' 'nothing includes tests'
for dir in capture analyze storage tools; do
    deny "$dir" '\.\./' 'include by path from the top folder'
done
headers=0
for h in $(git ls-files --cached --others --exclude-standard -- 'capture/*.h' 'analyze/*.h' 'storage/*.h' 'tools/*.h'); do
    headers=$((headers + 1))
    # shellcheck disable=SC2046
    if ! ${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMATLANG_VERSION='"0"' -I. -fsyntax-only -Wall -Wextra -Werror \
        -Wno-unused-parameter -x c $(pkg-config --cflags liburing fuse3 jansson cairo 2>/dev/null) -include "$h" /dev/null; then
        echo "$h does not compile alone"
        bad=$((bad + 1))
    fi
done
if [ "$bad" -gt 0 ]; then
    echo "0 passed, $bad failed, 0 skipped"
    exit 1
fi
echo "layers: $headers headers compile alone, no sibling includes another"
echo "1 passed, 0 failed, 0 skipped"
