# Rack cameras from the shell; sourced.
RACK=/sys/kernel/config/matlang_rack
rack_mount() {
    [ -d /sys/kernel/config ] || return 1
    [ -d $RACK ] || mount -t configfs configfs /sys/kernel/config
    [ -d $RACK ]
}
rack_camera() { # NAME FILE=VALUE...
    name=$1
    shift
    mkdir $RACK/$name || return
    for setting; do
        echo "${setting#*=}" >$RACK/$name/${setting%%=*} || return
    done
}
rack_plug() { # NAME
    echo 1 >$RACK/$1/plugged || return
    n=0
    until [ -e /dev/$(cat $RACK/$1/node) ] || [ $n -gt 50 ]; do sleep 0.1; n=$((n + 1)); done
}
rack_remove() { rmdir $RACK/$1; }
