# shellcheck shell=bash disable=SC2154 # lab_dir and so on: common.sh, host.sh, root.sh
# The root with a desktop's programs: an X server without a screen, OpenGL for GStreamer, OBS Studio. Half as large again, so only
# what needs it boots it (tests/lab/vm --desktop), and it is made when that is first asked for.

desktop_packages=(
    gstreamer1.0-gl xvfb x11-utils obs-studio obs-plugins libqt6svg6 qt6-qpa-plugins libgl1-mesa-dri fonts-dejavu-core dbus-x11 gstreamer1.0-rtsp python3-gi gir1.2-gst-rtsp-server-1.0
)

desktop_key() { key "$(root_key) ${desktop_packages[*]}" "$lab_dir/lib/desktop.sh"; }
desktop_path() { echo "$cache_dir/desktop-$(desktop_key)"; }

build_desktop() {
    local root_packages=("${root_packages[@]}" "${desktop_packages[@]}")
    build_root "$1"
}
