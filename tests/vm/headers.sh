#!/usr/bin/env bash
# Fetches what building modules for a kernel of kernel.sh takes: tests/vm/headers.sh TAG CACHE
# (the same TAG and CACHE). Prints the folder to give make as KDIR. Nothing of it is ever committed.
set -eu
tag=$1
here=$(cd "$(dirname "$0")" && pwd)
cache=$(mkdir -p "$2" && cd "$2" && pwd)
version=$(ls "$("$here/kernel.sh" "$tag" "$cache")/lib/modules")
out=$cache/headers-$tag
kdir=$out/usr/src/linux-headers-$version

if [ -e "$out/complete" ] && [ -d "$kdir" ]; then
    echo "$kdir"
    exit 0
fi
rm -rf "$out"
mkdir -p "$out/deb"
opts=() # package_sources fills it
. "$here/sources.sh"
suite=
[ "$tag" != 6.12 ] || suite=bookworm-backports
package_sources "$suite" "$out/apt"
# The headers' own dependencies but the compiler: that is the machine's.
packages=$(apt-cache "${opts[@]}" depends "linux-headers-$version" |
    sed -n 's/.*Depends: \(linux-\(headers\|kbuild\)-[^ ]*\)$/\1/p')
[ -n "$packages" ] || { echo "no headers of $version in this machine's package sources" >&2; exit 1; }
# shellcheck disable=SC2086
(cd "$out/deb" && apt-get "${opts[@]}" -qq download "linux-headers-$version" $packages >&2)
for deb in "$out"/deb/*.deb; do
    dpkg-deb -x "$deb" "$out"
done
# The packages name one another by absolute paths: those now begin in this folder.
find "$out/usr/src" -type l | while read -r link; do
    target=$(readlink "$link")
    case $target in /usr/*) ln -sfn "$out$target" "$link" ;; esac
done
grep -rlE '(^|[ =])/usr/(src|lib)/linux-' "$out/usr/src" --include=Makefile --include=.kernelvariables 2>/dev/null |
    while read -r file; do
        sed -i -E "s,(^|[ =])/usr/(src|lib)/linux-,\1$out/usr/\2/linux-,g" "$file"
    done
# The image names the compiler it was built with; a machine may have only another of the family.
rm -rf "$out/deb" "$out/apt"
touch "$out/complete"
echo "$kdir"
