# shellcheck shell=bash disable=SC2034,SC2154 # here, name, width, height, output, capture: the tests'
# What the tests in a Xen host share. Each prints 'ok - WHAT' or 'not ok - WHAT: WHY'.

front=/local/domain/0/device/vdispl/0
back=/local/domain/0/backend/vdispl/0/0
logs=$(mktemp -d)

fail() { echo "not ok - $*"; grep -v "^[[:space:]]*at " "$logs"/guestcam.log | tail -n 20; tail -n 30 /var/log/xen/console/guest-*.log 2>/dev/null; head -n 8 hs_err* 2>/dev/null; dmesg | tail -n 5; exit 1; }

# await SECONDS WHAT COMMAND...: until the command succeeds. (A clock of a busy emulation: generous.)
await() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [[ -z ${guestcam-} ]] || kill -0 "$guestcam" 2>/dev/null || fail "$what: guestcam has ended"
        ((SECONDS < until)) || fail "$what: waited in vain"
        sleep 0.2
    done
}

node() { grep -l "$1" /sys/class/video4linux/*/name | head -n 1 | sed 's,.*/\(video[0-9]*\)/name,/dev/\1,'; }

# One HDMI output looped into one input, without text.
vivid_pair() {
    modprobe vivid n_devs=1 vid_cap_nr=0 vid_out_nr=1 node_types=0x101 num_inputs=1 input_types=3 num_outputs=1 \
        output_types=1 allocators="${1:-0}" multiplanar=1
    output=$(node vid-out) capture=$(node vid-cap)
    v4l2-ctl -d "$capture" -c hdmi_000_0_is_connected_to=2 -c osd_text_mode=2
}

# Our own pair of cameras; a reader that is slow to come is not dropped.
loopback_pair() {
    modprobe videobuf2-v4l2 && insmod "$here/guestcam_loopback.ko" output_nr=20 capture_nr=21 reader_timeout_ms=0
    output=/dev/video20 capture=/dev/video21
}

# The capture side takes over the output's timings, as a receiver at the end of a cable would.
follow() {
    local timings
    timings=$(v4l2-ctl -d "$output" --get-dv-timings | awk -F': ' '
        { gsub(/^[ \t]+/, "", $1); split($2, word, " "); value[$1] = word[1] }
        END { printf "clear,width=%s,height=%s,interlaced=0,polarities=2,pixelclock=%s,hfp=%s,hs=%s,hbp=%s,vfp=%s,vs=%s,vbp=%s",
            value["Active width"], value["Active height"], value["Pixelclock"], value["Horizontal frontporch"],
            value["Horizontal sync"], value["Horizontal backporch"], value["Vertical frontporch"], value["Vertical sync"],
            value["Vertical backporch"] }')
    v4l2-ctl -d "$capture" --set-dv-bt-timings "$timings" >/dev/null
    v4l2-ctl -d "$capture" -v pixelformat=XR24
}

# attach BE_ALLOC SIZE: the toolstack's part, for dom0 as its own guest.
attach() {
    xenstore-write "$front/backend" "$back" "$front/backend-id" 0 "$front/be-alloc" "$1" \
        "$front/0/resolution" "$2" "$front/0/unique-id" id0 "$front/state" 1 \
        "$back/frontend" "$front" "$back/frontend-id" 0 "$back/online" 1 "$back/state" 1
}

# read_camera COMMAND...: a reader, which writes its frames to stdout until it is told to end, and the judge of them.
read_camera() {
    rm -f "$logs"/{status,verdict,judge}
    "$@" 2>"$logs/reader" > >("$here/frames" check "$width" "$height" "$pictures" >"$logs/verdict" 2>"$logs/judge"; echo $? >"$logs/status") &
    reader=$!
    await 300 "$name: the reader streams" grep -qs first "$logs/judge"
}

# judge: the reader ends (by TERM: a shell's background has INT ignored), and then the judge has seen all.
judge() {
    kill -TERM "$reader" || fail "$name: the reader has ended: $(cat "$logs/verdict"; tail -n 3 "$logs/reader")"
    await 300 "$name: the judge's verdict" test -s "$logs/status"
    echo "# $(cat "$logs/verdict")"
    [[ $(cat "$logs/status") == 0 ]] || fail "$name: the pictures"
}

# counts yes|no: whether guestcam copied.
counts() {
    local copied
    copied=$(number copied_bytes)
    echo "# guestcam: path $(number path), copied $copied bytes, frames in $(number frames_in), out $(number frames_out), overtaken $(number overtaken); $(grep -o 'buffers from.*' "$logs/guestcam.log" || true)"
    if [[ $1 == no && $copied != 0 ]]; then fail "$name: $copied bytes were copied"; fi
    if [[ $1 == yes && $copied == 0 ]]; then fail "$name: the copies were not counted"; fi
}

state_is() { [[ $(xenstore-read "$1/state" 2>/dev/null) == "$2" ]]; }

number() { tail -n 1 "$logs/guestcam.json" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
