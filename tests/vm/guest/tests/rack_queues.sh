# Rack cameras with every kind of queue memory, both APIs: v4l2-compliance, and every picture through
# every kind of memory proved by its stamp and its checksum.
. /vm/lib.sh
. /vm/rack.sh
need_module matlang_rack || exit 0
rack_mount || { bad "rack: no configfs"; exit 1; }
need_module matlang_pool
modprobe udmabuf 2>/dev/null
for memory in vmalloc dma-sg dma-contig; do
	for api in mplane single; do
		name=$memory-$api
		rack_camera $name api=$api memory=$memory rates="10 60" && rack_plug $name || { bad "rack: $name cannot be made"; continue; }
		dev=/dev/$(cat $RACK/$name/node)
		if [ -x /opt/compliance/run ]; then
			/opt/compliance/run -d $dev -s 3 >/tmp/compliance.log 2>&1
			last=$(tail -n 1 /tmp/compliance.log)
			# A machine too slow for the stream loses frames, and the tool warns of the gaps: only
			# these warnings are let pass.
			other=$(grep -E 'fail|warn' /tmp/compliance.log | grep -v 'got sequence number')
			case $last in
			*"Failed: 0, Warnings: "*) [ -z "$other" ] && ok "rack: v4l2-compliance, $name" || bad "rack: v4l2-compliance, $name: $other" ;;
			*) bad "rack: v4l2-compliance, $name: $last $other" ;;
			esac
		else
			skip "rack: v4l2-compliance: it could not be fetched"
		fi
		for kind in mmap userptr udmabuf pool; do
			[ $kind = udmabuf ] && [ ! -e /dev/udmabuf ] && continue
			[ $kind = pool ] && [ ! -e /dev/matlang-pool ] && continue
			# These two cannot be had from a contiguous queue: no driver takes them.
			case $memory-$kind in dma-contig-userptr | dma-contig-udmabuf) continue ;; esac
			formats="NV12 YUYV"
			[ $kind = mmap ] && formats="$formats GREY"
			[ $api = mplane ] && formats="$formats NM12 NM16"
			for f in $formats; do
				rack_probe verify $name v4l2:$dev $kind $f 5 >/tmp/probe.log && continue
				bad "rack: $name, $kind, $f: $(tail -n 3 /tmp/probe.log)"
			done
			ok "rack: $name, $kind: every picture is what was drawn"
		done
		rack_remove $name
	done
done
for seed in 1 2; do
	rack_camera fuzz api=$([ $seed = 1 ] && echo mplane || echo single) memory=$([ $seed = 1 ] && echo dma-sg || echo vmalloc) fault_rates="drop=50 error=50 torn=50 change=20 streamon=200 qbuf=50" && rack_plug fuzz
	rack_probe fuzz /dev/$(cat $RACK/fuzz/node) $seed 3 && ok "rack: random ioctls, seed $seed" || bad "rack: random ioctls, seed $seed"
	rack_remove fuzz && ok "rack: unplugged after seed $seed" || bad "rack: not unplugged after seed $seed"
done
# Unloading while a camera is there is refused; afterwards it works.
rack_camera one && rack_plug one
rmmod matlang_rack 2>/dev/null && bad "rack: unloaded with a camera" || ok "rack: unloading while busy is refused"
rack_remove one
sleep 1
rmmod matlang_rack && modprobe matlang_rack && ok "rack: unloads and loads again" || bad "rack: does not unload"
