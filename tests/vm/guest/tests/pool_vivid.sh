# Slices of the frame pool as vivid's buffers, with its vmalloc and its dma-contig queues: what arrives in
# them is what the device draws into memory of its own, for both APIs and several formats; written to
# disk from there it is still the same; whoever dies while streaming leaves nothing behind.
. /vm/lib.sh
need_module matlang_pool || exit 0
store_disk || { bad "pool_vivid: no disk"; exit 1; }
pool=/sys/class/misc/matlang-pool
empty() {
	n=0
	while [ "$(cat $pool/slabs)$(cat $pool/slices)$(cat $pool/bytes_used)" != 000 ]; do
		n=$((n + 1))
		[ $n -gt 400 ] && return 1
		sleep 0.1
	done
}
for alloc in 0 1; do
	load_vivid 2 1 $alloc || { bad "pool_vivid: vivid does not load"; exit 1; }
	for d in 0 1; do
		v4l2-ctl -d /dev/video$d -c osd_text_mode=2 -c test_pattern=$d >/dev/null 2>&1
		[ $d = 0 ] && formats="NM12 NM16 NV12" || formats="NV12 YUYV GREY"
		for f in $formats; do
			what="pool_vivid: allocator $alloc, video$d, $f"
			args="v4l2:/dev/video$d --format $f --width 640 --height 360 --timeout 20000"
			capture_probe $args --memory mmap --frames 1 --dump /tmp/ref >/tmp/ref.log || { bad "$what: no reference: $(tail -n 2 /tmp/ref.log)"; continue; }
			capture_probe $args --memory pool --frames 3 --dump /tmp/got --write /store/got >/tmp/got.log || { bad "$what: $(grep error /tmp/got.log)"; continue; }
			grep -q '"memory":"pool".*"registered":true' /tmp/got.log || { bad "$what: not registered: $(grep start /tmp/got.log)"; continue; }
			grep -q '"write_same":false' /tmp/got.log && { bad "$what: the file differs from memory"; continue; }
			if cat /tmp/ref /tmp/ref /tmp/ref | cmp - /tmp/got; then ok "$what"; else bad "$what: frames differ from the reference"; fi
		done
	done
	empty && ok "pool_vivid: allocator $alloc leaves nothing" || bad "pool_vivid: allocator $alloc leaves $(cat $pool/bytes_used) bytes"
	for t in 1 3 5 8; do
		capture_probe v4l2:/dev/video0 --memory pool --frames 100000 >/dev/null 2>&1 &
		pid=$!
		sleep 0.$t
		kill -9 $pid
		wait $pid 2>/dev/null
		empty || bad "pool_vivid: killed after 0.$t s it leaves $(cat $pool/bytes_used) bytes"
	done
	ok "pool_vivid: killed while streaming, allocator $alloc"
done
# The appliance takes it by itself, also with dma-contig, where nothing else does without copying.
load_vivid 2 1 1
mkdir -p /run/matlang
matlang store create /store/s --size 512M --sparse >/dev/null || bad "pool_vivid: store create"
matlangd --store /store/s --control /run/matlang --config /dev/null --camera a=v4l2:/dev/video0 --camera b=v4l2:/dev/video1 \
	--set cameras/a/width_max=640 --set cameras/a/height_max=360 --set cameras/b/width_max=640 --set cameras/b/height_max=360 \
	--set cameras/a/fps_max=10 --set cameras/b/fps_max=10 >/tmp/log 2>&1 &
pid=$!
n=0
until [ "$(cat /run/matlang/cameras/a/frames 2>/dev/null || echo 0)" -gt 10 ] && [ "$(cat /run/matlang/cameras/b/frames)" -gt 10 ] || [ $n -gt 400 ]; do n=$((n + 1)); sleep 0.3; done
for c in a b; do
	d=/run/matlang/cameras/$c
	[ "$(cat $d/memory) $(cat $d/copies) $(cat $d/registered)" = "pool 0 1" ] && ok "pool_vivid: matlangd, $c: memory pool, no copies, registered" ||
		bad "pool_vivid: matlangd, $c: memory $(cat $d/memory), copies $(cat $d/copies), registered $(cat $d/registered), $(cat $d/state) $(cat $d/why)"
done
kill -TERM $pid
wait $pid || bad "pool_vivid: matlangd ended with $?"
matlang store verify /store/s >/dev/null && ok "pool_vivid: the store verifies" || bad "pool_vivid: the store does not verify"
check_store /store/s --no-stamps && ok "pool_vivid: accounting" || bad "pool_vivid: accounting"
empty && ok "pool_vivid: matlangd leaves nothing" || bad "pool_vivid: matlangd leaves $(cat $pool/bytes_used) bytes"
umount /store
rmmod vivid && rmmod matlang_pool && ok "pool_vivid: unloads" || bad "pool_vivid: does not unload"
