# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh, toolchain.sh
# Linux's own test drivers that Debian's kernel 6.12 leaves out, built from Debian's sources for it: vim2m (a converter of
# pictures as phones have in hardware; with v4l2-mem2mem, which it uses) and vkms (a screen).

drivers_key() { key "$(toolchain_key 6.12)" "$lab_dir/lib/drivers.sh" "$lab_dir/lib/module.sh"; }
drivers_path() { echo "$cache_dir/drivers-6.12-$(drivers_key)"; }

build_drivers() {
    local name
    # shellcheck disable=SC2016
    bootstrap "$1/root" linux-source-6.12 "$(sources)" --variant=extract --extract-hook='
        mkdir "$1/../source"
        tar -C "$1/../source" -xf "$1"/usr/src/linux-source-6.12.tar.xz --strip-components=1 \
            linux-source-6.12/drivers/media/test-drivers/vim2m.c linux-source-6.12/drivers/media/v4l2-core/v4l2-mem2mem.c \
            linux-source-6.12/drivers/gpu/drm/vkms'
    as_root rm -rf --one-file-system "$1/root"
    as_root chown -R "$EUID" "$1"
    mkdir "$1/source/vim2m" "$1/source/vkms"
    cp "$1"/source/drivers/media/{test-drivers/vim2m,v4l2-core/v4l2-mem2mem}.c "$1/source/vim2m/"
    echo 'obj-m := vim2m.o v4l2-mem2mem.o' >"$1/source/vim2m/Kbuild"
    cp "$1/source/drivers/gpu/drm/vkms/"* "$1/source/vkms/"
    sed -i 's/\$(CONFIG_DRM_VKMS)/m/' "$1/source/vkms/Makefile"
    for name in vim2m vkms; do build_module 6.12 "$1/source/$name" "$1"; done
    rm -rf "$1/source"
}
