# The control files on this kernel's FUSE: cat, echo, mkdir, rmdir as an admin does them, and everything
# wrong refused with nothing changed; on a device that is a camera, one that is none, and one that is
# not there.
. /vm/lib.sh
load_vivid 2 1 || { bad "control_files: vivid does not load"; exit 1; }
fresh_store || { bad "control_files: no store"; exit 1; }
start_box || { bad "control_files: the box does not start"; exit 1; }
check "control_files: mounted" grep -q " $CONTROL fuse" /proc/mounts
matlang devices | tee /tmp/devices
check "control_files: devices shows both" [ "$(grep -c 'vivid' /tmp/devices)" -ge 2 ]
matlang devices --json >/tmp/devices.json
check "control_files: and as JSON" grep -q '"driver": *"vivid"' /tmp/devices.json

mkdir $CAMERAS/gate
check "control_files: mkdir adds a camera" [ "$(get gate state)" = off ]
paint /dev/video0 1
echo 320 >$CAMERAS/gate/width_max && echo 180 >$CAMERAS/gate/height_max && echo 5 >$CAMERAS/gate/fps_max
echo v4l2:/dev/video0 >$CAMERAS/gate/source
check "control_files: a source switches it on" wait_for $CAMERAS/gate/state streaming 20
check "control_files: at the size that was set" [ "$(get gate size_now)" = 320x180 ]
check "control_files: the API is shown" [ "$(get gate multiplanar)" = 1 ]

refused() { # NAME FILE VALUE: EINVAL, the old value stays, last_error says why
	before=$(cat "$2")
	if (echo "$3" >"$2") 2>/tmp/refusal; then
		bad "control_files: $1 is taken"
	elif [ "$(cat "$2")" = "$before" ] && [ -n "$(cat $CONTROL/last_error)" ]; then
		ok "control_files: $1 is refused: $(cat $CONTROL/last_error)"
	else
		bad "control_files: $1: was '$before', is '$(cat "$2")', last_error '$(cat $CONTROL/last_error)'"
	fi
}
refused "a rate below the range" $CAMERAS/gate/fps_max -1
refused "a word for a number" $CAMERAS/gate/width_max wide
refused "an unknown format" $CAMERAS/gate/format mpeg17
refused "an unknown source" $CAMERAS/gate/source nothing:0
refused "a sensitivity over the range" $CAMERAS/gate/motion/sensitivity 101
refused "a commit interval under the range" $CONTROL/storage/commit_ms 1
(echo 7 >$CAMERAS/gate/frames) 2>/dev/null && bad "control_files: a figure can be written" || ok "control_files: figures are read only"
mkdir $CAMERAS/gate 2>/dev/null && bad "control_files: a second camera of that name" || ok "control_files: no second camera of that name"
mkdir "$CAMERAS/-x" 2>/dev/null && bad "control_files: a name that is none" || ok "control_files: a name that is none is refused"
mkdir $CONTROL/elsewhere 2>/dev/null && bad "control_files: folders anywhere" || ok "control_files: no folders anywhere else"
rm $CAMERAS/gate/title 2>/dev/null && bad "control_files: a file can be removed" || ok "control_files: files stay"

# Bad cameras beside it change nothing for it.
mkdir $CAMERAS/none $CAMERAS/null $CAMERAS/second
echo v4l2:/dev/video77 >$CAMERAS/none/source
echo v4l2:/dev/null >$CAMERAS/null/source
echo v4l2:/dev/video0 >$CAMERAS/second/source
opens=$(get gate opens)
check "control_files: the good one goes on" more_frames gate 15 20
for c in none null second; do
	show $c
	check "control_files: $c says why in a line" [ "$(get $c state)" != streaming -a "$(get $c why | wc -l)" = 1 -a -n "$(get $c why)" ]
done
check "control_files: and was not opened anew" [ "$(get gate opens)" = "$opens" -a "$(get gate failures)" = 0 ]

# Without limits a raw camera does not take 4K: no disk would keep up.
mkdir $CAMERAS/wide
echo v4l2:/dev/video1 >$CAMERAS/wide/source
wait_for $CAMERAS/wide/state streaming 20
size=$(get wide size_now)
check "control_files: raw without limits stays within 1920x1080 ($size)" [ "${size%x*}" -le 1920 -a "${size%x*}" -ge 640 ]
rmdir $CAMERAS/wide
for c in none null second; do rmdir $CAMERAS/$c; done
check "control_files: rmdir removes" [ "$(ls $CAMERAS)" = gate ]
# The device of a removed camera is free again.
mkdir $CAMERAS/again && echo 320 >$CAMERAS/again/width_max && echo v4l2:/dev/video1 >$CAMERAS/again/source
check "control_files: its device can be used again at once" wait_for $CAMERAS/again/state streaming 20

# Settings are changed under a running stream, many times: the device is busy for a moment each time.
for h in 360 180 360 180; do echo $h >$CAMERAS/again/height_max; echo $((h * 16 / 9)) >$CAMERAS/again/width_max; done
check "control_files: opened anew again and again it streams" more_frames again 5 20
check "control_files: at what was set last" [ "$(get again size_now)" = 320x180 ]
echo 0 >$CAMERAS/again/enabled
check "control_files: off is off" wait_for $CAMERAS/again/state off 10
matlang set cameras/gate/title "Cổng chính" && matlang get cameras/gate/title
check "control_files: text in any language" [ "$(get gate title)" = "Cổng chính" ]
matlang status | head -n 12
check "control_files: an orderly end" stop_box
check "control_files: unmounted" sh -c "! grep -q ' $CONTROL fuse' /proc/mounts"
check "control_files: the store verifies" matlang store verify /store/s
umount /store
