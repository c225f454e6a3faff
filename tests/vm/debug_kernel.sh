#!/usr/bin/env bash
# Builds the checking kernel for the test VM: tests/vm/debug_kernel.sh TAG CACHE
#   TAG    6.1-debug or 6.12-debug
#   CACHE  a folder that keeps what was fetched and built
# Debian's linux-source package of that version, configured by debug.config. Prints a folder like
# kernel.sh's, with the built tree in build/. The first time takes half an hour.
set -eu
tag=$1
cache=$(mkdir -p "$2" && cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
out=$cache/$tag

config=$(sha256sum <"$here/debug.config")
if [ -e "$out/complete" ] && [ "$(cat "$out/complete")" = "$config" ]; then
    echo "$out"
    exit 0
fi
for tool in flex bison bc; do
    command -v $tool >/dev/null || { echo "no $tool here: tools/deps.sh bench" >&2; exit 1; }
done
rm -f "$out/complete"
mkdir -p "$out/deb"
cd "$out"
if [ ! -e build/Makefile ]; then
    (cd deb && apt-get -qq download "linux-source-${tag%-debug}" >&2)
    dpkg-deb -x deb/*.deb root
    mkdir -p build
    tar -xf root/usr/src/linux-source-*.tar.xz -C build --strip-components=1
    rm -rf root deb
fi
{
    # Not this make's jobs and variables.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s -C build tinyconfig
    (cd build && scripts/kconfig/merge_config.sh -m .config "$here/debug.config")
    make -s -C build olddefconfig
    make -C build -j"${DEBUG_KERNEL_JOBS:-2}" bzImage modules
    rm -rf lib
    make -s -C build INSTALL_MOD_PATH="$out" modules_install
} >build.log 2>&1 || {
    tail -n 20 build.log >&2
    exit 1
}
# What the kernel's own dependencies took out again is said, not silently missing.
grep '^CONFIG_' "$here/debug.config" | grep -v '=n$' | while read -r line; do
    grep -qxF "$line" build/.config || echo "debug.config: $line is not in this kernel" >&2
done
rm -f lib/modules/*/build lib/modules/*/source
# Not the uncompressed one: its entry for virtual machines is instrumented, and dies in the shadow
# memory that is not there yet.
cp build/arch/x86/boot/bzImage vmlinux
echo "$config" >complete
echo "$out"
