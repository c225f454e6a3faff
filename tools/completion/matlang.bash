# bash completion for matlang: commands, options, cameras, control paths.
# What there is comes from the program itself, so nothing is listed twice.

_matlang_commands() {
    matlang --lang en help 2>/dev/null | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' | sed 's/ *$//'
}

_matlang_options() { # COMMAND
    matlang --lang en help "$@" 2>/dev/null | grep -oE -- '(^| )--[a-z][a-z0-9-]*' | tr -d ' ' | sort -u
}

_matlang_control_dir() {
    local i
    for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
        if [[ ${COMP_WORDS[i]} == --control ]]; then
            printf '%s' "${COMP_WORDS[i + 1]}"
            return
        fi
    done
    printf '%s' "${MATLANG_CONTROL:-/run/matlang}"
}

_matlang_cameras() {
    local dir
    dir=$(_matlang_control_dir)/cameras
    [[ -d $dir ]] && command ls -- "$dir" 2>/dev/null
}

_matlang_rack_cameras() {
    local dir
    for dir in /sys/kernel/config/matlang_rack/*/; do
        [[ -d $dir ]] && basename -- "$dir"
    done
}

# Paths below the control directory; a directory ends with '/' and takes no space.
_matlang_paths() { # WORD
    local dir path
    dir=$(_matlang_control_dir)
    while IFS= read -r path; do
        path=${path#"$dir"/}
        if [[ -d $dir/$path ]]; then
            COMPREPLY+=("$path/")
            compopt -o nospace
        else
            COMPREPLY+=("$path")
        fi
    done < <(compgen -f -- "$dir/$1")
}

_matlang_words() { # WORD CANDIDATE...
    local word=$1
    shift
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word")
}

_matlang() {
    local word=$2 previous=$3 command='' second='' i at=1
    COMPREPLY=()
    while [[ ${COMP_WORDS[at]-} == --lang ]]; do ((at += 2)); done
    while [[ ${COMP_WORDS[at]-} == --lang=* ]]; do ((at++)); done
    if ((COMP_CWORD <= at)); then
        if [[ $previous == --lang ]]; then
            _matlang_words "$word" vi en
        else
            _matlang_words "$word" help --version --lang "$(_matlang_commands | cut -d' ' -f1 | sort -u)"
        fi
        return
    fi
    command=${COMP_WORDS[at]}
    second=$(_matlang_commands | sed -n "s/^$command //p")
    if [[ $command == help ]]; then
        _matlang_words "$word" "$(_matlang_commands | cut -d' ' -f1 | sort -u)"
        return
    fi
    if [[ -n $second ]]; then
        if ((COMP_CWORD == at + 1)); then
            _matlang_words "$word" "$second"
            return
        fi
        second=${COMP_WORDS[at + 1]}
    fi
    case $previous in
    --camera)
        _matlang_words "$word" "$(_matlang_cameras)"
        return
        ;;
    --store | --control | --masks | --rack)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames
        return
        ;;
    -o | --output | --flags)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames
        return
        ;;
    --lang) _matlang_words "$word" vi en; return ;;
    --encode) _matlang_words "$word" h264 mjpeg; return ;;
    --from | --to | --at) _matlang_words "$word" -10m -1h -12h -1d now; return ;;
    --source) _matlang_words "$word" clip: v4l2: rack:; compopt -o nospace; return ;;
    --set)
        _matlang_words "$word" motion/sensitivity= motion/min_cells= motion/start_frames= motion/rate= motion/zones=
        compopt -o nospace
        return
        ;;
    --region | --min-cells | --merge | --size | --segment | --quality | --count | --interval | --frames | --pictures | --rate) return ;;
    esac
    if [[ $word == -* ]]; then
        if [[ -n $second ]]; then
            _matlang_words "$word" "$(_matlang_options "$command" "$second")"
        else
            _matlang_words "$word" "$(_matlang_options "$command")"
        fi
        return
    fi
    case $command in
    get | watch) _matlang_paths "$word" ;;
    set) ((COMP_CWORD == at + 1)) && _matlang_paths "$word" ;;
    rack)
        if [[ $second == load && COMP_CWORD -gt $((at + 2)) ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames
        elif [[ $second == load || $second == remove ]]; then
            _matlang_words "$word" "$(_matlang_rack_cameras)"
        fi
        ;;
    store)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames
        ;;
    esac
}

complete -F _matlang matlang
