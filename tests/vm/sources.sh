# Sourced by the scripts that fetch Debian packages for the test VM.
#   package_sources SUITE DIR   sets the array `opts` for apt-get and apt-cache: nothing for the
#   machine's own suites (SUITE empty), otherwise the lists of SUITE, kept inside DIR.
# shellcheck shell=bash
package_sources() {
    local uri
    opts=() # the caller's
    [ -n "$1" ] || return 0
    # The suite lies in the same archive as the machine's own packages: its address is taken from
    # there, and the extra source list stays private to the folder.
    uri=$(sed -n 's/^URIs:[[:space:]]*\([^ ]*\).*/\1/p; s/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^ ]*debian\/\?\)[[:space:]].*/\2/p' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep debian | grep -v security | head -1)
    [ -n "$uri" ] || { echo "no Debian archive among this machine's apt sources" >&2; return 1; }
    mkdir -p "$2/lists/partial"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
        "$uri" "$1" >"$2/$1.sources"
    opts=(-o "Dir::Etc::sourcelist=$2/$1.sources" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$2/lists" -o Dir::State::status=/var/lib/dpkg/status)
    apt-get "${opts[@]}" -qq update >&2
}
