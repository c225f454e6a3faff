# Each fault of a rack camera by itself, seen by a plain consumer; then all mixed at random while
# matlangd records: nothing is unaccounted for, and the cameras come back.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
need_module matlang_pool
rack_mount || { bad "rack_faults: no configfs"; exit 1; }
rack_camera f sizes="320x180 640x360" rates=20 && rack_plug f || { bad "rack_faults: no camera"; exit 1; }
see() { # EXIT PATTERN WHAT
	rack_probe verify f v4l2:/dev/$(cat $RACK/f/node) mmap NM12 12 320 180 >/tmp/probe.log 2>&1
	rc=$?
	if [ $rc = $1 ] && grep -qE "$2" /tmp/probe.log; then ok "rack_faults: $3"; else bad "rack_faults: $3: exit $rc, $(cat /tmp/probe.log)"; fi
}
order() { echo "$1" >$RACK/f/fault || bad "rack_faults: $1 is not taken"; }
see 0 "frames=12 gaps=[0-9]* errors=0 torn=0 backwards=0" "none"
order "error 2"; see 0 "errors=2 torn=0" "error flag"
order "torn 3"; see 0 "errors=0 torn=3" "torn payload"
order "short 2"; see 0 "errors=0 torn=2" "short plane"
order "wrap"; see 0 "wraps=1" "sequence wrap"
order "late 1"; see 0 "stale=[1-9]" "late time stamp"
before=$(cat $RACK/f/delivered)
order "drop 4"; see 0 "gaps=([4-9]|[1-9][0-9])" "dropped frames"
grep -q '^drop 4$' $RACK/f/fault_counts && ok "rack_faults: counted" || bad "rack_faults: $(cat $RACK/f/fault_counts)"
# A script: faults at given frames.
order "drop 2 at 4
error at 8"; see 0 "gaps=([2-9]|[1-9][0-9]) errors=1" "a script of faults"
order "torn at 100000"; see 0 "torn=0" "not before its frame"
order "torn"; see 0 "torn=1" "but at once when ordered so"
order "stall 5"; see 0 "frames=12" "stall"
order "jump 1"; see 0 "frames=12" "time stamp jump"
order "streamon"; see 3 "failed" "STREAMON fails"
order "qbuf"; see 3 "failed" "QBUF fails"
order "reqbufs"; see 3 "failed" "REQBUFS fails"
order "change"; see 3 "failed: Broken pipe" "format change"
v4l2-ctl -d /dev/$(cat $RACK/f/node) --get-fmt-video | grep -q '640/360' && ok "rack_faults: the next size after a change" || bad "rack_faults: size after a change: $(v4l2-ctl -d /dev/$(cat $RACK/f/node) --get-fmt-video)"
see 0 "frames=12" "after a change"
echo 100000 >$RACK/bandwidth_max; see 3 "No space left" "bandwidth runs out"
echo 0 >$RACK/bandwidth_max; see 0 "frames=12" "bandwidth again"
[ "$(cat $RACK/bandwidth_used)" = 0 ] && ok "rack_faults: bandwidth is given back" || bad "rack_faults: $(cat $RACK/bandwidth_used) of bandwidth left"
order "stall 1000"
(sleep 1; echo 300 >$RACK/f/replug) & see 3 "No such device" "unplugged while streaming"
wait
order "stall 1"
n=0
until [ "$(cat $RACK/f/plugged)" = 1 ] || [ $n -gt 300 ]; do sleep 0.1; n=$((n + 1)); done
see 0 "frames=12" "plugged in again"
order "unplug at 5"; see 3 "No such device" "unplugged by a fault"
n=0
until [ "$(cat $RACK/f/plugged)" = 1 ] || [ $n -gt 300 ]; do sleep 0.1; n=$((n + 1)); done
see 0 "frames=12" "plugged in again by itself"
echo "qbuf at 5" >$RACK/f/fault 2>/dev/null && bad "rack_faults: took a frame for a call" || ok "rack_faults: no frame for a call"
for wrong in "fault nonsense" "fault drop_0" "fault_rates drop=2000" "fault_rates drop" "sizes 320x180" "plugged 2"; do
	echo "${wrong#* }" >$RACK/f/${wrong%% *} 2>/dev/null && bad "rack_faults: took $wrong" || ok "rack_faults: refused: $wrong"
