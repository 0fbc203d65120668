# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh, kernel.sh
# What a Xen host under QEMU needs: the hypervisor, a root with Xen's tools, xen-gntdev with dma-bufs (Debian's has
# none); for arm64 a kernel as well, with the frontend driver that Debian's arm64 kernel lacks.

xen_version=4.20
xen_arches=(x86 arm64)
declare -A xen_debian_arch=([x86]=amd64 [arm64]=arm64)

# Readers of the camera, GStreamer's among them, Xen's tools, our own JVM. (arm64's root is unpacked, not installed: nothing comes by itself.)
xen_packages=(
    base-files bash dash coreutils sed grep mawk findutils kmod util-linux mount procps strace v4l-utils
    gstreamer1.0-tools gstreamer1.0-plugins-good
    "xen-utils-$xen_version" xen-utils-common xenstore-utils openjdk-25-jre-headless busybox-static
)

check_xen_arch() {
    [[ " ${xen_arches[*]} " == *" $1 "* ]] || die 2 "unknown architecture '$1': there are ${xen_arches[*]}"
}

xen_key() { key "$suite ${xen_packages[*]} $(kernel_key 6.12)" "$lab_dir"/lib/xen.sh; }
xen_path() { echo "$cache_dir/xen-$1-$(xen_key)"; }
xen_source_key() { key "$suite 6.12" "$lab_dir/lib/host.sh"; }
xen_source() { echo "$cache_dir/xen-source-$(xen_source_key)"; }

# Linux's Xen drivers, as source.
build_xen_source() {
    # shellcheck disable=SC2016
    bootstrap "$1/root" linux-source-6.12 "$(sources)" --variant=extract --extract-hook='
        tar -C "$1/.." -xf "$1"/usr/src/linux-source-6.12.tar.xz --strip-components=1 \
            linux-source-6.12/drivers/xen linux-source-6.12/drivers/gpu/drm/xen'
    as_root rm -rf --one-file-system "$1/root"
    as_root chown -R "$EUID" "$1"
}

# gntdev_source DIR: xen-gntdev with CONFIG_XEN_GNTDEV_DMABUF and CONFIG_XEN_GRANT_DMA_ALLOC, as a module of its own:
# what the second adds to the kernel proper comes along, with page scrubbing by what is exported.
gntdev_source() {
    local xen
    xen=$(xen_source)/drivers/xen
    mkdir -p "$1"
    cp "$xen"/gntdev{,-dmabuf}.c "$xen"/gntdev-{common,dmabuf}.h "$1/"
    {
        printf '#include <%s>\n' linux/{module,mm,highmem,dma-mapping}.h xen/{xen,page,grant_table,mem-reservation,balloon}.h
        sed -n '/^int gnttab_dma_alloc_pages/,/^EXPORT_SYMBOL_GPL(gnttab_dma_free_pages)/p' "$xen/grant-table.c" |
            sed '/^EXPORT_SYMBOL/d; s/xenmem_reservation_scrub_page/clear_highpage/'
    } >"$1/grant-dma.c"
    printf '%s\n' 'obj-m := xen-gntdev.o' 'xen-gntdev-y := gntdev.o gntdev-dmabuf.o grant-dma.o' \
        'ccflags-y := -DCONFIG_XEN_GNTDEV_DMABUF -DCONFIG_XEN_GRANT_DMA_ALLOC' >"$1/Kbuild"
}

# make_xen_image DIR: DIR/root becomes DIR/root.img.
make_xen_image() {
    local dir=$1 megabytes
    as_root sh -c 'cd "$1" && mkdir -p share opt/guestcam usr/lib/modules usr/local/bin root run proc sys dev tmp var/lib/xen var/log/xen &&
        rm -rf var/run && ln -s ../run var/run &&
        ln -sf "$(echo usr/lib/jvm/java-25-openjdk-*/bin/java | sed s,^,/,)" usr/bin/java &&
        echo lab >etc/hostname && echo "127.0.0.1 localhost lab" >etc/hosts && echo "root:x:0:0:root:/root:/bin/bash" >etc/passwd &&
        { [ -e usr/bin/awk ] || ln -s mawk usr/bin/awk; } && { [ -e usr/bin/sh ] || ln -s dash usr/bin/sh; } &&
        for name in bin sbin lib; do [ -e "$name" ] || ln -s "usr/$name" "$name"; done' sh "$dir/root"
    megabytes=$(as_root du -sm "$dir/root" | cut -f1)
    as_root mke2fs -q -t ext4 -d "$dir/root" -E root_owner=0:0,lazy_itable_init=1 -O ^metadata_csum,^has_journal -m 0 \
        "$dir/root.img" $((megabytes * 11 / 10 + 200))M
    as_root chown "$EUID" "$dir/root.img"
    as_root rm -rf --one-file-system "$dir/root"
}

