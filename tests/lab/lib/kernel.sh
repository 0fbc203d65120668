# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# What a VM needs of each kernel: vmlinuz, an image of its modules (v4l2loopback among them), and the constant
# part of the initrd: busybox and the modules that lead to the disk and the ports. (`vm` adds the rest of it.)

boot_modules=(virtio_pci virtio_blk ext4 virtio_console 9pnet_virtio 9p)

kernel_key() { key "$(toolchain_key "$1") ${boot_modules[*]}" "$lab_dir"/lib/{kernel,module}.sh; }

build_kernel_6.12() { build_kernel "$1" 6.12; }
build_kernel_backports() { build_kernel "$1" backports; }

build_kernel() {
    local dir=$1 kernel=$2 chroot release modules megabytes
    chroot=$(toolchain_path "$kernel")/chroot
    release=$(<"$chroot/lab/release")
    modules=$dir/tree/usr/lib/modules/$release
    mkdir -p "$dir/tree/usr/lib/modules"
    ln -s usr/lib "$dir/tree/lib"
    cp -r "$chroot/lab/usr/lib/modules/$release" "$dir/tree/usr/lib/modules/"
    # Newer packages (7.2 is one) hold the image next to the modules, older ones in /boot.
    if [[ -e $modules/vmlinuz ]]; then
        mv "$modules/vmlinuz" "$dir/vmlinuz"
    else
        cp "$chroot/lab/boot/vmlinuz-$release" "$dir/vmlinuz"
    fi
    echo "$release" >"$dir/release"
    (build_module "$kernel" "$chroot/lab/v4l2loopback" "$modules/updates")

    # Unpacking xz costs seconds under emulation, and here nothing: do it for whatever a test may load.
    find "$modules"/kernel/{drivers/{media,virtio,block,char,gpu/drm,xen,usb/gadget},fs,net/9p,lib,crypto,arch} \
        -name '*.ko.xz' -print0 | xargs -0 -P "$(nproc)" -n 50 xz -d
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir/tree" "$release"

    build_initrd "$dir" "$release"
    rm -f "$modules"/{build,source}
    megabytes=$(du -sm "$dir/tree/usr/lib/modules" | cut -f1)
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$dir/tree/usr/lib/modules" \
        -E root_owner=0:0,lazy_itable_init=1 -O ^metadata_csum,^has_journal -m 0 "$dir/modules.img" $((megabytes * 11 / 10 + 30))M
    rm -rf "$dir/tree"
}

# The modules are listed in the order in which they must be loaded; a name that is built in has no file.
build_initrd() {
    local dir=$1 release=$2 initrd=$1/initrd.d name file
    mkdir -p "$initrd"/{bin,modules,dev,proc,sys,root}
    cp "$(command -v busybox)" "$initrd/bin/busybox"
    for name in "${boot_modules[@]}"; do
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "$dir/tree" -S "$release" --show-depends "$name"
    done | sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }' | while read -r file; do
        cp "$file" "$initrd/modules/"
        echo "${file##*/}"
    done >"$initrd/modules/order"
    (cd "$initrd" && find . | cpio --quiet -o -H newc -R 0:0) >"$dir/initrd"
    rm -rf "$initrd"
}
