#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# In the lab's VM, by tests/lab/bench-gstreamer: guestcam into fakesink by the command that is given, and v4l2src on a
# v4l2loopback, whose writer is the C floor, which copies into it.
set -euo pipefail
cp /share/floor /tmp/ # out of the share: while the VM waits for the host its clock leaps ahead
few=50 many=450 tries=30 status=0

"$@" >/tmp/guestcam
sed 's/^\([0-9x]*\): /bench: \1: guestcam into fakesink, /' /tmp/guestcam

# reader FRAMES: the CPU time of GStreamer's reader, all of its threads, in milliseconds. Mostly it ends at its first pictures
# ("buffer 2 was not queued", "Buffer pool activation failed"): v4l2loopback has a reader dequeue the slot that the writer
# filled, also where that reader did not queue it. One that gets past them goes on, so it is tried until one does.
reader() {
  local TIMEFORMAT='%3U %3S' used
  for ((try = 0; try < tries; try++)); do
    used=$({ time gst-launch-1.0 -q v4l2src device="$device" num-buffers="$1" ! fakesink enable-last-sample=false >&2 2>/tmp/reader.log; } 2>&1) || continue
    awk '{ print ($1 + $2) * 1000 }' <<<"$used"
    return
  done
  cat /tmp/reader.log >&2
  return 1
}

# One for each size, so that none has memory of another.
number=10
for size in 640x480 1920x1080 3840x2160; do
  width=${size%x*} height=${size#*x} device=/dev/video$number
  number=$((number + 1))
  # Longer than its readers take: it is ended. Nor may it overtake them.
  /tmp/floor paced "$device" "$width" "$height" 10 90000 >&2 &
  writer=$!
  # Readers have a format when the writer has set it, of which v4l2loopback sends no event.
  until v4l2-ctl -d "$device" --get-fmt-video 2>&1 | grep -q "$width/$height"; do kill -0 "$writer"; done
  failed=
  short=$(reader "$few") && long=$(reader "$many") || failed=yes
  kill "$writer"
  wait "$writer" 2>/dev/null || true
  read -r copy _ < <(/tmp/floor copy "$device" "$width" "$height" 10 100)
  own=$(sed -n "s/^$size: \([0-9.]*\) us.*/\1/p" /tmp/guestcam)
  if [[ $failed ]]; then
    status=1
    awk -v size="$size" -v copy="$copy" -v own="$own" 'BEGIN {
      printf "bench: %s: v4l2src of a v4l2loopback: NOT MEASURED, it fails; %.1f us for the copy into it\n", size, copy / 1000
      printf "ratio: %s: guestcam / the copy into v4l2loopback alone %.3f\n", size, own * 1000 / copy }'
  else
    awk -v size="$size" -v short="$short" -v long="$long" -v frames=$((many - few)) -v copy="$copy" -v own="$own" 'BEGIN {
      reader = (long - short) * 1000 / frames
      printf "bench: %s: v4l2src of a v4l2loopback into fakesink, %.1f us, and %.1f us for the copy into it\n", size, reader, copy / 1000
      printf "ratio: %s: guestcam / v4l2loopback and v4l2src %.3f, / v4l2src alone %.2f\n", size, own / (reader + copy / 1000), own / reader }'
  fi
done
exit "$status"
