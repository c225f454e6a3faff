# A camera that is named by its port is the same camera after it was unplugged, whatever node it then
# gets. udev's links are made here by hand: the VM has no udevd, and the kernel's own events suffice.
. /vm/lib.sh
load_vivid 3 2 || { bad "replug: vivid does not load"; exit 1; }
fresh_store || { bad "replug: no store"; exit 1; }
links=/dev/v4l/by-path
mkdir -p $links
port() { ln -sfn ../../video$2 $links/platform-$1-video-index0; } # PORT NODE
port gate 0
port yard 2
v4l2_capture /dev/video0 NV12 1 /tmp/replug.gate "$(static 1)" >/dev/null
v4l2_capture /dev/video2 NV12 1 /tmp/replug.yard "$(static 2)" >/dev/null
start_box $(camera gate v4l2:by-path/platform-gate-video-index0 format=nv12) \
	$(camera yard v4l2:by-path/platform-yard-video-index0 format=nv12) ||
	{ bad "replug: the box does not start"; exit 1; }
more_frames gate 10 20
more_frames yard 10 20
identity=$(get gate identity)
check "replug: the port is its identity ($identity)" [ "$identity" = platform-gate-video-index0 ]
matlang devices | tee /tmp/devices
check "replug: matlang devices knows whose it is" grep -q '/dev/video0 .* gate ' /tmp/devices

# Out: everything at once, as when a hub goes. The driver cannot go before the last node is closed.
rm -f $links/*
for i in 0 1 2; do v4l2-ctl -d /dev/video$i -c disconnect=1 >/dev/null 2>&1; done
tries=0
# By the module's own entry: modprobe also tries what vivid stood on, which another driver may hold.
while modprobe -r vivid 2>/dev/null; [ -d /sys/module/vivid ]; do
	tries=$((tries + 1))
	[ $tries -gt 200 ] && { bad "replug: the device is never let go"; break; }
	sleep 0.1
done
wait_for $CAMERAS/gate/state waiting 20
show gate
check "replug: unplugged it waits and says so" [ "$(get gate state)" != streaming -a -n "$(get gate why)" ]
# In again, in another order: the gate is video1 now, the yard video0.
load_vivid 3 2
paint /dev/video1 1
paint /dev/video0 2
port gate 1
port yard 0
check "replug: the gate is back" more_frames gate 10 30
check "replug: the yard too" more_frames yard 10 30
check "replug: as itself" [ "$(get gate identity)" = "$identity" ]
check "replug: the time between is on the ledger" [ "$(get gate lost/camera-away)" -gt 0 ]
show gate
show yard
check "replug: an orderly end" stop_box
check "replug: the store verifies" matlang store verify /store/s
check "replug: each recorded its own picture, before and after" check_store /store/s --exact --no-stamps \
	--reference gate=/tmp/replug.gate --reference yard=/tmp/replug.yard
rm -rf /dev/v4l
umount /store
