#!/usr/bin/env bash
# Builds the VM's first file system: busybox and the modules the tests need.
#   tests/vm/initrd.sh KERNEL_DIR OUT.cpio [MODULES_DIR]
# MODULES_DIR: a folder with modules of our own for that kernel.
set -eu
kernel=$(cd "$1" && pwd)
out=$2
own=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
version=$(ls "$kernel/lib/modules")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,mnt/out,mnt/root,lib/modules}
cp /bin/busybox "$root/bin/"
for tool in sh mount umount modprobe insmod cat echo ls mkdir dd switch_root chroot sleep poweroff printf test expr mknod ln; do
    ln -s busybox "$root/bin/$tool"
done
wanted="virtio_pci virtio_blk 9p 9pnet_virtio ext4 crc32c_generic fuse vivid udmabuf overlay
    vhci_hcd uvcvideo videobuf2-v4l2 videobuf2-vmalloc videobuf2-dma-sg videobuf2-dma-contig configfs libcrc32c
    vgem cirrus"
for module in $wanted; do
    # A module that this kernel has built in, or not at all, has no file: both are fine here, the
    # tests say what they miss.
    modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null |
        sed -n 's/^insmod \([^ ]*\).*/\1/p' || echo "$module: not in $version" >&2
done | sort -u | while read -r file; do
    file=$(realpath "$file")
    install -D -m644 "$file" "$root/lib/modules/$version/${file#*"/lib/modules/$version/"}"
done
if [ -n "$own" ]; then
    mkdir -p "$root/lib/modules/$version/updates"
    for module in "$own"/*.ko; do
        strip --strip-debug -o "$root/lib/modules/$version/updates/$(basename "$module")" "$module"
    done
fi
cp "$kernel/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$version/"
depmod -b "$root" "$version"
install -m755 "$here/guest/init" "$root/init"
(cd "$root" && find . -print0 | sort -z | cpio --null --quiet -H newc -o) >"$out"
