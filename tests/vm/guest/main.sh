#!/bin/sh
# Runs the guest tests given on the kernel command line (tests=a,b) or all of them; each prints
# lines "ok NAME", "not ok NAME: why", "skip NAME: why".
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LD_LIBRARY_PATH=/lib64:/usr/lib HOME=/root
export VM_KERNEL="$(uname -r)"
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
wanted=$(sed -n 's/.*\btests=\([^ ]*\).*/\1/p' /proc/cmdline | tr , ' ')
[ -n "$wanted" ] || wanted=$(cd /vm/tests && ls)
failed=0
for t in $wanted; do
	t=${t%.sh}
	echo "== $t (kernel $VM_KERNEL, $(cut -d' ' -f1 /proc/uptime) s after boot)"
	rm -rf /tmp/* # memory, and what one test leaves is nothing to the next
	script=/vm/tests/$t.sh
	[ -e "$script" ] || script=/vm/bench/$t.sh # only by name, never with all
	sh "$script" 2>&1 | tee "/out/$t.log"
	grep -q '^not ok' "/out/$t.log" && failed=1
	grep -qE '^(ok|not ok|skip) ' "/out/$t.log" || { echo "not ok $t: printed no result" | tee -a "/out/$t.log"; failed=1; }
done
# Where the kernel looks for leaks: twice, for the first look takes what is on its way for one.
leaks=/sys/kernel/debug/kmemleak
mount -t debugfs none /sys/kernel/debug 2>/dev/null
if [ -e $leaks ]; then
	for i in 1 2; do
		sleep 6
		echo scan >$leaks
	done
	cat $leaks >/out/kmemleak.log
	if grep -E 'matlang_(pool|rack)|[]] 0xffff' /out/kmemleak.log; then
		cat /out/kmemleak.log
		echo "not ok kmemleak: memory leaked"
		failed=1
	else
		echo "ok kmemleak: $(grep -c 'unreferenced object' /out/kmemleak.log) leaks, none of them ours"
	fi
fi
# A kernel that complained has failed a test, whatever the programs say.
dmesg >/out/dmesg.log
if grep -E 'BUG:|WARNING:|Oops|general protection|kernel BUG|unable to handle|refcount_t|UBSAN|ODEBUG|INFO: possible|INFO: trying|blocked for more' /out/dmesg.log; then
	echo "not ok dmesg: the kernel complained"
	failed=1
else
	echo "ok dmesg"
fi
sync
exit $failed
