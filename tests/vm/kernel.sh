#!/usr/bin/env bash
# Fetches a Debian kernel for the test VM and unpacks it: tests/vm/kernel.sh TAG CACHE
#   TAG    6.1 (Debian 12) or 6.12 (Debian 12 backports)
#   CACHE  a folder that keeps what was fetched
# Prints the folder with vmlinux and lib/modules/VERSION. Nothing of it is ever committed.
set -eu
tag=$1
cache=$(mkdir -p "$2" && cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
out=$cache/$tag

if [ -e "$out/complete" ]; then
    echo "$out"
    exit 0
fi
rm -rf "$out"
mkdir -p "$out/deb"
cd "$out"

opts=() # package_sources fills it
. "$here/sources.sh"
suite=
[ "$tag" != 6.12 ] || suite=bookworm-backports
package_sources "$suite" "$out/apt"
image=$(apt-cache "${opts[@]}" depends linux-image-amd64 |
    sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*-amd64\)$/\1/p' | head -1)
[ -n "$image" ] || { echo "no kernel $tag in this machine's package sources" >&2; exit 1; }
(cd deb && apt-get "${opts[@]}" -qq download "$image" >&2)
dpkg-deb -x deb/*.deb root
# Modules may lie under /lib or /usr/lib.
modules=$(find root -type d -path '*lib/modules' | head -1)
mkdir -p lib
mv "$modules" lib/modules
find lib/modules -name '*.xz' -exec xz -d {} +
find lib/modules -name '*.zst' -exec zstd -q -d --rm {} +
version=$(ls lib/modules)
depmod -b . "$version"

# QEMU starts an uncompressed vmlinux at once (PVH); the package has a bzImage with an xz or zstd
# payload.
python3 - root/boot/vmlinuz-* vmlinux <<'PY'
import lzma, re, subprocess, sys
data = open(sys.argv[1], 'rb').read()
for magic, unpack in ((b'\xfd7zXZ\x00', lambda b: lzma.LZMADecompressor().decompress(b)),
                      (b'\x28\xb5\x2f\xfd', lambda b: subprocess.run(['zstd', '-dcq'], input=b, stdout=subprocess.PIPE,
                                                                    stderr=subprocess.DEVNULL).stdout)):
    for m in re.finditer(re.escape(magic), data):
        try:
            out = unpack(data[m.start():])
        except Exception:
            continue
        if out[:4] == b'\x7fELF':
            open(sys.argv[2], 'wb').write(out)
            sys.exit(0)
sys.exit('no kernel found in ' + sys.argv[1])
PY
rm -rf root deb apt
touch complete
echo "$out"
