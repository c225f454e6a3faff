#!/usr/bin/env bash
# Installs what is missing on Debian 12 or 13, and says what: tools/deps.sh build|test
# Through sudo when not root; does nothing, quietly, when all is there.
set -eu
build=(gcc make pkg-config gettext liburing-dev libisal-dev libdrm-dev libfuse3-dev fuse3 libturbojpeg0-dev
    libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libssl-dev libudev-dev libjansson-dev
    libcairo2-dev fonts-dejavu-core)
tests=(libcmocka-dev ffmpeg clang clang-format python3 python3-opencv python3-numpy mandoc shellcheck qemu-system-x86 qemu-utils cpio
    busybox-static zstd xz-utils e2fsprogs kmod v4l-utils git procps)
# The kernel for the modules' bench is built from source; dkms and sparse are for kmod-install and kmod-lint.
benches=(fio motion flex bison bc libelf-dev sparse dkms)

case ${1:-build} in
build) want=("${build[@]}") ;;
test) want=("${build[@]}" "${tests[@]}") ;;
bench) want=("${build[@]}" "${tests[@]}" "${benches[@]}") ;;
*) echo "usage: tools/deps.sh build|test|bench" >&2 && exit 2 ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
    echo "this is no Debian: install by hand the equivalents of: ${want[*]}" >&2
    exit 1
}
missing=()
for p in "${want[@]}"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p")
done
# clang's sanitizer and fuzzer runtime carries its version in its name.
if [ "${1:-build}" != build ] && ! compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a' >/dev/null; then
    missing+=("libclang-rt-$(apt-cache show clang 2>/dev/null | sed -n 's/^Depends:.*clang-\([0-9]*\).*/\1/p' | head -1)-dev")
    [ "${missing[-1]}" != libclang-rt--dev ] || missing[-1]=libclang-rt-14-dev
fi
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "missing packages, and no sudo to install them: as root run: apt-get install ${missing[*]}" >&2
        exit 1
    }
    sudo=(sudo)
fi
echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get -qq update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "installing failed: see above; by hand: apt-get install ${missing[*]}" >&2
    exit 1
fi
