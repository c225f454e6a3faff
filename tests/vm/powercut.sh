#!/usr/bin/env bash
# Power cuts for real: a VM records at full speed on a disk that keeps only what was flushed, and is
# killed at a random moment; the next one looks at what is left, then records on.
#   tests/vm/powercut.sh BUILD_DIR [--cycles N] [--kernel TAG] [--loss-limit SECONDS]
# The disk is a qcow2 overlay made anew for each cycle: what it maps becomes durable with a flush
# only, so everything since the last one vanishes, as from a volatile write cache. After each cut:
# the file system mounts, the store verifies, pictures are whole, and no durable position that was
# told before the cut is beyond what is found. With --loss-limit also: no more than so many seconds
# of recording are lost. SEED=n repeats the moments.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
shift
cycles=5 kernel=6.12 loss_limit=
while [ $# -gt 0 ]; do
    case $1 in
    --cycles) cycles=$2 && shift 2 ;;
    --kernel) kernel=$2 && shift 2 ;;
    --loss-limit) loss_limit=$2 && shift 2 ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
    esac
done
cache=${MATLANG_VM_CACHE:-$build/vm}
seed=${SEED:-$RANDOM}
RANDOM=$seed
work=$build/vm/powercut
PATH=$PATH:/sbin:/usr/sbin
passed=0 failed=0 vm=
finish() {
    echo "$passed passed, $failed failed, ${1:-0} skipped"
    [ "$failed" -eq 0 ]
    exit
}
ok() { passed=$((passed + 1)); }
bad() {
    echo "not ok (SEED=$seed, cut $cut): $*"
    failed=$((failed + 1))
}
trap '[ -z "$vm" ] || kill -9 $vm 2>/dev/null' EXIT
for tool in qemu-system-x86_64 qemu-img busybox cpio mke2fs depmod; do
    command -v $tool >/dev/null || {
        echo "SKIP: no $tool here: power cuts need QEMU (make test-deps)"
        finish 1
    }
done
rm -rf "$work" && mkdir -p "$work/out" "$cache"
if ! kernel_dir=$("$here/kernel.sh" "$kernel" "$cache"); then
    echo "SKIP: kernel $kernel could not be fetched from this machine's package sources"
    finish 1
fi
cut=0
if ! { "$here/initrd.sh" "$kernel_dir" "$work/initrd.cpio" && "$here/image.sh" "$build" "$cache" "$work/programs.img"; }; then
    bad "cannot build the VM's disk"
    finish
fi
truncate -s 512M "$work/base.img"
mke2fs -q -t ext4 "$work/base.img"

start_vm() {
    rm -f "$work/cut.qcow2"
    qemu-img create -q -f qcow2 -b base.img -F raw "$work/cut.qcow2" || return 1
    qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 -cpu max -m 1024 -smp 2 \
        -nodefaults -display none -serial stdio -no-reboot -rtc base=utc \
        -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -drive "file=$work/programs.img,format=raw,if=virtio,readonly=on" \
        -drive "file=$work/cut.qcow2,format=qcow2,if=virtio,cache=writeback" \
        -virtfs "local,path=$work/out,mount_tag=out,security_model=none" \
        -kernel "$kernel_dir/vmlinux" -initrd "$work/initrd.cpio" \
        -append "console=ttyS0 panic=-1 quiet mitigations=off nokaslr tsc=reliable no_timer_check tests=powercut" \
        </dev/null >"$work/console" 2>&1 &
    vm=$!
}

# Until the VM says it; false when it ends first, or in ten minutes.
said() { # PATTERN
    local _
    for _ in $(seq 6000); do
        grep -qE "$1" "$work/console" && return 0
        kill -0 $vm 2>/dev/null || break
        sleep 0.1
    done
    grep -qE "$1" "$work/console"
}

word() { # KIND FIELD: of the last whole line of that kind
    tr -d '\r' <"$work/console" | awk -v kind="$1" -v field="$2" '$1 == kind && NF == 3 { x = $field } END { print x }'
}

# What the guest found after the cut before, against what was told before it.
compare() { # TOLD TIME
    local found newest lost
    grep -B 8 -E '^not ok' "$work/console" | head -30
    grep -q '^not ok' "$work/console" && bad "see above"
    found=$(word found 2) newest=$(word found 3)
    if [ -z "$found" ] || [ "$found" -lt "$1" ]; then
        bad "durable up to $1 was told, found up to ${found:-nothing}"
        return
    fi
    lost=$(awk "BEGIN { printf \"%.2f\", $2 - $newest }")
    losses+=("$lost")
    if [ -n "$loss_limit" ] && awk "BEGIN { exit !($lost > $loss_limit) }"; then
        bad "$lost s are lost, more than $loss_limit"
        return
    fi
    ok
}

# Emulated processors now and then lose their way while the kernel patches its own code at boot:
# that kernel has not come to our programs, and the overlay is as it was.
record() {
    local _
    for _ in 1 2 3; do
        start_vm || return 1
        said '^durable [1-9]' && return 0
        grep -q 'Kernel panic' "$work/console" && ! grep -q '^== ' "$work/console" || return 1
        kill -9 $vm 2>/dev/null
        wait $vm 2>/dev/null
    done
    return 1
}

told='' time='' losses=()
for cut in $(seq $((cycles + 1))); do
    if ! record; then
        bad "the VM does not record"
        tail -n 40 "$work/console"
        finish
    fi
    [ -z "$told" ] || compare "$told" "$time"
    [ "$cut" -le "$cycles" ] || break
    sleep "$((RANDOM % 4)).$((RANDOM % 90 + 10))"
    kill -9 $vm
    wait $vm 2>/dev/null
    vm=
    # Only now: nothing that is said here can come after the cut.
    told=$(word durable 2) time=$(word durable 3)
    qemu-img commit -q "$work/cut.qcow2" || { bad "cannot keep what was flushed"; finish; }
done
echo "seed $seed; lost before a cut, in seconds (commit every 0.5): ${losses[*]}"
[ "$failed" -gt 0 ] || rm -rf "$work"
finish
