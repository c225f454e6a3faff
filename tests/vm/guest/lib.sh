# Helpers of the guest tests; sourced.
# With the time after boot, to see what is slow.
say() {
	local up rest
	read -r up rest </proc/uptime
	echo "$* [$up s]"
}
ok() { say ok "$@"; }
bad() { say not ok "$@"; }
skip() { echo "skip $*"; }
# check NAME COMMAND...: the command decides
check() {
	local what=$1
	shift
	if "$@"; then ok "$what"; else bad "$what"; fi
}

CONTROL=/run/matlang
CAMERAS=$CONTROL/cameras

# Loads vivid with N devices of which the first M are multi-planar; allocator 0 vmalloc, 1 dma-contig.
load_vivid() { # N M ALLOC
	local n=$1 m=$2 i=0 mp= nt= ni= it= al=
	modprobe -r vivid 2>/dev/null
	while [ $i -lt "$n" ]; do
		if [ $i -lt "$m" ]; then mp=$mp,2; else mp=$mp,1; fi
		nt=$nt,0x1 ni=$ni,1 it=$it,0 al=$al,${3:-0}
		i=$((i + 1))
	done
	modprobe vivid n_devs="$n" multiplanar="${mp#,}" node_types="${nt#,}" num_inputs="${ni#,}" \
		input_types="${it#,}" allocators="${al#,}" no_error_inj=0 || return 1
	[ -c /dev/video$((n - 1)) ]
}

# Controls of a static picture without text, another one for each number.
static() { echo "-c osd_text_mode=2 -c horizontal_movement=3 -c test_pattern=$(($1 % 7))"; } # NUMBER
paint() { v4l2-ctl -d "$1" $(static "$2") >/dev/null; } # DEVICE NUMBER

# What an independent program captures from a device, at the size the tests use as a rule, after
# setting controls.
v4l2_capture() { # DEVICE FORMAT COUNT FILE CONTROLS [WIDTH]
	v4l2-ctl -d "$1" $5 -v width=${6:-320},height=$((${6:-320} * 9 / 16)),pixelformat="$2" \
		--stream-mmap=4 --stream-skip=2 --stream-count="$3" --stream-to="$4" --verbose 2>&1
}

memory_kinds() {
	[ -c /dev/udmabuf ] && printf 'udmabuf '
	echo "userptr mmap"
}

store_disk() { # mounts the second disk, emptied, on /store
	mkdir -p /store
	grep -q ' /store ' /proc/mounts || mount -t ext4 /dev/vdb /store || return 1
	rm -rf /store/*
}

fresh_store() { # the same with a store in it
	mkdir -p "$CONTROL"
	store_disk && matlang store create /store/s --size "${1:-1G}" --sparse >/dev/null
}

# The box: matlangd with the options given; its number in $box.
start_box() {
	matlangd --store /store/s --control $CONTROL --config none "$@" >/tmp/box.log 2>&1 &
	box=$!
	local tries=0
	while [ ! -e $CONTROL/state ]; do
		tries=$((tries + 1))
		[ $tries -gt 200 ] && break
		kill -0 $box 2>/dev/null || break
		sleep 0.1
	done
	[ -e $CONTROL/state ] && return 0
	cat /tmp/box.log
	return 1
}

# Ends it in order; false and its log when it did not.
stop_box() {
	kill -TERM $box 2>/dev/null
	wait $box && return 0
	echo "matlangd ended with $?"
	tail -n 30 /tmp/box.log
	return 1
}

# Options of a camera at the tests' size; further settings as NAME=VALUE.
camera() { # NAME SOURCE [SETTING...]
	local name=$1 s
	printf -- '--camera %s=%s --set cameras/%s/width_max=320 --set cameras/%s/height_max=180 ' "$name" "$2" "$name" "$name"
	printf -- '--set cameras/%s/fps_max=10 --set cameras/%s/motion/enabled=0 ' "$name" "$name"
	shift 2
	for s in "$@"; do printf -- '--set cameras/%s/%s ' "$name" "$s"; done
}

# By the shell itself: a process costs a tenth of a second here.
get() { # CAMERA FIGURE
	local figure=
	[ -e "$CAMERAS/$1/$2" ] && read -r figure <"$CAMERAS/$1/$2"
	printf '%s\n' "$figure"
}

# SECONDS below are those of an idle machine; twice as many are waited.

# Waits until a file of the box holds a value.
wait_for() { # FILE VALUE SECONDS
	local tries=0 now
	while now= && [ -e "$1" ] && read -r now <"$1"; [ "$now" != "$2" ]; do
		tries=$((tries + 1))
		[ $tries -gt $(($3 * 20)) ] && {
			echo "$1 is '$now', not '$2', after $(($3 * 2)) s"
			return 1
		}
		sleep 0.1
	done
}

# Waits until a camera has delivered N frames more than it had.
more_frames() { # CAMERA N SECONDS
	local from tries=0
	from=$(get "$1" frames)
	while [ "$(($(get "$1" frames) - from))" -lt "$2" ]; do
		tries=$((tries + 1))
		[ $tries -gt $(($3 * 20)) ] && {
			echo "$1 delivers nothing: $(get "$1" state) $(get "$1" why)"
			return 1
		}
		sleep 0.1
	done
}

show() { # CAMERA: a line for the log
	local figure value line="$1:"
	for figure in state format_now size_now memory registered copies frames torn lost_total why; do
		value=
		read -r value <"$CAMERAS/$1/$figure"
		line="$line $figure=$value"
	done
	echo "$line"
}

# Loads a module of ours; tells to skip where it could not be built for this kernel.
need_module() { # NAME
	if [ -z "$(find /lib/modules/"$VM_KERNEL"/updates -name "$1.ko" 2>/dev/null)" ]; then
		skip "$1: not built for this kernel"
		return 1
	fi
	modprobe "$1" || { bad "$1 does not load"; return 1; }
}
