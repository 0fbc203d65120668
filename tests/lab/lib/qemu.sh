# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# QEMUs of several Debian releases, to be run on the host whatever it is itself.

qemus=(7.2 10.0 backports)

check_qemu() {
    [[ " ${qemus[*]} " == *" $1 "* ]] || die 2 "unknown QEMU '$1': there are ${qemus[*]}"
}

qemu_key() { key "$suite $1" "$lab_dir/lib/qemu.sh" "$lab_dir/lib/host.sh"; }

# The program, which is called as qemu-system-x86_64 is.
qemu_path() { echo "$cache_dir/qemu-$1-$(qemu_key "$1")/qemu-system-x86_64"; }

build_qemu_7.2() {
    local suite=bookworm
    build_qemu "$1" '' "$(sources)"
}
build_qemu_10.0() { build_qemu "$1" qemu-system-modules-opengl "$(sources)"; }
build_qemu_backports() {
    build_qemu "$1" qemu-system-modules-opengl "$(sources "$suite-backports")" \
        --aptopt="APT::Default-Release \"$suite-backports\""
}

# The packages are unpacked only, and nothing is chrooted into. QEMU looks for its modules and firmware in a "qemu-bundle"
# beside the file that runs, and that file is the dynamic linker: a copy of it, with such a link, makes it use this tree.
build_qemu() {
    local dir=$1 modules=$2 lines=$3
    shift 3
    bootstrap "$dir/root" "qemu-system-x86${modules:+,$modules}" "$lines" --variant=extract "$@"
    # In /lib before Debian 13, in /usr/lib since.
    as_root find "$dir/root" -path '*/x86_64-linux-gnu/ld-linux-x86-64.so.2' -exec cp -L {} "$dir/root/usr/bin/qemu-linker" \;
    as_root ln -s ../.. "$dir/root/usr/bin/qemu-bundle"
    cat >"$dir/qemu-system-x86_64" <<'SCRIPT'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
libraries=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
exec "$root/usr/bin/qemu-linker" --library-path "$libraries" "$root/usr/bin/qemu-system-x86_64" "$@"
SCRIPT
    chmod +x "$dir/qemu-system-x86_64"
    "$dir/qemu-system-x86_64" --version
    "$dir/qemu-system-x86_64" -display help | grep -x dbus
}
