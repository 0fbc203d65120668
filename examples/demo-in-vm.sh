#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# The demo's part inside the VM (see `guestcam demo`): loops vivid's output into its input, feeds the output with
# guestcam, and records the input with an unmodified GStreamer. Results go to /share. Works on any machine with the
# vivid module loaded; DIRECTORY, if given, takes the place of /share.
#
#   demo-in-vm.sh [DIRECTORY]

set -euo pipefail

results=${1:-/share}
width=1280 height=720
frames=90

fail() { echo "demo: $*" >&2; exit 1; }

# node CAPABILITY: vivid's first node that has it, as v4l2-ctl spells it.
node() {
  local device
  for device in /dev/video*; do
    [[ -e $device ]] || continue
    if v4l2-ctl -d "$device" --info 2>/dev/null | sed -n '/Device Caps/,$p' | grep -q "$1" &&
      v4l2-ctl -d "$device" --info | grep -q 'Driver name *: vivid'; then
      echo "$device"
      return
    fi
  done
  fail "vivid has no node with '$1'"
}

output=$(node 'Video Output')
capture=$(node 'Video Capture')
echo "demo: guestcam writes to $output, GStreamer reads from $capture"

# A monitor cable between the two: the same timings, and the text that vivid draws is off.
v4l2-ctl -d "$capture" -c hdmi_000_0_is_connected_to=2 -c osd_text_mode=2
for device in "$output" "$capture"; do
  v4l2-ctl -d "$device" --set-dv-bt-timings "cvt,width=$width,height=$height,fps=60" >/dev/null
done

guestcam run --json --require-zero-copy "pattern:?size=${width}x$height&fps=30" "v4l2:$output" \
  >"$results/guestcam-demo.json" 2>"$results/guestcam-demo.log" &
camera=$!
trap 'kill -TERM "$camera" 2>/dev/null || true' EXIT

# The camera is there when guestcam counts frames.
for ((i = 0; i < 600; i++)); do
  grep -q '"frames_out":[1-9]' "$results/guestcam-demo.json" && break
  kill -0 "$camera" 2>/dev/null || fail "guestcam ended early: $(cat "$results/guestcam-demo.log")"
  sleep 0.1
done

source=(v4l2src "device=$capture")
caps="video/x-raw,format=BGRx,width=$width,height=$height"
echo "demo: recording $frames frames"
gst-launch-1.0 -q "${source[@]}" "num-buffers=$frames" ! "$caps" ! videoconvert ! jpegenc quality=90 \
  ! matroskamux ! filesink "location=$results/guestcam-demo.mkv"
gst-launch-1.0 -q "${source[@]}" num-buffers=1 ! "$caps" ! videoconvert ! pngenc \
  ! filesink "location=$results/guestcam-demo.png"

status=0
kill -TERM "$camera"
wait "$camera" || status=$?
trap - EXIT
((status == 0)) || fail "guestcam ended with status $status: $(cat "$results/guestcam-demo.log")"
[[ -s $results/guestcam-demo.mkv && -s $results/guestcam-demo.png ]] || fail "GStreamer recorded nothing"

number() { tail -n 1 "$results/guestcam-demo.json" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
echo "demo: guestcam says: $(number frames_out) new frames and $(number repeated) repetitions in $(number seconds) s," \
  "memory path $(number path), copied $(number copied_bytes) bytes"
