# Footage: rack cameras that show a clip of MJPEG or H.264, or a made-up scene, loaded by the CLI as an
# admin does it; each picture proved by its stamp and its checksum, through each kind of memory; then
# recorded by matlangd. What is no footage is refused and changes nothing.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
need_module matlang_pool
rack_mount || { bad "rack_footage: no configfs"; exit 1; }
node() { cat $RACK/$1/node; }
# The scene, with all that can be said of a camera.
matlang rack make scene api=single memory=dma-contig plugged=0 && matlang rack load scene --size 320x192 || bad "rack_footage: the scene is not taken"
matlang rack list --json | grep -q '"name":"scene".*"formats":"MJPG".*"footage_state":"MJPG 320x192 48"' && ok "rack_footage: listed" || bad "rack_footage: not listed"
if [ -x /opt/compliance/run ]; then
	/opt/compliance/run -d /dev/$(node scene) -s 3 >/tmp/compliance.log 2>&1
	other=$(grep -E 'fail|warn' /tmp/compliance.log | grep -v 'got sequence number')
	grep -q "Failed: 0, Warnings: " /tmp/compliance.log && [ -z "$other" ] && ok "rack_footage: v4l2-compliance, MJPEG" || bad "rack_footage: v4l2-compliance: $(tail -n 1 /tmp/compliance.log) $other"
else
	skip "rack_footage: v4l2-compliance: it could not be fetched"
fi
see() { # NAME FORMAT MEMORY FRAMES
	rack_probe verify $1 v4l2:/dev/$(node $1) $3 $2 $4 >/tmp/probe.log && ok "rack_footage: $1, $2, $3" || bad "rack_footage: $1, $2, $3: $(tail -n 3 /tmp/probe.log)"
}
see scene MJPEG mmap 12
see scene MJPEG pool 12
[ "$(cat $RACK/scene/by_copy)" -gt 0 ] && ok "rack_footage: a loop longer than the queue is copied" || bad "rack_footage: by_copy $(cat $RACK/scene/by_copy)"
# What is loaded while it is plugged in, or is no footage, is refused; what was there stays.
echo nonsense >$RACK/scene/footage
grep -q "refused: no footage" $RACK/scene/footage_state && ok "rack_footage: nonsense is refused" || bad "rack_footage: nonsense: $(cat $RACK/scene/footage_state)"
see scene MJPEG mmap 5
# A program start costs seconds here: few clips, every kind of queue memory once.
if [ -d /vm/clips ]; then
	for what in mjpeg.avi-vmalloc mjpeg.avi-dma-contig h264.mp4-dma-sg; do
		c=${what%%-*} memory=${what#*-}
		name=${c%.*}-$memory
		format=MJPEG
		[ $c = h264.mp4 ] && format=H264
		rack_camera $name memory=$memory && matlang rack load $name /vm/clips/$c || { bad "rack_footage: $name"; continue; }
		[ "$(cat $RACK/$name/rates)" = 10 ] || bad "rack_footage: $name: rate $(cat $RACK/$name/rates)"
		see $name $format mmap 26 # more than two rounds
		[ $memory = dma-contig ] || see $name $format userptr 5
		see $name $format pool 5
	done
	# A loop of as many pictures as the queue has buffers needs no copying after its first round.
	rack_camera few && matlang rack load few /vm/clips/mjpeg.avi --pictures 1 || bad "rack_footage: one picture"
	see few MJPEG mmap 30
	[ "$(cat $RACK/few/by_reference)" -ge 10 ] && ok "rack_footage: a short loop goes by reference" || bad "rack_footage: $(cat $RACK/few/by_reference) by reference, $(cat $RACK/few/by_copy) by copy"
	echo "torn 3" >$RACK/few/fault
	rack_probe verify few v4l2:/dev/$(node few) mmap MJPEG 6 >/tmp/probe.log
	[ "$(grep -c 'wrong.*not the picture' /tmp/probe.log)" = 3 ] && ok "rack_footage: a torn payload shows" || bad "rack_footage: torn: $(cat /tmp/probe.log)"
else
	skip "rack_footage: no ffmpeg where the VM's disk was made: no clips"
fi
# matlangd records them: stamps and accounting.
store_disk || { bad "rack_footage: no disk"; exit 1; }
mkdir -p /run/matlang
matlang store create /store/s --size 512M --sparse >/dev/null || bad "rack_footage: store create"
args= n=0
for c in scene mjpeg-vmalloc mjpeg-dma-contig h264-dma-sg; do
	[ -d $RACK/$c ] && args="$args --camera $c=v4l2:/dev/$(node $c) --set cameras/$c/motion/enabled=0" n=$((n + 1))
done
matlangd --store /store/s --control /run/matlang --config /dev/null $args >/tmp/log 2>&1 &
pid=$!
enough() { cat /run/matlang/cameras/*/frames 2>/dev/null | awk '{ if ($1 >= 20) k++ } END { print k + 0 }'; }
t=0
until [ "$(enough)" = $n ] || [ $t -gt 60 ]; do sleep 1; t=$((t + 1)); done
[ "$(enough)" = $n ] && ok "rack_footage: $n cameras are recorded" || bad "rack_footage: $(enough) of $n are recorded: $(cat /run/matlang/cameras/*/why) $(tail -n 2 /tmp/log)"
kill -TERM $pid
wait $pid || bad "rack_footage: matlangd ended with $?"
matlang store verify /store/s >/dev/null && ok "rack_footage: the store verifies" || bad "rack_footage: the store does not verify"
check_store /store/s --exact >/tmp/check && ok "rack_footage: pictures and accounting" || { tail -n 12 /tmp/check; bad "rack_footage: pictures or accounting"; }
umount /store
matlang rack remove $(ls $RACK | grep -v bandwidth) && [ "$(ls -d $RACK/*/ 2>/dev/null | wc -l)" = 0 ] && ok "rack_footage: removed" || bad "rack_footage: not removed"
sleep 1
rmmod matlang_rack && ok "rack_footage: unloads" || bad "rack_footage: does not unload"
