# What a frame costs the CPU: matlang_rack against vivid, 1080p NV12, the same consumer. In ticks of
# the whole machine, less what it takes idle; ratios count, for all of it runs in emulation. Then 200
# rack cameras at once.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
rack_mount || { bad "bench_kmod: no configfs"; exit 1; }
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }
ticks() { # DEVICE FRAMES: what streaming so many frames takes, its start included
	b=$(busy)
	v4l2-ctl -d $1 --stream-mmap=4 --stream-count=$2 >/dev/null 2>&1
	echo $(($(busy) - b))
}
cost() { # DEVICE: 50 frames of a running stream
	few=$(ticks $1 10)
	echo $(($(ticks $1 60) - few))
}
load_vivid 1 1 0
v4l2-ctl -d /dev/video0 -v width=1920,height=1080,pixelformat=NV12 -p 5 >/dev/null 2>&1
vivid=$(cost /dev/video0)
modprobe -r vivid
rack_camera big formats=NV12 sizes=1920x1080 rates=5 && rack_plug big
rack=$(cost /dev/$(cat $RACK/big/node))
rack_remove big
b=$(busy); sleep 10; idle=$(($(busy) - b))
echo "# ticks for 50 frames at 5 fps: vivid $vivid, rack $rack, idle for 10 s $idle"
v=$((vivid - idle)) r=$((rack - idle))
[ $r -lt 1 ] && r=1
[ $((10 * r)) -le $v ] && ok "bench_kmod: a frame costs $((100 * r / v)) % of vivid's" || bad "bench_kmod: a frame costs $((100 * r / v)) % of vivid's"

cameras=200 i=0
while [ $i -lt $cameras ]; do
	rack_camera n$i formats=GREY sizes=640x352 rates=5 && rack_plug n$i || bad "bench_kmod: n$i"
	i=$((i + 1))
done
i=0
while [ $i -lt $cameras ]; do
	rack_probe verify n$i v4l2:/dev/$(cat $RACK/n$i/node) mmap GREY 25 640 352 >/tmp/n$i 2>&1 &
	i=$((i + 1))
done
wait
cat /tmp/n[0-9]* | sed -n 's/^frames=\([0-9]*\) gaps=\([0-9]*\).*/\1 \2/p' | awk '{ n++; f += $1; g += $2 } END { print "# " n " cameras: " f " frames verified, " g " gaps" }'
full=$(grep -l '^frames=25 ' /tmp/n[0-9]* | wc -l)
lost=$(cat $RACK/n*/no_buffer $RACK/n*/overrun | awk '{ n += $1 } END { print n }')
echo "# the module says: $(cat $RACK/n*/delivered | awk '{ n += $1 } END { print n }') delivered, $lost not"
[ "$full" = $cameras ] && ! grep -q wrong /tmp/n[0-9]* && ok "bench_kmod: $cameras cameras at once" || bad "bench_kmod: only $full of $cameras delivered what they should"
