#!/usr/bin/env bash
# make run: records the cameras of this machine, or eight made-up ones where there are none, into a
# small store, with a live table, until Ctrl-C (or for SECONDS), and shows what was recorded.
#   tools/run.sh BUILD_DIR
set -eu
build=$1
seconds=${SECONDS_TO_RUN:-}
demo=${MATLANG_DEMO:-$build/demo}
store=$demo/store
control=$demo/control
mkdir -p "$control"

if [ ! -d "$store" ]; then
    echo "creating a store of 2 GB in $store"
    "$build/matlang" store create "$store" --size 2G --sparse
fi

devices=$("$build/matlang" devices --json)
cameras=()
while read -r source; do
    cameras+=(--camera "camera-$((${#cameras[@]} / 2 + 1))=$source")
done < <(sed -n 's/.*"source": *"\([^"\\]*\)".*/\1/p' <<<"$devices") # one object a line
if [ ${#cameras[@]} -eq 0 ]; then
    echo "no cameras here: recording eight made-up ones"
    scenes=("1920x1080 mjpeg day" "1280x720 mjpeg day" "1920x1080 mjpeg night" "640x480 nv12 day"
        "1280x720 mjpeg night" "640x480 yuyv day" "1920x1080 mjpeg day" "640x360 grey night")
    names=(gate market school bridge harbour office crossing yard)
    for i in "${!names[@]}"; do
        read -r size format scene <<<"${scenes[$i]}"
        cameras+=(--camera "${names[$i]}=rack:${names[$i]}?width=${size%x*}&height=${size#*x}&fps=15&format=$format&scene=$scene&seed=$((i + 1))")
    done
    # Real footage joins in where somebody has pointed to some.
    if [ -n "${MATLANG_CLIPS:-}" ] && [ -d "$MATLANG_CLIPS/highway/input" ]; then
        cameras=("${cameras[@]:0:14}" --camera "highway=clip:$MATLANG_CLIPS/highway/input")
    fi
fi

if [ -w /dev/fuse ] && { [ "$(id -u)" -eq 0 ] || command -v fusermount3 >/dev/null; }; then
    mount=$control
else
    echo "no FUSE here: recording without control files"
    mount=none
fi
from=$(date +%Y-%m-%dT%H:%M:%S%:z)
status=0
trap : INT # Ctrl-C ends matlangd; this script goes on to the summary
"$build/matlangd" --store "$store" --control "$mount" --config /dev/null --status \
    ${seconds:+--seconds "$seconds"} "${cameras[@]}" || status=$?
trap - INT
[ "$status" -eq 0 ] || { echo "matlangd ended with status $status" >&2; exit "$status"; }
to=$(date -d '+1 second' +%Y-%m-%dT%H:%M:%S%:z)

first=${cameras[1]%%=*}
echo
"$build/matlang" store info "$store"
"$build/matlang" store verify "$store"
echo
echo "search and hand over:"
echo "  $build/matlang find --store $store --camera $first --from $from --to $to"
echo "  $build/matlang events --store $store --from $from"
echo "  $build/matlang ledger --store $store --from $from"
echo "  $build/matlang export --store $store --camera $first --from $from --to $to -o $first.mkv"
