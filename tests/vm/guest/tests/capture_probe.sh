# The capture code alone, without box and store: each kind of memory, written as the store writes (one
# O_DIRECT write a slot), compared with what v4l2-ctl captured; opened twice, for a device just closed
# may still be busy.
. /vm/lib.sh
load_vivid 4 3 || { bad "capture_probe: vivid does not load"; exit 1; }
fresh_store 64M || { bad "capture_probe: no disk"; exit 1; }
i=0
for f in NM12 NM16 YM12 YUYV; do
	v4l2_capture /dev/video$i $f 1 /tmp/probe.ref "$(static $((i + 2)))" >/dev/null
	cat /tmp/probe.ref /tmp/probe.ref /tmp/probe.ref /tmp/probe.ref /tmp/probe.ref >/tmp/probe.five
	for kind in $(memory_kinds); do
		if capture_probe v4l2:/dev/video$i --memory $kind --frames 5 --runs 2 --format $(echo $f | tr A-Z a-z) \
			--width 320 --height 180 --write /store/slots --dump /tmp/probe.dump >/tmp/probe.json &&
			cmp /tmp/probe.five /tmp/probe.dump &&
			grep -q "\"memory\":\"$kind\".*\"pin_error\":\"\"" /tmp/probe.json; then
			ok "capture_probe $f $kind"
		else
			cat /tmp/probe.json
			bad "capture_probe $f $kind"
		fi
	done
	i=$((i + 1))
done
umount /store
