# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# For each kernel: a chroot with its headers and compiler, and, under /lab in it, the unpacked packages of the
# kernel itself and of v4l2loopback. Kernel modules are built in there, whatever the host has.

kernels=(6.12 backports)

check_kernel() {
    [[ " ${kernels[*]} " == *" $1 "* ]] || die 2 "unknown kernel '$1': there are ${kernels[*]}"
}

toolchain_key() { key "$suite $1" "$lab_dir/lib/toolchain.sh" "$lab_dir/lib/host.sh"; }
toolchain_path() { echo "$cache_dir/toolchain-$1-$(toolchain_key "$1")"; }

# The suite's v4l2loopback does not compile for the kernel in its backports (0.15.0 for 7.2), and the backports have
# none, so that kernel gets it from the suite that comes next: it is source, and needs nothing else of that suite.
next_suite=forky

build_toolchain_6.12() { build_toolchain "$1" "$suite" "$suite" "$(sources)"; }
build_toolchain_backports() {
    build_toolchain "$1" "$suite-backports" "$next_suite" "$(sources "$suite-backports" "$next_suite")"
}

build_toolchain() {
    local dir=$1 kernel_suite=$2 loopback_suite=$3 lines=$4
    # The packages of the kernel and of v4l2loopback are unpacked only: installed, they would make an initrd
    # and drag in dkms. The kernel must be the one that the headers are for; newer ones keep the modules, and the
    # image itself, in packages of the same version that this one depends on.
    # shellcheck disable=SC2016
    bootstrap "$dir/chroot" "make,kmod,binutils,linux-headers-amd64/$kernel_suite" "$lines" \
        --aptopt="APT::Default-Release \"$suite\"" --setup-hook="echo $loopback_suite >\"\$1/loopback-suite\"" --customize-hook='
        set -e
        version=$(basename "$(echo "$1"/usr/src/linux-headers-*-amd64)")
        version=${version#linux-headers-}
        mkdir -p "$1/lab/packages"
        cd "$1/lab/packages"
        export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
        apt-get download "linux-image-$version" "v4l2loopback-dkms/$(cat "$1/loopback-suite")"
        rm "$1/loopback-suite"
        parts=$(dpkg-deb -f linux-image-*.deb Depends | tr ", " "\n\n" | grep -F -- "-$version" || true)
        if [ -n "$parts" ]; then apt-get download $parts; fi
        for package in *.deb; do dpkg-deb -x "$package" "$1/lab"; done
        rm -rf "$1/lab/packages"
        mv "$1"/lab/usr/src/v4l2loopback-* "$1/lab/v4l2loopback"
        echo "$version" >"$1/lab/release"'
}
