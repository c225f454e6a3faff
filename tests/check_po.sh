#!/usr/bin/env bash
# Proves that every catalogue of tools/po is complete: each text of the sources is translated, none
# is fuzzy, none is left over, and formats take the same arguments.
#   tests/check_po.sh SOURCE...
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
passed=0 failed=0
if ! command -v xgettext >/dev/null; then
    echo "SKIP: no gettext here"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
xgettext --from-code=UTF-8 -k_ -kN_ -o "$dir/matlang.pot" "$@" || exit 2
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        passed=$((passed + 1))
    else
        printf '  FAIL    %s\n' "$name"
        head -n 20 "$dir/out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}
none() { # PO FILTER: no entry of the kind
    local left
    left=$(msgattrib "$2" --no-wrap "$1" | grep -A2 '^msgid "..*\|^msgid ""$' | sed 1,2d)
    [ -z "$left" ] || { echo "$left"; return 1; }
}
same_texts() { # PO: exactly the sources' texts, either way
    msgcmp "$1" "$dir/matlang.pot" && msgcmp --use-untranslated "$dir/matlang.pot" "$1"
}
for po in tools/po/*.po; do
    check "$po: formats and syntax" msgfmt --check-format --check-domain -o /dev/null "$po"
    check "$po: nothing untranslated" none "$po" --untranslated
    check "$po: nothing fuzzy" none "$po" --only-fuzzy
    check "$po: nothing obsolete" none "$po" --only-obsolete
    check "$po: every text of the sources, and no other" same_texts "$po"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
