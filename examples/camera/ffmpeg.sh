#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# Records a guest's camera with ffmpeg, without loss:
#
#   guestcam run qemu:myguest v4l2:/dev/video20 &          # guestcam_loopback's producer node; readers have /dev/video21
#   examples/camera/ffmpeg.sh /dev/video21 100 guest.mkv
#
# For a smaller file that is nearly as good put -c:v libx264 in place of -c:v ffv1.

set -euo pipefail
(($# == 3)) || { echo "usage: $0 DEVICE FRAMES FILE.mkv" >&2; exit 2; }
command -v ffmpeg >/dev/null || { echo "$0: ffmpeg is missing: sudo apt install ffmpeg" >&2; exit 3; }
exec ffmpeg -nostdin -v error -y -f v4l2 -i "$1" -frames:v "$2" -fps_mode passthrough -c:v ffv1 "$3"