build_xen_x86() {
    local dir=$1 packages name
    packages=$(IFS=,; echo "${xen_packages[*]}")
    # shellcheck disable=SC2016
    bootstrap "$dir/root" "$packages" "$(sources)" --customize-hook='
        set -e
        cd "$1/.."
        APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download xen-hypervisor-'"$xen_version"'-amd64
        dpkg-deb -x xen-hypervisor-*.deb hypervisor
        gunzip -c hypervisor/boot/xen-'"$xen_version"'-amd64.gz >xen
        rm -r xen-hypervisor-*.deb hypervisor'
    make_xen_image "$dir"
    gntdev_source "$dir/gntdev"
    (build_module 6.12 "$dir/gntdev" "$dir")
    rm -r "$dir/gntdev"
    for name in vmlinuz initrd modules.img; do
        ln "$cache_dir/kernel-6.12-$(kernel_key 6.12)/$name" "$dir/$name"
    done
}

# build_cross_module CHROOT SRC_DIR OUT_DIR [MAKE_ARGUMENT]...: a module for arm64, built in a chroot of this machine's own
# architecture: only that runs here.
build_cross_module() {
    local chroot=$1 source=$2 out=$3 work
    work=$(as_root mktemp -d "$chroot/tmp/module.XXXXXX")
    as_root cp -r "$source/." "$work/"
    as_root chroot "$chroot" env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 make -C "/usr/src/linux-headers-$(<"$chroot/lab/release")" \
        M="/tmp/${work##*/}" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- -j"$(nproc)" "${@:4}" modules >&2
    mkdir -p "$out"
    as_root find "$work" -name '*.ko' -exec cp -t "$out" {} +
    as_root rm -rf "$work"
}

# build_xen_module ARCH SRC_DIR OUT_DIR: for the dom0 of that architecture.
build_xen_module() {
    if [[ $1 == x86 ]]; then build_module 6.12 "$2" "$3"; else build_cross_module "$(xen_path arm64)/toolchain" "$2" "$3"; fi
}

build_xen_arm64() {
    local dir=$1 packages chroot=$1/toolchain
    packages=$(IFS=,; echo "${xen_packages[*]}")
    bootstrap "$dir/root" "$packages" "$(sources)" --variant=extract --architectures=arm64
    make_xen_image "$dir"

    # shellcheck disable=SC2016
    bootstrap "$chroot" make,kmod,binutils,pahole,gcc-aarch64-linux-gnu "$(sources)" --architectures=amd64,arm64 --customize-hook='
        set -e
        export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
        version=$(apt-cache show linux-headers-arm64:arm64 | sed -n "s/^Depends:.*linux-headers-\([^ ,]*\).*/\1/p" | head -n 1)
        mkdir -p "$1/lab/packages"
        cd "$1/lab/packages"
        apt-get download "linux-headers-$version:arm64" "linux-headers-${version%-arm64}-common" "linux-kbuild-${version%-arm64}"
        for package in *.deb; do dpkg-deb -x "$package" ..; rm "$package"; done
        cp -r ../usr/src/* "$1/usr/src/"
        cp -r ../usr/lib/* "$1/usr/lib/"
        apt-get download "linux-image-$version:arm64" busybox-static:arm64 "xen-hypervisor-'"$xen_version"'-arm64:arm64"
        for package in *.deb; do dpkg-deb -x "$package" ..; rm "$package"; done
        echo "$version" >../release'
    local release modules
    release=$(<"$chroot/lab/release")
    modules=$dir/tree/usr/lib/modules/$release
    mkdir -p "$dir/tree/usr/lib/modules"
    ln -s usr/lib "$dir/tree/lib"
    cp -r "$chroot/lab/usr/lib/modules/$release" "$dir/tree/usr/lib/modules/"
    rm -f "$modules"/{build,source}
    cp "$chroot/lab/boot/vmlinuz-$release" "$dir/vmlinuz"
    cp "$chroot/lab/boot/xen-$xen_version-arm64" "$dir/xen"

    gntdev_source "$dir/gntdev"
    build_cross_module "$chroot" "$dir/gntdev" "$dir"
    mkdir -p "$modules/updates"
    build_cross_module "$chroot" "$(xen_source)/drivers/gpu/drm/xen" "$modules/updates" CONFIG_DRM_XEN_FRONTEND=m

    find "$modules"/kernel/{drivers/{media,virtio,block,char,gpu/drm,xen},fs,net/9p,lib,crypto,mm} -name '*.ko.xz' -print0 |
        xargs -0 -P "$(nproc)" -n 50 xz -d
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir/tree" "$release"
    mkdir "$dir/bin"
    cp "$chroot/lab/usr/bin/busybox" "$dir/bin/busybox"
    (
        PATH=$dir/bin:$PATH # the initrd's busybox is the one that is found
        boot_modules+=(virtio_mmio)
        build_initrd "$dir" "$release"
    )
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$dir/tree/usr/lib/modules" -E root_owner=0:0,lazy_itable_init=1 \
        -O ^metadata_csum,^has_journal -m 0 "$dir/modules.img" $(($(du -sm "$dir/tree/usr/lib/modules" | cut -f1) * 11 / 10 + 30))M
    # The chroot stays, for other modules; what was unpacked of packages for arm64 goes.
    as_root rm -rf --one-file-system "$chroot/lab"/{boot,packages,usr} "$dir"/{tree,bin,gntdev}
}
