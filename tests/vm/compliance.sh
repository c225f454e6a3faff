#!/usr/bin/env bash
# Fetches v4l2-compliance of Debian 13, with its own libc: tests/vm/compliance.sh CACHE
# That of Debian 12 reports failures that are its own. Prints the folder; nothing of it is committed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$(mkdir -p "$1" && cd "$1" && pwd)
out=$cache/compliance

if [ -e "$out/complete" ]; then
    echo "$out"
    exit 0
fi
rm -rf "$out"
mkdir -p "$out/deb" "$out/lib"
opts=() # package_sources fills it
. "$here/sources.sh"
package_sources trixie "$out/apt"
(cd "$out/deb" && apt-get "${opts[@]}" -qq download v4l-utils libv4l-0t64 libv4lconvert0t64 libv4l2rds0t64 libc6 \
    libstdc++6 libgcc-s1 libudev1 libjpeg62-turbo libcap2 >&2)
for deb in "$out"/deb/*.deb; do
    dpkg-deb -x "$deb" "$out/root"
done
cp "$out/root/usr/bin/v4l2-compliance" "$out/"
loader=$(find "$out/root" -name ld-linux-x86-64.so.2 -type f | head -1)
libs=$out/root/usr/lib/x86_64-linux-gnu
"$loader" --library-path "$libs" --list "$out/v4l2-compliance" | grep -o '/[^ ]*' | sort -u | while read -r lib; do
    cp -L "$lib" "$out/lib/"
done
cp -L "$loader" "$out/lib/ld.so"
printf '#!/bin/sh\nunset LD_LIBRARY_PATH\nexec /opt/compliance/lib/ld.so --library-path /opt/compliance/lib /opt/compliance/v4l2-compliance "$@"\n' \
    >"$out/run"
chmod +x "$out/run" "$out/lib/ld.so"
rm -rf "$out/root" "$out/deb" "$out/apt"
touch "$out/complete"
echo "$out"
