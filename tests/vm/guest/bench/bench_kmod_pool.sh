# CPU for a recorded megabyte: pool slices, which are written as they are, against the driver's own
# memory, which of dma-contig drivers must be copied first. The same cameras, the same time. Busy is
# what was not idle, less what an idle machine is busy with.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
rmmod matlang_pool 2>/dev/null # first without it
rack_mount || { bad "bench_kmod_pool: no configfs"; exit 1; }
cameras="p0 p1 p2 p3" args=
for c in $cameras; do
	rack_camera $c memory=dma-contig formats=NV12 sizes=640x360 rates=15 && rack_plug $c || bad "bench_kmod_pool: no camera $c"
	args="$args --camera $c=v4l2:/dev/$(cat $RACK/$c/node) --set cameras/$c/motion/enabled=0"
done
# Clock and idle seconds of all processors.
ticking() { cut -d' ' -f1,2 /proc/uptime; }
frames() { cat $CAMERAS/p?/frames 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }
busy_us() { # BEFORE AFTER, both as ticking has them
	echo "$1 $2" | awk '{ printf "%d", (($3 - $1) * 2 - ($4 - $2)) * 1000000 }'
}
before=$(ticking)
sleep 10
idle=$(busy_us "$before" "$(ticking)")
measure() { # KIND: microseconds for a megabyte, into $cost
	fresh_store 1500M || { bad "bench_kmod_pool: no store"; exit 1; }
	start_box $args >/dev/null || { bad "bench_kmod_pool: no box"; exit 1; }
	tries=0
	until [ "$(frames)" -gt 80 ] || [ $tries -gt 120 ]; do sleep 1; tries=$((tries + 1)); done
	for c in $cameras; do show $c; done
	before=$(ticking) from=$(frames)
	sleep 20
	after=$(ticking) to=$(frames)
	cost=$(echo "$(busy_us "$before" "$after") $idle $((to - from))" | awk '{ printf "%d", ($1 - 2 * $2) / ($3 * 640 * 360 * 1.5 / 1000000) }')
	echo "# $1: $((to - from)) frames in 20 s, busy $(busy_us "$before" "$after") us, idle machine $((2 * idle)) us: $cost us for a megabyte"
	copies=$(get p0 copies) memory=$(get p0 memory)
	stop_box || bad "bench_kmod_pool: $1"
	umount /store
}
measure "driver's memory, copied"
[ "$memory" = mmap ] && [ "$copies" -gt 0 ] || bad "bench_kmod_pool: memory $memory, copies $copies"
copied=$cost
need_module matlang_pool || exit 0
measure "pool slices"
[ "$memory $copies" = "pool 0" ] || bad "bench_kmod_pool: memory $memory, copies $copies"
for c in $cameras; do rack_remove $c; done
[ "$cost" -lt "$copied" ] && ok "bench_kmod_pool: a megabyte from the pool costs $((100 * cost / copied)) % of one that is copied" || bad "bench_kmod_pool: pool $cost us, copied $copied us a megabyte"
