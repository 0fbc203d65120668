# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# For each kernel: a chroot with its headers and compiler, and, under /lab in it, the unpacked packages of the
# kernel itself and of v4l2loopback. Kernel modules are built in there, whatever the host has.

kernels=(6.12 backports)

check_kernel() {
    [[ " ${kernels[*]} " == *" $1 "* ]] || die 2 "unknown kernel '$1': there are ${kernels[*]}"
}

toolchain_key() { key "$suite $1" "$lab_dir/lib/toolchain.sh" "$lab_dir/lib/host.sh"; }
toolchain_path() { echo "$cache_dir/toolchain-$1-$(toolchain_key "$1")"; }

build_toolchain_6.12() { build_toolchain "$1" "$suite" "$(sources)"; }
build_toolchain_backports() { build_toolchain "$1" "$suite-backports" "$(sources "$suite-backports")"; }

build_toolchain() {
    local dir=$1 release=$2 lines=$3
    # The packages of the kernel and of v4l2loopback are unpacked only: installed, they would make an initrd
    # and drag in dkms. The kernel must be the one that the headers are for; newer ones keep the modules, and the
    # image itself, in packages of the same version that this one depends on.
    # shellcheck disable=SC2016
    bootstrap "$dir/chroot" "make,kmod,linux-headers-amd64/$release" "$lines" --customize-hook='
        set -e
        version=$(basename "$(echo "$1"/usr/src/linux-headers-*-amd64)")
        version=${version#linux-headers-}
        mkdir -p "$1/lab/packages"
        cd "$1/lab/packages"
        export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
        apt-get download "linux-image-$version" v4l2loopback-dkms
        parts=$(dpkg-deb -f linux-image-*.deb Depends | tr ", " "\n\n" | grep -F -- "-$version" || true)
        if [ -n "$parts" ]; then apt-get download $parts; fi
        for package in *.deb; do dpkg-deb -x "$package" "$1/lab"; done
        rm -rf "$1/lab/packages"
        mv "$1"/lab/usr/src/v4l2loopback-* "$1/lab/v4l2loopback"
        echo "$version" >"$1/lab/release"'
}

# build_module KERNEL SRC_DIR OUT_DIR: builds an out-of-tree module with the kernel's headers and gcc.
build_module() {
    local kernel=$1 source=$2 out=$3 chroot work release
    chroot=$(toolchain_path "$kernel")/chroot
    release=$(<"$chroot/lab/release")
    work=$(as_root mktemp -d "$chroot/tmp/module.XXXXXX")
    # shellcheck disable=SC2064 # the directory of now
    trap "as_root rm -rf '$work'" EXIT
    as_root cp -r "$source/." "$work/"
    as_root chroot "$chroot" env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 \
        make -C "/lib/modules/$release/build" M="/tmp/${work##*/}" -j"$(nproc)" modules >&2
    mkdir -p "$out"
    as_root find "$work" -name '*.ko' -exec cp -t "$out" {} +
    as_root rm -rf "$work"
    trap - EXIT
    compgen -G "$out/*.ko" >/dev/null || die 1 "the build of $source made no .ko file"
}
