# Whoever is killed where leaves nothing behind: the next one has the camera, and it can be removed.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
rack_mount || { bad "rack_killed: no configfs"; exit 1; }
for what in mplane-vmalloc single-dma-sg mplane-dma-contig; do
	rack_camera killed api=${what%%-*} memory=${what#*-} sizes=320x180 rates=60 && rack_plug killed || bad "rack_killed: no camera, $what"
	rack_probe killed /dev/$(cat $RACK/killed/node) || bad "rack_killed: $what"
	[ "$(cat $RACK/bandwidth_used)" = 0 ] || bad "rack_killed: $what: bandwidth is left"
	rack_remove killed
done
sleep 1
rmmod matlang_rack && ok "rack_killed: unloads" || bad "rack_killed: does not unload"
