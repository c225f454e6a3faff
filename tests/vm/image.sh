#!/usr/bin/env bash
# Builds the disk that test VMs run from: our programs and every library they load.
#   tests/vm/image.sh BUILD_DIR CACHE OUT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
cache=$2
out=$3
PATH=$PATH:/sbin:/usr/sbin
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Clips for rack cameras: MJPEG and H.264, a second, without pictures out of order.
clips() { # DIR
    command -v ffmpeg >/dev/null || return 0
    mkdir -p "$1"
    local scene=testsrc2=size=320x180:rate=10:duration=1.2
    ffmpeg -loglevel error -y -f lavfi -i "$scene" -c:v mjpeg -q:v 5 -pix_fmt yuvj420p "$1/mjpeg.avi" </dev/null
    ffmpeg -loglevel error -y -f lavfi -i "$scene" -c:v libx264 -bf 0 -g 6 "$1/h264.mp4" </dev/null
}

mkdir -p "$root"/{usr/local/bin,usr/bin,usr/lib,bin,vm,out,proc,sys,dev,tmp,run,etc,root,lib/modules,var/log}
cp /bin/busybox "$root/bin/"
for applet in $(busybox --list); do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
programs=("$build/matlangd" "$build/matlang")
for p in "$build"/tests/vm/* "$build"/tests/e2e/*; do
    [ -x "$p" ] && programs+=("$p")
done
programs+=("$(command -v v4l2-ctl)")
cp "${programs[@]}" "$root/usr/local/bin/"
for p in "${programs[@]}"; do
    ldd "$p" | grep -oE '/[^ ]+'
done | sort -u | while read -r lib; do
    install -D -m755 "$(realpath "$lib")" "$root/usr/lib/$(basename "$lib")"
done
mkdir -p "$root/lib64"
cp "$(realpath /lib64/ld-linux-x86-64.so.2)" "$root/lib64/ld-linux-x86-64.so.2"
if compliance=$("$here/compliance.sh" "$cache"); then
    mkdir -p "$root/opt"
    cp -r "$compliance" "$root/opt/compliance"
else
    echo "SKIP: v4l2-compliance could not be fetched" >&2
fi
cp -r "$here/guest/main.sh" "$here/guest/lib.sh" "$here/guest/rack.sh" "$here/guest/tests" "$here/guest/bench" "$root/vm/"
clips "$root/vm/clips"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
printf 'root:x:0:\nvideo:x:44:\n' >"$root/etc/group"
truncate -s 700M "$out"
mke2fs -q -t ext4 -d "$root" "$out"
