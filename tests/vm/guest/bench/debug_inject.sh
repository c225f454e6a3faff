# With allocations that fail (failslab, fail_page_alloc), on a kernel that has both: random ioctls, and
# cameras made, plugged, streamed and removed. Whatever fails must fail cleanly; what the checkers of
# this kernel find, main.sh reports.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
need_module matlang_pool
rack_mount || { bad "debug_inject: no configfs"; exit 1; }
debug=/sys/kernel/debug
[ -d $debug/failslab ] || mount -t debugfs none $debug 2>/dev/null
[ -d $debug/failslab ] && [ -d $debug/fail_page_alloc ] || { skip "debug_inject: no fault injection in this kernel"; exit 0; }
for kind in failslab fail_page_alloc; do
	echo Y >$debug/$kind/task-filter # only who asks for it
	echo 3 >$debug/$kind/probability # of a hundred
	echo 0 >$debug/$kind/interval
	echo -1 >$debug/$kind/times
	echo 0 >$debug/$kind/space
	echo 0 >$debug/$kind/verbose
done
echo N >$debug/failslab/ignore-gfp-wait
echo N >$debug/fail_page_alloc/ignore-gfp-wait
echo 0 >$debug/fail_page_alloc/min-order
failing() { sh -c 'echo 1 >/proc/self/make-it-fail; exec "$@"' sh "$@"; }
for seed in 21 22; do
	failing pool_probe fuzz $seed ${DEBUG_SECONDS:-20}
	rack_camera fuzz api=mplane memory=dma-sg fault_rates="drop=50 change=20 streamon=200" && rack_plug fuzz || bad "debug_inject: no camera"
	failing rack_probe fuzz /dev/$(cat $RACK/fuzz/node) $seed ${DEBUG_SECONDS:-20}
	rack_remove fuzz && ok "debug_inject: fuzzed, seed $seed" || bad "debug_inject: not removed"
done
# Every step of a camera's life, again and again: most tries fail somewhere.
n=0 whole=0
while [ $n -lt ${DEBUG_LIVES:-60} ]; do
	mkdir $RACK/life$n 2>/dev/null || failing mkdir $RACK/life$n 2>/dev/null
	failing sh -c "echo 1 >$RACK/life$n/plugged" 2>/dev/null
	node=$(cat $RACK/life$n/node 2>/dev/null)
	[ -n "$node" ] && failing rack_probe verify life$n v4l2:/dev/$node mmap NV12 3 640 360 >/dev/null 2>&1 && whole=$((whole + 1))
	rmdir $RACK/life$n 2>/dev/null
	n=$((n + 1))
done
echo "# $whole of $n lives went through"
[ "$(ls -d $RACK/*/ 2>/dev/null | wc -l)" = 0 ] && [ "$(cat $RACK/bandwidth_used)" = 0 ] && ok "debug_inject: no camera and no bandwidth is left" || bad "debug_inject: something is left"
pool=/sys/class/misc/matlang-pool
[ "$(cat $pool/slabs)$(cat $pool/slices)$(cat $pool/bytes_used)" = 000 ] && ok "debug_inject: nothing is left in the pool" || bad "debug_inject: the pool is not empty"
sleep 2
rmmod matlang_rack && rmmod matlang_pool && ok "debug_inject: both unload" || bad "debug_inject: they do not unload"
