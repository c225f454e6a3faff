# A box whose power is cut: looks at what the last cut left on the disk, then records at full speed
# and says over the serial line how far the log is durable, until the machine is killed from
# outside. tests/vm/powercut.sh reads the lines:
#   found POSITION NEWEST     after the checks; NEWEST: UTC in seconds of the newest record
#   durable POSITION NOW      again and again
. /vm/lib.sh
mkdir -p /store
mount -t ext4 -o errors=remount-ro /dev/vdb /store || { bad "powercut: the file system does not mount"; exit; }
if [ -d /store/s ]; then
	check "powercut: the store verifies" matlang store verify /store/s
	check "powercut: every picture is what the camera drew" check_store /store/s --recycled
	info=$(matlang store info /store/s --json)
	position=$(printf %s "$info" | sed -n 's/.*"position": *\([0-9]*\).*/\1/p')
	newest=$(printf %s "$info" | sed -n 's/.*"newest": *"\([^"]*\)".*/\1/p')
	newest=${newest%%[+Z]*}
	seconds=$(date -u -d "$(printf %s "${newest%.*}" | tr T ' ')" +%s)
	echo "found $position $seconds.${newest#*.}"
else
	matlang store create /store/s --size 64M --segment 2M --sparse >/dev/null || { bad "powercut: no store"; exit; }
	sync
fi
cameras=
for i in 1 2 3 4; do
	cameras="$cameras --camera m$i=rack:m$i?width=640&height=480&fps=15&frame_kb=$((20 * i))"
done
# As many as the disk takes.
cameras="$cameras --camera raw=rack:raw?width=640&height=480&format=nv12&paced=0"
start_box --set storage/commit_ms=500 $cameras || { bad "powercut: the box does not start"; exit; }
more_frames m1 5 30 || { bad "powercut: no pictures"; exit; }
n=0 last= moved=0
while kill -0 $box; do
	read -r durable <$CONTROL/storage/durable || break
	[ "$durable" = "$last" ] || moved=$((moved + 1))
	last=$durable
	# The second commit from now has pictures in it for certain.
	[ $moved -lt 3 ] || echo "durable $durable $EPOCHREALTIME"
	n=$((n + 1))
	[ $n -gt 1200 ] && break # nobody cuts
	sleep 0.05
done
bad "powercut: the box ended by itself, or nobody cut the power"
tail -n 20 /tmp/box.log
