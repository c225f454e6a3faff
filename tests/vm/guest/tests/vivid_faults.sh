# vivid's fault controls, while four devices record: every frame is recorded or on the ledger, the one
# that misbehaves comes back, and the others do not notice.
. /vm/lib.sh
load_vivid 4 2 || { bad "vivid_faults: vivid does not load"; exit 1; }
store_disk || { bad "vivid_faults: no disk"; exit 1; }
mkdir -p /run/matlang
matlang store create /store/s --size 1G --sparse >/dev/null || { bad "vivid_faults: store create"; exit 1; }
args=
for i in 0 1 2 3; do
	v4l2-ctl -d /dev/video$i -c osd_text_mode=2 >/dev/null 2>&1
	args="$args --camera v$i=v4l2:/dev/video$i --set cameras/v$i/width=320 --set cameras/v$i/height=180 --set cameras/v$i/fps_max=15"
done
matlangd --store /store/s --control /run/matlang --config /dev/null $args >/tmp/log 2>&1 &
pid=$!
c=/run/matlang/cameras
wait_for() { # FILE VALUE SECONDS
	n=0
	while [ "$(cat "$1" 2>/dev/null)" != "$2" ]; do
		n=$((n + 1))
		[ $n -gt $(($3 * 5)) ] && return 1
		sleep 0.2
	done
}
fault() { v4l2-ctl -d /dev/video$1 -c "$2" >/dev/null 2>&1; }
for i in 0 1 2 3; do wait_for $c/v$i/state streaming 10 || bad "vivid_faults: v$i does not stream"; done
sleep 2

fault 0 percentage_of_dropped_buffers=30; sleep 4; fault 0 percentage_of_dropped_buffers=0
[ "$(cat $c/v0/lost_total)" -gt 0 ] && ok "vivid_faults: dropped buffers are on the ledger ($(cat $c/v0/lost_total))" || bad "vivid_faults: dropped buffers went unnoticed"

fault 1 inject_v4l2_buf_flag_error=1 ; sleep 2
[ "$(($(cat $c/v1/torn) + $(cat $c/v1/lost/device-error)))" -gt 0 ] && ok "vivid_faults: a flagged buffer is told" || bad "vivid_faults: a flagged buffer went unnoticed"

fault 2 inject_vidioc_streamon_error=1
before=$(cat $c/v2/frames)
fault 2 inject_fatal_streaming_error=1; sleep 3
wait_for $c/v2/state streaming 15 && [ "$(cat $c/v2/frames)" -gt "$before" ] && ok "vivid_faults: a fatal error and a failing STREAMON are survived" || bad "vivid_faults: v2 did not come back: $(cat $c/v2/why)"

fault 3 disconnect=1; sleep 2
case $(cat $c/v3/state) in
waiting | opening) ok "vivid_faults: the unplugged one waits: $(cat $c/v3/why)" ;;
*) bad "vivid_faults: v3 is $(cat $c/v3/state) after unplugging" ;;
esac
frames=$(cat $c/v0/frames); sleep 2
[ "$(cat $c/v0/frames)" -gt "$frames" ] && [ "$(cat $c/v0/state)" = streaming ] && ok "vivid_faults: the others do not notice" || bad "vivid_faults: v0 stopped when v3 was unplugged"
kill -TERM $pid
wait $pid || bad "vivid_faults: matlangd ended with $?"
tail -n 20 /tmp/log
matlang store verify /store/s && ok "vivid_faults: the store verifies" || bad "vivid_faults: the store does not verify"
check_store /store/s --no-stamps --lost 1 && ok "vivid_faults: accounting" || bad "vivid_faults: accounting"
umount /store
