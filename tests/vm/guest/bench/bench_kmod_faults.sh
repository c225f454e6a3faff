# Minutes of what the tests do for seconds: every fault mixed while matlangd records, and random ioctls
# on both modules' devices with many seeds.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
need_module matlang_pool
rack_mount || { bad "bench_kmod_faults: no configfs"; exit 1; }
RACK_ROUNDS=${BENCH_ROUNDS:-40} sh /vm/tests/rack_faults.sh
seconds=${BENCH_FUZZ:-15}
for seed in 11 12 13 14 15 16; do
	pool_probe fuzz $seed $seconds
	case $((seed % 3)) in
	0) api=mplane memory=vmalloc ;;
	1) api=single memory=dma-contig ;;
	2) api=mplane memory=dma-sg ;;
	esac
	rack_camera fuzz api=$api memory=$memory fault_rates="drop=50 error=50 torn=50 short=20 late=20 jump=5 stall=20 wrap=100 change=20 streamon=200 qbuf=50 reqbufs=50" && rack_plug fuzz || bad "bench_kmod_faults: no camera"
	rack_probe fuzz /dev/$(cat $RACK/fuzz/node) $seed $seconds && ok "bench_kmod_faults: random ioctls, $api, $memory, seed $seed" || bad "bench_kmod_faults: random ioctls, seed $seed"
	rack_remove fuzz && [ "$(cat $RACK/bandwidth_used)" = 0 ] || bad "bench_kmod_faults: something is left after seed $seed"
done
sleep 1
rmmod matlang_rack && rmmod matlang_pool && ok "bench_kmod_faults: both unload" || bad "bench_kmod_faults: they do not unload"
