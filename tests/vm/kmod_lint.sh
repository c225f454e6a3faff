#!/usr/bin/env bash
# sparse and checkpatch --strict over the kernel modules, and whether DKMS builds what make
# kmod-install installs: tests/vm/kmod_lint.sh CACHE
# checkpatch comes from Debian's linux-source, the headers are those of headers.sh. Remarks that are
# answered in docs/KMOD.md (Style) are left out; any other makes this fail.
# Ends with "N passed, N failed, N skipped".
set -u
cache=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
kmod=$here/../../kmod
scripts=$cache/checkpatch
answered=LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_REUSE
passed=0 failed=0 skipped=0

fetch_checkpatch() {
    [ ! -e "$scripts/checkpatch.pl" ] || return 0
    local tmp rc
    tmp=$(mktemp -d)
    (cd "$tmp" && apt-get -qq download linux-source-6.1 >&2 && dpkg-deb -x ./*.deb . &&
        tar -xf usr/src/linux-source-*.tar.xz --strip-components=2 --wildcards '*/scripts/checkpatch.pl' \
            '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch') >&2
    rc=$?
    mkdir -p "$scripts"
    [ $rc -ne 0 ] || mv "$tmp"/checkpatch.pl "$tmp"/spelling.txt "$tmp"/const_structs.checkpatch "$scripts/"
    rm -rf "$tmp"
    return $rc
}

if fetch_checkpatch; then
    remarks=$(perl "$scripts/checkpatch.pl" --no-tree --strict --max-line-length=100 --no-summary --terse \
        --ignore "$answered" -f "$kmod"/*.[ch])
    if [ -z "$remarks" ]; then
        echo "ok checkpatch --strict" && passed=1
    else
        echo "$remarks"
        echo "not ok checkpatch --strict" && failed=1
    fi
else
    echo "SKIP: checkpatch: linux-source-6.1 could not be fetched" && skipped=1
fi
for tag in 6.1 6.12; do
    if ! command -v sparse >/dev/null || ! kdir=$("$here/headers.sh" $tag "$cache"); then
        echo "SKIP: sparse for $tag: no sparse, or no headers (make test-deps)"
        skipped=$((skipped + 1))
        continue
    fi
    out=$(mktemp -d)
    cp "$kmod"/*.[ch] "$kmod/Kbuild" "$out/"
    log=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$kdir" M="$out" CONFIG_DEBUG_INFO_BTF_MODULES= C=2 modules 2>&1)
    if grep -q CHECK <<<"$log" && ! grep -E "^$out.*(warning|error):" <<<"$log"; then
        echo "ok sparse $tag" && passed=$((passed + 1))
    else
        echo "not ok sparse $tag" && failed=$((failed + 1))
    fi
    rm -rf "$out"
done
# Into trees of its own: this machine's DKMS is left alone.
if command -v dkms >/dev/null && kdir=$("$here/headers.sh" 6.12 "$cache"); then
    tmp=$(mktemp -d)
    version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$kmod/dkms.conf")
    kernel=${kdir##*/linux-headers-}
    trees=(--sourcetree "$tmp/usr/src" --dkmstree "$tmp/tree" -m matlang -v "$version")
    mkdir "$tmp/tree"
    if log=$({ make -s -C "$here/../.." kmod-install DESTDIR="$tmp" && dkms add "${trees[@]}" &&
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dkms build "${trees[@]}" -k "$kernel" --kernelsourcedir "$kdir"; } 2>&1) &&
        [ "$(find "$tmp/tree" -name 'matlang_*.ko*' | wc -l)" -eq 2 ]; then
        echo "ok DKMS builds both modules" && passed=$((passed + 1))
    else
        tail -n 20 <<<"$log"
        echo "not ok DKMS" && failed=$((failed + 1))
    fi
    rm -rf "$tmp"
else
    echo "SKIP: no dkms, or no headers (tools/deps.sh bench)" && skipped=$((skipped + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
