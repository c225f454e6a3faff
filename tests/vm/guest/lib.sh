# Helpers of the guest tests; sourced.
ok() { echo "ok $*"; }
bad() { echo "not ok $*"; }
skip() { echo "skip $*"; }

# Loads vivid with N devices of which the first M are multi-planar; allocator 0 vmalloc, 1 dma-contig.
load_vivid() { # N M ALLOC
    local n=$1 m=$2 alloc=${3:-0} i=0 mp= nt= ni= it= al=
    modprobe -r vivid 2>/dev/null
    while [ $i -lt "$n" ]; do
        if [ $i -lt "$m" ]; then mp=$mp,2; else mp=$mp,1; fi
        nt=$nt,0x1 ni=$ni,1 it=$it,0 al=$al,$alloc
        i=$((i + 1))
    done
    modprobe vivid n_devs="$n" multiplanar="${mp#,}" node_types="${nt#,}" num_inputs="${ni#,}" \
        input_types="${it#,}" allocators="${al#,}" no_error_inj=0
}

store_disk() { # mounts the second disk, fresh, on /store
    mkdir -p /store
    mount -t ext4 /dev/vdb /store
}

# Loads a module of ours; tells to skip where it could not be built for this kernel.
need_module() { # NAME
    if [ -z "$(find /lib/modules/"$VM_KERNEL"/updates -name "$1.ko" 2>/dev/null)" ]; then
        skip "$1: not built for this kernel"
        return 1
    fi
    modprobe "$1" || { bad "$1 does not load"; return 1; }
}
