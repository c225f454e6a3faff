#!/usr/bin/env bash
# The VM suite: boots Debian kernels under QEMU (software emulation) and runs the guest tests in
# tests/vm/guest/tests with the real V4L2 drivers of those kernels.
#   tests/vm/run.sh BUILD_DIR [--kernels "6.1 6.12"] [--tests a,b]
# 6.1-debug and 6.12-debug are kernels with every checker, built from source (debug_kernel.sh).
# Ends with "N passed, N failed, N skipped". Where the machine lacks something it skips, and says what.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
shift
kernels="6.1 6.12"
tests=
while [ $# -gt 0 ]; do
    case $1 in
    --kernels) kernels=$2 && shift 2 ;;
    --tests) tests=$2 && shift 2 ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
    esac
done
cache=${MATLANG_VM_CACHE:-$build/vm}
limit=${VM_TIMEOUT:-900}
extra= # for the kernel's command line
mkdir -p "$cache"

passed=0 failed=0 skipped=0
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
for tool in qemu-system-x86_64 busybox v4l2-ctl cpio mke2fs depmod modprobe dpkg-deb apt-get python3 xz zstd ldd; do
    PATH=$PATH:/sbin:/usr/sbin command -v $tool >/dev/null || {
        echo "SKIP: no $tool here: the VM suite needs QEMU and Debian's packaging tools (make test-deps)"
        skipped=1
        finish
    }
done
PATH=$PATH:/sbin:/usr/sbin

boot() { # KERNEL_DIR INITRD OUT_DIR
    local out=$3
    truncate -s 0 "$out/store.img"
    truncate -s 2G "$out/store.img"
    mke2fs -q -t ext4 "$out/store.img"
    timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 -cpu max -m 1536 -smp 2 \
        -nodefaults -vga cirrus -display none -serial stdio -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -drive "file=$build/vm/programs.img,format=raw,if=virtio,readonly=on" \
        -drive "file=$out/store.img,format=raw,if=virtio,cache=unsafe" \
        -virtfs "local,path=$out,mount_tag=out,security_model=none" \
        -kernel "$1/vmlinux" -initrd "$2" \
        -append "console=ttyS0 panic=-1 quiet mitigations=off nokaslr tsc=reliable no_timer_check iomem=relaxed $extra ${tests:+tests=$tests}" \
        </dev/null >"$out/console.log" 2>&1
}

# Emulated processors now and then lose their way while the kernel patches its own code at boot. A
# kernel that panics before the first test has run nothing of ours: it is booted again.
boot_to_tests() { # KERNEL_DIR INITRD OUT_DIR
    local rc _
    for _ in 1 2 3; do
        boot "$@"
        rc=$?
        grep -q 'Kernel panic' "$3/console.log" && ! grep -q '^== ' "$3/console.log" || return $rc
        echo "the kernel panicked while it booted: once more" >&2
    done
    return $rc
}

# Builds the kernel modules for one kernel; prints their folder, or nothing where that cannot be.
modules() { # TAG
    local kdir out=$build/vm/kmod-$1
    case $1 in
    *-debug) kdir=$cache/$1/build ;;
    *) kdir=$("$here/headers.sh" "$1" "$cache") ;;
    esac
    if [ ! -e "$kdir/Makefile" ]; then
        echo "SKIP: headers of kernel $1 could not be fetched: no test of the kernel modules" >&2
        return 1
    fi
    mkdir -p "$out"
    # Not this make's jobs: their warnings would count as the compiler's.
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$here/../../kmod" KDIR="$kdir" OUT="$out" >"$out/build.log" 2>&1 || {
        tail -n 30 "$out/build.log" | sed 's/^/    /' >&2
        return 2
    }
    # A warning of the compiler or of modpost is a failure.
    if grep -iE 'warning' "$out/build.log" >&2; then
        return 2
    fi
    echo "$out"
}

mkdir -p "$build/vm"
"$here/image.sh" "$build" "$cache" "$build/vm/programs.img" || { echo "not ok: cannot build the VM's disk"; failed=1; finish; }
# Says all that is to be said of one kernel; the last line is for count_up.
run_kernel() { # TAG
    local tag=$1 kernel own out rc ok bad=0 skip=0
    local get=kernel.sh
    case $tag in
    # Its ACPI interpreter is too slow for the table of PCI interrupts: it gives up after 30 s.
    *-debug) get=debug_kernel.sh && limit=${VM_TIMEOUT:-5400} && extra=pci=noacpi ;;
    esac
    if ! kernel=$("$here/$get" "$tag" "$cache"); then
        echo "SKIP: kernel $tag could not be fetched from this machine's package sources, or not built"
        echo "count 0 0 1"
        return
    fi
    own=$(modules "$tag")
    case $? in
    1) skip=1 ;;
    2)
        echo "not ok kernel $tag: the kernel modules do not build"
        bad=1
        ;;
    esac
    out=$build/vm/out-$tag
    rm -rf "$out" && mkdir -p "$out"
    "$here/initrd.sh" "$kernel" "$out/initrd.cpio" "$own"
    boot_to_tests "$kernel" "$out/initrd.cpio" "$out"
    rc=$?
    ok=$(grep -c '^ok ' "$out/console.log")
    bad=$((bad + $(grep -c '^not ok ' "$out/console.log")))
    skip=$((skip + $(grep -c '^skip ' "$out/console.log")))
    # The guest writes its code to the exit port: QEMU ends with (code << 1) | 1.
    if [ $((rc & 1)) -eq 0 ] || [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
        echo "not ok kernel $tag: the VM did not finish (exit $rc)"
        bad=$((bad + 1))
    elif [ $((rc >> 1)) -ne 0 ] && [ "$bad" -eq 0 ]; then
        echo "not ok kernel $tag: the guest ended with $((rc >> 1))"
        bad=$((bad + 1))
    fi
    grep -E '^(ok|not ok|skip) ' "$out/console.log" | tr -d '\r' | sed "s/^/    [$tag] /"
    [ "$bad" -gt 0 ] && tail -n 60 "$out/console.log" | sed 's/^/    /'
    rm -f "$out/store.img" "$out/initrd.cpio"
    echo "count $ok $bad $skip"
}

count_up() { # FILE
    local word ok bad skip
    read -r word ok bad skip < <(tail -n 1 "$1")
    [ "$word" = count ] || { echo "not ok: a kernel's run said nothing"; bad=1 ok=0 skip=0; }
    sed '$d' "$1"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

# A VM has two processors: the kernels have their turns, or run side by side where there is room.
for tag in $kernels; do
    run_kernel "$tag" >"$build/vm/said-$tag" 2>&1 &
    [ "$(nproc)" -ge 4 ] || wait
done
wait
for tag in $kernels; do
    count_up "$build/vm/said-$tag"
done
finish
