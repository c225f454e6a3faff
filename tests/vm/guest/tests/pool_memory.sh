# The frame pool's memory: what it is good for, its lifetime, its limits, and that nothing stays behind
# whoever is killed when.
. /vm/lib.sh
need_module matlang_pool || exit 0
store_disk || { bad "pool: no disk"; exit 1; }
pool_probe memory /store/frame
pool_probe lifetime
pool_probe limits
pool_probe killed
mkdir -p /tmp/cg && mount -t cgroup2 none /tmp/cg && echo +memory >/tmp/cg/cgroup.subtree_control && mkdir /tmp/cg/pool || bad "pool: no memory cgroup"
pool_probe cgroup /tmp/cg/pool
rmdir /tmp/cg/pool && umount /tmp/cg || bad "pool: the cgroup stays"
pool_probe fuzz "${POOL_SEED:-1}" 5
# Unloading while somebody has a slab is refused; afterwards it works, and loading again too.
pool_probe hold >/tmp/held &
holder=$!
n=0
until grep -q held /tmp/held || [ $n -gt 300 ]; do sleep 0.1; n=$((n + 1)); done
rmmod matlang_pool 2>/dev/null && bad "pool: unloaded while a slice is mapped" || ok "pool: unloading while busy is refused"
kill -9 $holder
wait $holder 2>/dev/null
n=0
until rmmod matlang_pool 2>/dev/null || [ $n -gt 300 ]; do sleep 0.1; n=$((n + 1)); done
[ ! -e /dev/matlang-pool ] && modprobe matlang_pool && [ -e /dev/matlang-pool ] && ok "pool: unloads and loads again" || bad "pool: does not unload when nobody uses it"
umount /store
