# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh
# The VM's root file system: an ext4 image of Debian with the programs that tests and users run.

# Readers of cameras (v4l-utils to chromium), then what shows or is a guest (weston, QEMU), then our own JVM.
root_packages=(
    kmod util-linux mount procps strace v4l-utils ffmpeg
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav libgstrtspserver-1.0-0 gstreamer1.0-pipewire pipewire wireplumber
    python3-opencv python3-numpy chromium-headless-shell weston libgl1-mesa-dri
    qemu-system-x86 qemu-system-modules-opengl busybox-static libdrm-tests dbus-daemon
    openjdk-25-jre-headless
)

root_key() { key "$suite ${root_packages[*]}" "$lab_dir/lib/root.sh" "$lab_dir/lib/host.sh"; }

build_root() {
    local dir=$1 megabytes packages
    packages=$(IFS=,; echo "${root_packages[*]}")
    # GStreamer's registry: reading all plug-ins takes a minute under emulation, so it is done here.
    # shellcheck disable=SC2016
    bootstrap "$dir/root" "$packages" "$(sources)" \
        --customize-hook='chroot "$1" env HOME=/root gst-inspect-1.0 >/dev/null' \
        --customize-hook='mkdir -p "$1/share" "$1/opt/guestcam" "$1/usr/lib/modules"' \
        --customize-hook='echo lab >"$1/etc/hostname"; echo "127.0.0.1 localhost lab" >"$1/etc/hosts"'
    megabytes=$(as_root du -sm "$dir/root" | cut -f1)
    # No journal and no checksums: a VM writes to a snapshot that is thrown away, and mounts it sooner.
    as_root mke2fs -q -t ext4 -d "$dir/root" -E root_owner=0:0,lazy_itable_init=1 -O ^metadata_csum,^has_journal -m 0 \
        "$dir/root.img" $((megabytes * 11 / 10 + 300))M
    as_root chown "$EUID" "$dir/root.img"
    as_root rm -rf --one-file-system "$dir/root"
}
