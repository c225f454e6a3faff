# 64 rack cameras, each a real V4L2 node, recorded by matlangd: every picture's stamp agrees with its
# record, and delivered + ledger = expected.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
need_module matlang_pool
rack_mount || { bad "rack_record: no configfs"; exit 1; }
store_disk || { bad "rack_record: no disk"; exit 1; }
mkdir -p /run/matlang
matlang store create /store/s --size 1500M --sparse >/dev/null || { bad "rack_record: store create"; exit 1; }
cameras=64 args= i=0
while [ $i -lt $cameras ]; do
	case $((i % 4)) in
	0) api=mplane memory=vmalloc format=NM12 ;;
	1) api=mplane memory=dma-contig format=NV12 ;;
	2) api=single memory=dma-sg format=GREY ;;
	3) api=single memory=dma-contig format=YUYV ;;
	esac
	rack_camera r$i api=$api memory=$memory formats=$format sizes=192x108 rates=3 && rack_plug r$i || bad "rack_record: camera $i cannot be made"
	args="$args --camera r$i=v4l2:/dev/$(cat $RACK/r$i/node) --set cameras/r$i/slots=4"
	i=$((i + 1))
done
[ "$(ls $RACK | grep -c ^r)" = $cameras ] && ok "rack_record: $cameras cameras" || bad "rack_record: not all cameras"
matlangd --store /store/s --control /run/matlang --config /dev/null $args >/tmp/log 2>&1 &
pid=$!
few() { cat /run/matlang/cameras/r*/frames 2>/dev/null | awk '{ if ($1 < 8) n++ } END { print (NR < '$cameras' || n > 0) ? 1 : 0 }'; }
n=0
until [ "$(few)" = 0 ] || [ $n -gt 150 ]; do sleep 2; n=$((n + 1)); done
for c in /run/matlang/cameras/r*; do
	echo "$(cat $c/state) $(cat $c/memory) copies=$(cat $c/copies) registered=$(cat $c/registered)"
done | sort | uniq -c >/tmp/kinds
cat /tmp/kinds
grep -q "$cameras streaming pool copies=0 registered=1" /tmp/kinds && ok "rack_record: all stream from the pool, without a copy" || bad "rack_record: not all stream from the pool: $(tail -n 3 /tmp/log)"
kill -TERM $pid
wait $pid || bad "rack_record: matlangd ended with $?"
matlang store verify /store/s >/dev/null && ok "rack_record: the store verifies" || bad "rack_record: the store does not verify"
check_store /store/s --exact >/tmp/check && ok "rack_record: pictures and accounting" || bad "rack_record: pictures or accounting"
tail -n 3 /tmp/check
# What the module says it delivered is what was recorded, but for what was in flight at the end.
recorded=$(sed -n 's/^r[0-9]*: \([0-9]*\) frames.*/\1/p' /tmp/check | awk '{ n += $1 } END { print n }')
delivered=$(cat $RACK/r*/delivered | awk '{ n += $1 } END { print n }')
[ $recorded -gt 0 ] && [ $recorded -le $delivered ] && [ $((delivered - recorded)) -le $((4 * cameras)) ] && ok "rack_record: $recorded of $delivered delivered frames are in the store" || bad "rack_record: $recorded recorded, $delivered delivered"
for i in $RACK/r*; do rmdir $i || bad "rack_record: rmdir"; done
umount /store
sleep 1
rmmod matlang_rack && rmmod matlang_pool && ok "rack_record: unloads" || bad "rack_record: does not unload"
