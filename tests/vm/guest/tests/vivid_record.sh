# matlangd records ten vivid devices, eight of them multi-planar, through each kind of memory. What was
# recorded is compared byte for byte with what an independent program (v4l2-ctl) captured; on two of
# them the picture moves, and each must be the one that its sequence number says. Delivered + ledger =
# expected; nothing is said of how much a busy machine loses.
. /vm/lib.sh
load_vivid 10 8 || { bad "vivid_record: vivid does not load"; exit 1; }
formats="NM12 NM16 NM21 YM12 NV12 NV16 YUYV NM12 NV12 YUYV"
moving="v0 v8" # one of each interface
mkdir -p /tmp/ref

# Small frames are gathered by the store, large ones written straight from their slot: both are needed.
width_of() { # CAMERA
	case $1 in v0 | v1 | v3 | v9) echo 640 ;; *) echo 320 ;; esac
}

# A whole turn of a moving picture: 80 pictures, each a step of an eightieth of the width. A capture
# with a gap is no reference: then once more.
capture_turn() { # DEVICE FORMAT FILE WIDTH
	for try in 1 2 3 4 5 6; do
		v4l2_capture "$1" "$2" 80 "$3" "-c osd_text_mode=2 -c test_pattern=0 -c horizontal_movement=6" "$4" >/tmp/turn
		sed -n 's/.*seq: *\([0-9]*\).*/\1/p' /tmp/turn | awk 'NR > 1 && $1 != last + 1 { bad = 1 } { last = $1 } END { exit bad || NR < 80 }' && return 0
	done
	return 1
}

refs= i=0
for f in $formats; do
	case " $moving " in
	*" v$i "*)
		capture_turn /dev/video$i $f /tmp/ref/v$i $(width_of v$i) || bad "vivid_record: no whole turn of video$i ($f)"
		;;
	*) v4l2_capture /dev/video$i $f 1 /tmp/ref/v$i "$(static $i)" $(width_of v$i) >/dev/null ;;
	esac
	[ -s /tmp/ref/v$i ] || bad "vivid_record: v4l2-ctl captured nothing from video$i ($f)"
	refs="$refs --reference v$i=/tmp/ref/v$i"
	i=$((i + 1))
done

for kind in $(memory_kinds); do
	fresh_store || { bad "vivid_record: no store"; exit 1; }
	options= i=0
	for f in $formats; do
		w=$(width_of v$i)
		options="$options $(camera v$i v4l2:/dev/video$i format=$(echo $f | tr A-Z a-z) memory_want=$kind \
			width_max=$w height_max=$((w * 9 / 16)))"
		i=$((i + 1))
	done
	start_box $options || { bad "vivid_record $kind: the box does not start"; continue; }
	good=0
	for i in 0 1 2 3 4 5 6 7 8 9; do
		wait_for $CAMERAS/v$i/state streaming 20
	done
	more_frames v9 10 30
	for i in 0 1 2 3 4 5 6 7 8 9; do
		more_frames v$i 1 30
		show v$i
		# The driver's own planes lie apart and have no room for a trailer: copied, and counted.
		if [ $kind = mmap ]; then
			frames=$(get v$i frames) # read before the copies, which go on
			[ "$(get v$i copies)" -ge "$frames" ] || continue
		else
			[ "$(get v$i copies)" = 0 ] && [ "$(get v$i registered)" = 1 ] || continue
		fi
		[ "$(get v$i memory)" = $kind ] && [ "$(get v$i frames)" -ge 2 ] && good=$((good + 1))
	done
	check "vivid_record $kind: ten cameras stream as they should" [ $good = 10 ]
	for i in 0 1 3 9; do
		[ "$(get v$i gathered)" = 0 ] || bad "vivid_record $kind: large frames of v$i are gathered"
	done
	check "vivid_record $kind: large frames are written straight from their slots" \
		[ "$(cat $CONTROL/storage/direct_frames)" -gt 20 ]
	check "vivid_record $kind: an orderly end" stop_box
	check "vivid_record $kind: the store verifies" matlang store verify /store/s
	check "vivid_record $kind: contents and accounting" check_store /store/s --exact --no-stamps $refs
done
# The checker itself: with another camera's pictures it must object.
if check_store /store/s --exact --no-stamps --camera v1 --reference v1=/tmp/ref/v3 >/dev/null; then
	bad "vivid_record: the check takes any picture"
else
	ok "vivid_record: the check tells pictures apart"
fi
umount /store
