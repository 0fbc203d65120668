#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# In the lab's VM, by tests/lab/bench-gstreamer: guestcam into fakesink by the command that is given, and v4l2src on a
# v4l2loopback, whose writer is the C floor, which copies into it.
set -eu
cp /share/floor /share/probe.so /tmp/ # out of the share: while the VM waits for the host its clock leaps ahead
frames=200

"$@" >/tmp/guestcam
sed 's/^\([0-9x]*\): /bench: \1: guestcam into fakesink, /' /tmp/guestcam

for size in 640x480 1920x1080 3840x2160; do
  width=${size%x*} height=${size#*x}
  # Longer than its reader takes: it is ended.
  /tmp/floor copy /dev/video10 "$width" "$height" 10 90000 >&2 &
  writer=$!
  # Readers have a format when the writer has set it, of which v4l2loopback sends no event.
  until v4l2-ctl -d /dev/video10 --get-fmt-video 2>&1 | grep -q "$width/$height"; do kill -0 "$writer"; done
  BENCH_WARM=10 BENCH_FRAMES=$frames BENCH_OUT=/tmp/reader LD_PRELOAD=/tmp/probe.so \
    gst-launch-1.0 -q v4l2src device=/dev/video10 num-buffers=$((frames + 30)) ! fakesink enable-last-sample=false >&2
  kill "$writer"
  wait "$writer" || true
  /tmp/floor copy /dev/video10 "$width" "$height" 10 100 >/tmp/writer
  # shellcheck disable=SC2046 # words
  set -- $(cat /tmp/reader) $(cat /tmp/writer)
  own=$(sed -n "s/^$size: \([0-9.]*\) us.*/\1/p" /tmp/guestcam)
  awk -v size="$size" -v reader="$1" -v writer="$5" -v own="$own" 'BEGIN {
    printf "bench: %s: v4l2src of a v4l2loopback into fakesink, %.1f us, and %.1f us for the copy into it\n", size, reader / 1000, writer / 1000
    printf "ratio: %s: guestcam / v4l2loopback and v4l2src %.3f, / v4l2src alone %.2f\n", size, own * 1000 / (reader + writer), own * 1000 / reader }'
done
