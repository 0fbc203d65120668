# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# Out-of-tree kernel modules, built in a kernel's toolchain.

# build_module KERNEL SRC_DIR OUT_DIR: builds an out-of-tree module with the kernel's headers and gcc.
build_module() {
    local kernel=$1 source=$2 out=$3 chroot work release
    chroot=$(toolchain_path "$kernel")/chroot
    release=$(<"$chroot/lab/release")
    work=$(as_root mktemp -d "$chroot/tmp/module.XXXXXX")
    # shellcheck disable=SC2064 # the directory of now
    trap "as_root rm -rf '$work'" EXIT
    as_root cp -r "$source/." "$work/"
    # Newer kernels' objtool reads /proc/self/limits. A mount namespace of its own leaves no mount behind.
    # shellcheck disable=SC2016
    as_root unshare --mount --propagation private sh -c 'mount --bind /proc "$1/proc" && exec chroot "$@"' sh \
        "$chroot" env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 \
        make -C "/lib/modules/$release/build" M="/tmp/${work##*/}" -j"$(nproc)" modules >&2
    mkdir -p "$out"
    as_root find "$work" -name '*.ko' -exec cp -t "$out" {} +
    as_root rm -rf "$work"
    trap - EXIT
    compgen -G "$out/*.ko" >/dev/null || die 1 "the build of $source made no .ko file"
}
