# Slices of the frame pool in displays' drivers: vgem imports them, and cirrus shows one: what is then
# in the adapter's memory is what is in the slice.
. /vm/lib.sh
need_module matlang_pool || exit 0
pool=/sys/class/misc/matlang-pool
card_of() { # NAME of the device or of its driver: the device node
	for d in /sys/class/drm/card?; do
		case " $(basename "$(readlink $d/device)") $(basename "$(readlink $d/device/driver)") " in
		*" $1 "*) echo /dev/dri/$(basename $d) ;;
		esac
	done
}
left() { # WHAT
	n=0
	until [ "$(cat $pool/slabs)$(cat $pool/slices)$(cat $pool/bytes_used)" = 000 ] || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.1; done
	[ "$(cat $pool/slabs)$(cat $pool/slices)$(cat $pool/bytes_used)" = 000 ] && ok "pool_drm: $1 leaves nothing" || bad "pool_drm: $1 leaves $(cat $pool/bytes_used) bytes"
}
if modprobe vgem 2>/dev/null; then
	drm_probe import "$(card_of vgem)"
	left vgem
	rmmod vgem
else
	skip "pool_drm: no vgem in this kernel"
fi
pci=$(grep -l 0x1013 /sys/bus/pci/devices/*/vendor | head -1)
[ -n "$pci" ] && { modprobe cirrus || modprobe cirrus-qemu; } 2>/dev/null
card=$(card_of cirrus)$(card_of cirrus-qemu)
if [ -n "$card" ]; then
	drm_probe show $card ${pci%/vendor}/resource0
	left cirrus
else
	skip "pool_drm: no cirrus display here"
fi
rmmod matlang_pool && ok "pool_drm: unloads" || bad "pool_drm: does not unload"
