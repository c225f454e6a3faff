# What a frame costs the CPU: matlang_rack against vivid, 1080p NV12, the same consumer, which looks at
# no picture. Busy is what was not idle, less what an idle machine is busy with in the same time and
# less the consumer's own; ratios count, for all of it runs in emulation. Then 200 rack cameras at
# once, every picture verified.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
rack_mount || { bad "bench_kmod: no configfs"; exit 1; }
frames=${BENCH_FRAMES:-300} # at 30 a second, so that they stand out from what an idle machine does
idle_us() { # SECONDS: busy microseconds of a machine that does nothing
	awk '{ print $1, $2 }' /proc/uptime >/tmp/before
	sleep $1
	awk '{ print $1, $2 }' /proc/uptime | cat /tmp/before - | awk '{ w[NR] = $1; i[NR] = $2 } END { printf "%d", ((w[2] - w[1]) * 2 - (i[2] - i[1])) * 1000000 }'
}
cost() { # NODE: microseconds of CPU for a frame, less what an idle machine takes
	rack_probe cost v4l2:/dev/$1 mmap NV12 $frames 1920 1080 >/tmp/cost || { cat /tmp/cost >&2; echo 0; return; }
	echo "# $2: $(cat /tmp/cost)" >&2
	tr ' ' '\n' </tmp/cost | awk -F= -v idle=$idle '{ v[$1] = $2 } END { printf "%d", (v["busy_us"] - v["own_us"] - idle * v["wall_us"] / 10000000) / v["frames"] }'
}
idle=$(idle_us 10)
echo "# busy in 10 s of an idle machine: $idle us"
load_vivid 1 1 0
vivid=$(cost video0 vivid)
modprobe -r vivid
rack_camera big formats=NV12 sizes=1920x1080 rates=30 && rack_plug big
rack=$(cost $(cat $RACK/big/node) rack)
echo "# rack: by reference $(cat $RACK/big/by_reference), by copy $(cat $RACK/big/by_copy)"
rack_remove big
rack_camera big formats=NV12 sizes=1920x1080 rates=30 delivery=copy && rack_plug big
copy=$(cost $(cat $RACK/big/node) "rack, copying")
rack_remove big
echo "# a frame of 1080p NV12: vivid $vivid us, rack $rack us, rack copying all of it $copy us"
[ "$rack" -lt 1 ] && rack=1
[ "$vivid" -gt 0 ] && [ $((10 * rack)) -le "$vivid" ] && ok "bench_kmod: a frame costs $((1000 * rack / vivid)) thousandths of vivid's" || bad "bench_kmod: a frame costs $rack us, vivid's $vivid us"

cameras=200 i=0
while [ $i -lt $cameras ]; do
	rack_camera n$i formats=GREY sizes=640x360 rates=5 && rack_plug n$i || bad "bench_kmod: n$i"
	i=$((i + 1))
done
i=0
while [ $i -lt $cameras ]; do
	rack_probe verify n$i v4l2:/dev/$(cat $RACK/n$i/node) mmap GREY 25 640 360 >/tmp/n$i 2>&1 &
	i=$((i + 1))
done
wait
cat /tmp/n[0-9]* | sed -n 's/^frames=\([0-9]*\) gaps=\([0-9]*\).*/\1 \2/p' | awk '{ n++; f += $1; g += $2 } END { print "# " n " cameras: " f " frames verified, " g " gaps" }'
full=$(grep -l '^frames=25 ' /tmp/n[0-9]* | wc -l)
gaps=$(cat /tmp/n[0-9]* | sed -n 's/.* gaps=\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
lost=$(cat $RACK/n*/no_buffer $RACK/n*/overrun | awk '{ n += $1 } END { print n }')
echo "# the module says: $(cat $RACK/n*/delivered | awk '{ n += $1 } END { print n }') delivered, $lost not"
# Every gap is one the module owns up to; it may have lost more after a consumer had ended.
[ "$full" = $cameras ] && [ "$gaps" -le "$lost" ] && ! grep -q wrong /tmp/n[0-9]* && ok "bench_kmod: $cameras cameras at once, all accounted for" || bad "bench_kmod: only $full of $cameras delivered what they should, $gaps gaps, $lost lost"
for i in $RACK/n*; do rmdir $i; done
