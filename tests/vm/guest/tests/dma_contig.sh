# Devices whose driver needs contiguous memory (dma-contig): neither udmabuf nor user memory is taken,
# the choice falls back to the driver's own buffers; the disk cannot be written from those, so frames
# are copied, every copy is counted, and what arrives is right.
. /vm/lib.sh
modprobe -r matlang_pool 2>/dev/null # its memory would do: then nothing is copied
load_vivid 4 2 1 || { bad "dma_contig: vivid does not load"; exit 1; }
fresh_store || { bad "dma_contig: no store"; exit 1; }
options= refs= i=0
for f in NM12 YM12 NV12 YUYV; do
	v4l2_capture /dev/video$i $f 1 /tmp/contig.v$i "$(static $((i + 1)))" >/dev/null
	refs="$refs --reference v$i=/tmp/contig.v$i"
	options="$options $(camera v$i v4l2:/dev/video$i format=$(echo $f | tr A-Z a-z))"
	i=$((i + 1))
done
# Neither way of pinning works on it: that is how the camera tells that it must copy.
capture_probe v4l2:/dev/video2 --memory mmap --format nv12 --width 320 --height 180 --frames 1 >/tmp/contig.json
check "dma_contig: the kernel pins none of this memory" grep -q '"register_error":"E.*"pin_error":"E' /tmp/contig.json
grep '"start"' /tmp/contig.json
start_box $options || { bad "dma_contig: the box does not start"; exit 1; }
good=0
more_frames v0 20 30
for i in 0 1 2 3; do
	more_frames v$i 2 20
	show v$i
	frames=$(get v$i frames) # read before the copies, which go on
	[ "$(get v$i memory)" = mmap ] && [ "$(get v$i copies)" -ge "$frames" ] && good=$((good + 1))
done
check "dma_contig: the driver's memory is used, and copies are counted" [ $good = 4 ]
mkdir $CAMERAS/v4
echo v4l2:/dev/video3 >$CAMERAS/v4/source
more_frames v3 10 20
show v4
check "dma_contig: a second camera on one device waits and says why" [ "$(get v4 state)" != streaming -a -n "$(get v4 why)" ]
check "dma_contig: which changes nothing for the first" [ "$(get v3 failures)" = 0 ]
echo userptr >$CAMERAS/v0/memory_want
tries=0
while [ "$(get v0 state)" != error ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
echo "v0: $(get v0 why)"
case $(get v0 why) in
*userptr*) ok "dma_contig: a kind asked for that cannot be had is told" ;;
*) bad "dma_contig: asked for userptr: $(get v0 state) $(get v0 why)" ;;
esac
echo auto >$CAMERAS/v0/memory_want
check "dma_contig: auto brings it back" more_frames v0 10 20
check "dma_contig: an orderly end" stop_box
check "dma_contig: the store verifies" matlang store verify /store/s
check "dma_contig: contents and accounting" check_store /store/s --exact --no-stamps $refs
umount /store
