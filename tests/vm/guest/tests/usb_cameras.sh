# USB cameras (usbcam: emulated down to the wire, driven by the kernel's own uvcvideo): MJPEG through
# each kind of memory, compared picture by picture; pulled out and plugged in again under another node;
# pictures that the camera cuts short; pictures it flags as broken.
. /vm/lib.sh
modprobe usbcore autosuspend=-1 2>/dev/null
modprobe vhci_hcd && modprobe uvcvideo || { skip "usb_cameras: this kernel has no vhci_hcd"; exit 0; }
echo -1 >/sys/module/usbcore/parameters/autosuspend
modprobe udmabuf 2>/dev/null
links=/dev/v4l/by-path
mkdir -p $links

plug() { # PORT: plugs camera PORT in; its number in $cam
	usbcam --port $1 --reference /tmp/usb.ref$1 --fps 10 &
	cam=$!
	tries=0
	while ! node $1 >/dev/null; do
		tries=$((tries + 1))
		[ $tries -gt 300 ] && { bad "usb_cameras: port $1 shows no camera"; return 1; }
		sleep 0.1
	done
}
# The video node of a port, from the kernel's own tree as udev reads it.
node() { # PORT
	for n in /sys/class/video4linux/video*; do
		case $(readlink -f $n/device) in
		*/usb*-$(($1 + 1))/*) [ "$(cat $n/index)" = 0 ] && [ -c /dev/${n##*/} ] && echo ${n##*/} && return 0 ;;
		esac
	done
	return 1
}
link() { ln -sfn ../../$(node $1) $links/platform-vhci_hcd.0-usb-0:$(($1 + 1)):1.0-video-index0; } # PORT
usb() { echo "v4l2:by-path/platform-vhci_hcd.0-usb-0:$(($1 + 1)):1.0-video-index0"; } # PORT

plug 0 && cam0=$cam
plug 1 && cam1=$cam
plug 2 && cam2=$cam
for p in 0 1 2; do link $p; done
matlang devices | cut -c1-150
fresh_store || { bad "usb_cameras: no store"; exit 1; }
kinds=$(memory_kinds)
set -- $kinds
third=${3:-auto}
start_box $(camera usb0 $(usb 0) memory_want=$1 width_max=0 height_max=0) \
	$(camera usb1 $(usb 1) memory_want=$2 width_max=0 height_max=0) \
	$(camera usb2 $(usb 2) memory_want=$third width_max=0 height_max=0) || { bad "usb_cameras: the box does not start"; exit 1; }
for p in 0 1 2; do
	more_frames usb$p 20 30
	show usb$p
done
check "usb_cameras: MJPEG at the camera's size" [ "$(get usb0 format_now) $(get usb0 size_now)" = "mjpeg 640x480" ]
check "usb_cameras: nothing is copied, whatever the memory ($kinds)" [ "$(get usb0 copies)$(get usb1 copies)$(get usb2 copies)" = 000 ]
case $(get usb0 identity) in
*usb-0:1:1.0*serial=SN-0*) ok "usb_cameras: port and serial are its identity ($(get usb0 identity))" ;;
*) bad "usb_cameras: identity is '$(get usb0 identity)'" ;;
esac

# Cut short, with nothing in the stream that says so: told by the missing end marker.
kill -USR1 $cam1
more_frames usb1 10 20
check "usb_cameras: a picture cut short is told" [ "$(get usb1 torn)" = 1 ]
# Flagged by the camera: the driver drops it, the numbering shows it.
kill -USR2 $cam1
more_frames usb1 10 20
check "usb_cameras: a picture flagged as broken is on the ledger" [ "$(($(get usb1 lost/sequence-gap) + $(get usb1 lost/device-error)))" -gt 0 ]

# Pulled out. Somebody else holds the old node open, so that the camera gets another one.
old=$(node 0) opens=$(get usb1 opens)
exec 3</dev/$old
kill $cam0
wait_for $CAMERAS/usb0/state waiting 30
rm $links/*usb-0:1:*
show usb0
check "usb_cameras: unplugged it waits and says why" [ "$(get usb0 state)" != streaming -a -n "$(get usb0 why)" ]
plug 0 && cam0=$cam
link 0
exec 3<&-
check "usb_cameras: it has another node now ($old, $(node 0))" [ "$(node 0)" != "$old" ]
check "usb_cameras: and is found again by its port" more_frames usb0 20 30
check "usb_cameras: its absence is on the ledger" [ "$(get usb0 lost/camera-away)" -gt 0 ]
check "usb_cameras: the others do not notice" [ "$(get usb1 opens)" = "$opens" -a "$(get usb1 failures)$(get usb2 failures)" = 00 ]
for p in 0 1 2; do show usb$p; done
check "usb_cameras: an orderly end" stop_box
check "usb_cameras: the store verifies" matlang store verify /store/s
check "usb_cameras: contents and accounting" check_store /store/s --exact --no-stamps --lost 1 \
	--reference usb0=/tmp/usb.ref0 --reference usb1=/tmp/usb.ref1 --reference usb2=/tmp/usb.ref2
kill $cam0 $cam1 $cam2
rm -rf /dev/v4l
umount /store
