#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# The demo's part inside the VM (see `guestcam demo`): feeds a camera of guestcam_loopback with guestcam, and records it
# with an unmodified GStreamer, which maps the guest's own pages. Results go to /share. Works on any machine with that
# module loaded; DIRECTORY, if given, takes the place of /share.
#
#   demo-in-vm.sh [DIRECTORY]

set -euo pipefail

results=${1:-/share}
width=1280 height=720
frames=90

fail() { echo "demo: $*" >&2; exit 1; }

# node CAPABILITY: the module's first node that has it, as v4l2-ctl spells it.
node() {
  local device
  for device in /dev/video*; do
    [[ -e $device ]] || continue
    if v4l2-ctl -d "$device" --info 2>/dev/null | sed -n '/Device Caps/,$p' | grep -q "$1" &&
      v4l2-ctl -d "$device" --info | grep -q 'Driver name *: guestcam'; then
      echo "$device"
      return
    fi
  done
  fail "guestcam_loopback has no node with '$1'; is it loaded?"
}

output=$(node 'Video Output')
capture=$(node 'Video Capture')
echo "demo: guestcam writes to $output, GStreamer reads from $capture"

# The camera is there when guestcam counts frames.
work=$(mktemp -d)
mkfifo "$work/events"
guestcam run --json --require-zero-copy "pattern:?size=${width}x$height&fps=30" "v4l2:$output" \
  >"$work/events" 2>"$results/guestcam-demo.log" &
camera=$!
trap 'kill -TERM "$camera" 2>/dev/null || true; rm -rf "$work"' EXIT
exec {events}<"$work/events"
: >"$results/guestcam-demo.json"
while :; do
  read -r -u "$events" line || fail "guestcam ended early: $(cat "$results/guestcam-demo.log")"
  echo "$line" >>"$results/guestcam-demo.json"
  if [[ $line =~ \"frames_out\":[1-9] ]]; then break; fi
done
cat <&"$events" >>"$results/guestcam-demo.json" &
collector=$!

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
wait "$collector"
trap - EXIT
rm -rf "$work"
((status == 0)) || fail "guestcam ended with status $status: $(cat "$results/guestcam-demo.log")"
[[ -s $results/guestcam-demo.mkv && -s $results/guestcam-demo.png ]] || fail "GStreamer recorded nothing"

number() { tail -n 1 "$results/guestcam-demo.json" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
echo "demo: guestcam says: $(number frames_out) new frames and $(number repeated) repetitions in $(number seconds) s," \
  "memory path $(number path), copied $(number copied_bytes) bytes;" \
  "the module copied $(v4l2-ctl -d "$capture" -C bytes_copied | sed 's/.*: *//')"
