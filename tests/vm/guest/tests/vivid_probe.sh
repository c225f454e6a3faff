. /vm/lib.sh
load_vivid 2 1 || { bad "vivid_probe: vivid does not load"; exit 1; }
ls -la /dev/video* && ok "vivid loads"
store_disk && ok "store disk mounts" || bad "store disk"
