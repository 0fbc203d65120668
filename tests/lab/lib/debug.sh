# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh, toolchain.sh
# The debug kernel: Debian's sources of 6.12, built with KASAN, lockdep, DEBUG_ATOMIC_SLEEP and kmemleak (debug.config).
# It is made only when it is asked for by name. Its toolchain keeps what modules are built with, and checkpatch.

debug_source=6.12
kernels+=(debug)

# As toolchain.sh has it, and what is in this file besides.
toolchain_key() {
    local files=("$lab_dir/lib/toolchain.sh" "$lab_dir/lib/host.sh")
    [[ $1 != debug ]] || files+=("$lab_dir/lib/debug.sh" "$lab_dir/lib/debug.config")
    key "$suite $1" "${files[@]}"
}

build_toolchain_debug() {
    local dir=$1 chroot=$1/chroot
    bootstrap "$chroot" "make,kmod,binutils,gcc,libc6-dev,bc,bison,flex,libelf-dev,libssl-dev,perl,xz-utils,linux-source-$debug_source" \
        "$(sources)"
    as_root mkdir -p "$chroot/lab/boot" "$chroot/lab/usr/lib/modules"
    as_root cp "$lab_dir/lib/debug.config" "$chroot/lab/"
    # shellcheck disable=SC2016
    as_root nice -n 19 unshare --mount --propagation private sh -c 'mount --bind /proc "$1/proc" && exec chroot "$@"' sh \
        "$chroot" env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 "SOURCE=$debug_source" "JOBS=$(nproc)" bash -ec '
        cd /usr/src
        tar xf "linux-source-$SOURCE.tar.xz"
        rm "linux-source-$SOURCE.tar.xz"
        cd "linux-source-$SOURCE"
        # What runs first in a PVH domain of Xen runs before KASAN has its shadow, which Linux forgot here: a triple fault.
        echo "KASAN_SANITIZE := n" >>arch/x86/xen/Makefile
        echo "KASAN_SANITIZE_common.o := n" >>arch/x86/kernel/cpu/Makefile
        echo "KASAN_SANITIZE_string.o := n" >>lib/Makefile
        make -s KCONFIG_ALLCONFIG=/lab/debug.config allnoconfig
        # A name that Kconfig did not take is a watcher that does not watch.
        while read -r line; do
            case $line in
                *=n) ! grep "^${line%=n}=" .config ;;
                CONFIG_*) grep -qxF "$line" .config || { echo "$line"; false; } ;;
            esac || refused=1
        done </lab/debug.config
        [[ -z ${refused-} ]] || { echo "Kconfig did not take the options above"; exit 1; }
        make -s -j"$JOBS" bzImage modules
        release=$(make -s kernelrelease)
        make -s INSTALL_MOD_PATH=/lab/usr modules_install
        cp arch/x86/boot/bzImage "/lab/boot/vmlinuz-$release"
        echo "$release" >/lab/release
        mkdir -p "/lib/modules/$release"
        ln -s "$PWD" "/lib/modules/$release/build"
        # What modules are built with stays; the rest is gigabytes.
        find . -name "*.o" -not -path "./scripts/*" -not -path "./tools/*" -delete
        rm -rf vmlinux* drivers fs net sound Documentation samples .tmp*'
}

build_kernel_debug() {
    local dir=$1 chroot release megabytes
    chroot=$(toolchain_path debug)/chroot
    release=$(<"$chroot/lab/release")
    mkdir -p "$dir/tree/usr/lib"
    ln -s usr/lib "$dir/tree/lib"
    cp -r "$chroot/lab/usr/lib/modules" "$dir/tree/usr/lib/"
    rm -f "$dir/tree/usr/lib/modules/$release"/{build,source}
    cp "$chroot/lab/boot/vmlinuz-$release" "$dir/vmlinuz"
    echo "$release" >"$dir/release"
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir/tree" "$release"
    build_initrd "$dir" "$release"
    megabytes=$(du -sm "$dir/tree/usr/lib/modules" | cut -f1)
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$dir/tree/usr/lib/modules" \
        -E root_owner=0:0,lazy_itable_init=1 -O ^metadata_csum,^has_journal -m 0 "$dir/modules.img" $((megabytes * 11 / 10 + 30))M
    rm -rf "$dir/tree"
}