done
rack_remove f

store_disk || { bad "rack_faults: no disk"; exit 1; }
mkdir -p /run/matlang
matlang store create /store/s --size 1G --sparse >/dev/null || { bad "rack_faults: store create"; exit 1; }
args= i=0
while [ $i -lt 8 ]; do
	rack_camera m$i api=$([ $((i % 2)) = 0 ] && echo mplane || echo single) memory=dma-contig formats=NV12 sizes="192x108 320x180" rates=10 \
		fault_rates="drop=40 error=20 torn=20 short=10 late=20 stall=10 change=4 streamon=100 qbuf=1 reqbufs=50" && echo $i >$RACK/m$i/seed && rack_plug m$i || bad "rack_faults: m$i cannot be made"
	args="$args --camera m$i=v4l2:/dev/$(cat $RACK/m$i/node)"
	i=$((i + 1))
done
matlangd --store /store/s --control /run/matlang --config /dev/null $args >/tmp/log 2>&1 &
pid=$!
# Not before it records, or a slow start would see none of the faults.
n=0
until [ "$(cat /run/matlang/cameras/m*/frames 2>/dev/null | awk '{ if ($1 > 0) k++ } END { print k + 0 }')" = 8 ] || [ $n -gt 150 ]; do sleep 1; n=$((n + 1)); done
n=0
while [ $n -lt ${RACK_ROUNDS:-3} ]; do
	sleep 3
	echo 2000 >$RACK/m$((n % 8))/replug
	n=$((n + 1))
done
for i in 0 1 2 3 4 5 6 7; do echo "" >$RACK/m$i/fault_rates; done
streaming() { cat /run/matlang/cameras/m*/state | grep -c streaming; }
n=0
until [ "$(streaming)" = 8 ] || [ $n -gt 150 ]; do sleep 1; n=$((n + 1)); done
[ "$(streaming)" = 8 ] && ok "rack_faults: all come back" || bad "rack_faults: only $(streaming) of 8 come back: $(cat /run/matlang/cameras/m*/why)"
[ "$(cat $RACK/m*/fault_counts | awk '{ n += $2 } END { print n }')" -gt 0 ] && ok "rack_faults: there were faults" || bad "rack_faults: no fault happened"
cat $RACK/m*/fault_counts | awk '{ n[$1] += $2 } END { for (f in n) printf "%s=%s ", f, n[f]; print "" }'
opens=$(cat /run/matlang/cameras/m*/opens | awk '{ n += $1 } END { print n }')
kill -TERM $pid
wait $pid || bad "rack_faults: matlangd ended with $?"
matlang store verify /store/s >/dev/null && ok "rack_faults: the store verifies" || bad "rack_faults: the store does not verify"
# The pictures are small, so that the store does not run full and lose its oldest in a long run.
# Streams here begin with frames already lost, which the ledger has as time, not as sequence numbers: so
# pictures and order are compared, and the count with what the module handed over. Only what was in
# flight when a stream ended (at most a camera's eight slots) may be missing.
check_store /store/s --recycled >/tmp/check && ok "rack_faults: pictures and order" || { tail -n 20 /tmp/check; bad "rack_faults: pictures or order"; }
recorded=$(sed -n 's/^m[0-9]*: \([0-9]*\) frames, .*/\1/p' /tmp/check | awk '{ n += $1 } END { print n }')
delivered=$(cat $RACK/m*/delivered | awk '{ n += $1 } END { print n }')
[ "$recorded" -gt 0 ] && [ "$recorded" -le "$delivered" ] && [ $((delivered - recorded)) -le $((8 * opens)) ] && ok "rack_faults: $recorded of $delivered delivered frames are in the store, $opens streams" ||
	bad "rack_faults: $recorded recorded, $delivered delivered, $opens streams"
for i in $RACK/m*; do rmdir $i; done
umount /store
