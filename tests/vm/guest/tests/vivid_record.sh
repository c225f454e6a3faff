# matlangd records ten vivid devices, eight of them multi-planar. Pictures are static test charts: what
# was recorded is compared byte for byte with what an independent program (v4l2-ctl) captured, and
# delivered + ledger = expected.
. /vm/lib.sh
load_vivid 10 8 || { bad "vivid_record: vivid does not load"; exit 1; }
store_disk || { bad "vivid_record: no disk"; exit 1; }
mkdir -p /run/matlang /tmp/ref
matlang store create /store/s --size 1G --sparse >/dev/null || { bad "vivid_record: store create"; exit 1; }

formats="NM12 NM16 NM21 YM12 NV12 NV16 YUYV GREY NV12 YUYV"
args= i=0
for f in $formats; do
	v4l2-ctl -d /dev/video$i -c osd_text_mode=2 -c test_pattern=$((i % 4)) >/dev/null 2>&1
	v4l2-ctl -d /dev/video$i -v width=320,height=180,pixelformat=$f >/dev/null 2>&1
	v4l2-ctl -d /dev/video$i --stream-mmap=3 --stream-skip=1 --stream-count=1 --stream-to=/tmp/ref/v$i >/dev/null 2>&1 ||
		bad "vivid_record: v4l2-ctl captured nothing from video$i ($f)"
	args="$args --camera v$i=v4l2:/dev/video$i --set cameras/v$i/width=320 --set cameras/v$i/height=180 --set cameras/v$i/format=$f --set cameras/v$i/fps_max=15"
	i=$((i + 1))
done

matlangd --store /store/s --control /run/matlang --config /dev/null $args >/tmp/log 2>&1 &
pid=$!
sleep 12
n=0
for i in 0 1 2 3 4 5 6 7 8 9; do
	c=/run/matlang/cameras/v$i
	echo "v$i: $(cat $c/state) $(cat $c/format_now) $(cat $c/size_now) memory=$(cat $c/memory) registered=$(cat $c/registered) copies=$(cat $c/copies) frames=$(cat $c/frames) lost=$(cat $c/lost_total)"
	[ "$(cat $c/state)" = streaming ] && [ "$(cat $c/copies)" = 0 ] && [ "$(cat $c/frames)" -gt 5 ] && n=$((n + 1))
done
[ $n = 10 ] && ok "vivid_record: ten cameras stream without a copy" || bad "vivid_record: only $n of 10 stream without a copy"
kill -TERM $pid
wait $pid || bad "vivid_record: matlangd ended with $?"
[ -s /tmp/log ] && tail -n 20 /tmp/log
matlang store verify /store/s && ok "vivid_record: the store verifies" || bad "vivid_record: the store does not verify"
refs=
for i in 0 1 2 3 4 5 6 7 8 9; do refs="$refs --reference v$i=/tmp/ref/v$i"; done
check_store /store/s --exact --no-stamps $refs && ok "vivid_record: contents and accounting" || bad "vivid_record: contents or accounting"
umount /store
