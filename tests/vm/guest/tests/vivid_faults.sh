# vivid's fault controls, while four devices record: every frame is recorded or on the ledger, the one
# that misbehaves comes back, and the others do not notice.
. /vm/lib.sh
load_vivid 4 2 || { bad "vivid_faults: vivid does not load"; exit 1; }
fresh_store || { bad "vivid_faults: no store"; exit 1; }
options=
for i in 0 1 2 3; do
	# One kind of memory and no other, so that a refusal is no reason to try the next.
	memory=auto
	[ $i = 2 ] && memory=userptr
	f=$(echo nm12 nm16 nv12 yuyv | cut -d' ' -f$((i + 1)))
	v4l2_capture /dev/video$i $(echo $f | tr a-z A-Z) 1 /tmp/fault.v$i "$(static $i)" >/dev/null
	options="$options $(camera v$i v4l2:/dev/video$i format=$f memory_want=$memory)"
done
start_box $options || { bad "vivid_faults: the box does not start"; exit 1; }
fault() { v4l2-ctl -d /dev/video$1 -c "$2" || bad "vivid_faults: vivid has no control $2"; }
for i in 0 1 2 3; do
	wait_for $CAMERAS/v$i/state streaming 20 || bad "vivid_faults: v$i does not stream"
done
more_frames v0 10 20
opens=$(get v0 opens)

# Dropped buffers leave holes in the numbering, which the ledger has.
fault 0 percentage_of_dropped_buffers=40
more_frames v0 30 30
fault 0 percentage_of_dropped_buffers=0
check "vivid_faults: dropped buffers are on the ledger" [ "$(get v0 lost/sequence-gap)" -gt 0 ]

fault 1 inject_v4l2_buf_flag_error=1
more_frames v1 10 20
check "vivid_faults: a flagged buffer is told" [ "$(($(get v1 torn) + $(get v1 lost/device-error)))" -gt 0 ]

# A stream that breaks, and a device that then refuses once to start, and once to request buffers.
failures_reach() { # N: of v2
	tries=0
	while [ "$(get v2 failures)" -lt "$1" ]; do
		tries=$((tries + 1))
		[ $tries -gt 300 ] && return 1
		sleep 0.1
	done
}
fault 2 inject_vidioc_streamon_error=1
fault 2 inject_fatal_streaming_error=1
check "vivid_faults: a broken stream and a failing STREAMON are noticed" failures_reach 2
check "vivid_faults: and survived" more_frames v2 10 20
fault 2 inject_vidioc_reqbufs_error=1
fault 2 inject_fatal_streaming_error=1
check "vivid_faults: a failing REQBUFS is noticed" failures_reach 4
check "vivid_faults: and survived as well" more_frames v2 10 20
fault 2 inject_vidioc_qbuf_error=1
check "vivid_faults: a failing QBUF is noticed" failures_reach 5
check "vivid_faults: and survived too" more_frames v2 10 20

# Unplugged: everything says ENODEV until the last user has let go; then the device is back, and so
# must the camera be.
away=$(get v3 opens)
fault 3 disconnect=1
tries=0
while [ "$(get v3 opens)" -le "$away" ] && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.1; done
check "vivid_faults: the unplugged one comes back" more_frames v3 10 20
check "vivid_faults: and its absence is on the ledger" [ "$(get v3 lost/camera-away)" -gt 0 ]
check "vivid_faults: the others do not notice" more_frames v0 10 20
for i in 0 1 2 3; do show v$i; done
check "vivid_faults: nor were they opened anew" [ "$(get v0 opens)" = "$opens" -a "$(get v0 failures)$(get v1 failures)" = 00 ]
check "vivid_faults: an orderly end" stop_box
check "vivid_faults: the store verifies" matlang store verify /store/s
refs=
for i in 0 1 2 3; do refs="$refs --reference v$i=/tmp/fault.v$i"; done
check "vivid_faults: contents and accounting" check_store /store/s --exact --no-stamps --lost 1 $refs
matlang ledger --store /store/s 2>&1 | tail -n 20
umount /store
