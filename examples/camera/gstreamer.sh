#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# Records a guest's camera with GStreamer's v4l2src. With io-mode=dmabuf the camera's buffers come as dma-bufs; from
# guestcam_loopback they are the guest's own pages:
#
#   guestcam run qemu:myguest v4l2:/dev/video20 &          # guestcam_loopback's producer node; readers have /dev/video21
#   examples/camera/gstreamer.sh /dev/video21 100 guest.mkv

set -euo pipefail
(($# == 3)) || { echo "usage: $0 DEVICE FRAMES FILE.mkv" >&2; exit 2; }
command -v gst-launch-1.0 >/dev/null || {
  echo "$0: gst-launch-1.0 is missing: sudo apt install gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-libav" >&2
  exit 3
}
exec gst-launch-1.0 -q -e v4l2src device="$1" num-buffers="$2" io-mode=dmabuf ! videoconvert ! avenc_ffv1 ! matroskamux ! \
  filesink location="$3"
