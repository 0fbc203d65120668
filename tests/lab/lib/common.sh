# shellcheck shell=bash
# What all the lab's scripts share: messages, the cache, artefacts made once.

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repo_dir=$(cd "$lab_dir/../.." && pwd)
cache_dir=${XDG_CACHE_HOME:-${HOME:?}/.cache}/guestcam/lab
export lab_dir repo_dir cache_dir

say() { printf 'lab: %s\n' "$*" >&2; }

# die STATUS MESSAGE
die() {
    local status=$1
    shift
    say "$*"
    exit "$status"
}

# Root is needed to make file systems with owners and device nodes, and to chroot; a VM itself needs none.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die 3 "this needs root: run it as root, or install sudo ($*)"
    fi
}

# key TEXT FILE...: a short hash of a text and of the contents of files.
key() {
    local text=$1
    shift
    { printf '%s\n' "$text"; cat "$@"; } | sha256sum | cut -c1-16
}

# artefact NAME KEY BUILDER: makes the directory NAME-KEY of the cache, unless it is there, by `BUILDER DIR` on
# a temporary name. The rename at the end makes it whole or absent, whatever happens meanwhile; other keys of
# that NAME that were not asked for since yesterday are removed: two branches may take turns. (A VM that runs on one
# keeps its open files.)
# It runs in a subshell, so that a failure anywhere in the builder ends it and keeps its log in view.
artefact() (
    local name=$1 final=$cache_dir/$1-$2 builder=$3 temporary old started=$SECONDS
    if [[ -d $final ]]; then touch "$final"; exit; fi
    mkdir -p "$cache_dir"
    exec {lock}>"$cache_dir/$name.lock"
    flock "$lock"
    [[ -d $final ]] && exit # another process made it while this one waited

    # The lock says that nobody else works under this name: what lies here was left by a build that died.
    for old in "$cache_dir/$name".tmp.*; do
        [[ ! -d $old ]] || as_root rm -rf --one-file-system "$old"
    done
    temporary=$(mktemp -d "$cache_dir/$name.tmp.XXXXXX")
    chmod 755 "$temporary"
    say "building $name (log: $cache_dir/$name.log)"
    # Not `if ! builder`: bash ignores set -e inside a condition.
    exec {stderr}>&2 # the builder's own stderr is its log
    trap '{ tail -n 30 "$cache_dir/$name.log"; echo "lab: building $name failed"; } >&"$stderr"' EXIT
    "$builder" "$temporary" >"$cache_dir/$name.log" 2>&1 {lock}>&-
    trap - EXIT

    mv -T "$temporary" "$final"
    for old in "$cache_dir/$name"-????????????????; do
        [[ $old == "$final" || $(find "$old" -maxdepth 0 -mmin -1440) ]] || as_root rm -rf --one-file-system "$old"
    done
    say "built $name in $((SECONDS - started)) s"
)
