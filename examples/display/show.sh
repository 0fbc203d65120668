#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# Shows a guest on a display: as a window of a Wayland desktop, by OpenGL in a window of X11 or Wayland, or on a bare screen
# by KMS (as root or in the group video, and with no desktop running there). Ctrl-C ends it.
#
#   examples/display/show.sh wayland qemu:myguest
#   examples/display/show.sh gl qemu:myguest
#   examples/display/show.sh kms qemu:myguest
#   examples/display/show.sh kms qemu:myguest force-modesetting=true      # and the screen in the guest's mode
#
# What follows the guest are properties of the GStreamer element: `gst-inspect-1.0 waylandsink`, glimagesink, kmssink.
# waylandsink and kmssink take a guest's dma-bufs without a copy where the compositor or the screen takes their format.
# GUESTCAM names the program, where it is not on the PATH.

set -euo pipefail
usage() { echo "usage: $0 wayland|gl|kms SOURCE [PROPERTY=VALUE]..." >&2; exit 2; }
(($# >= 2)) || usage
case $1 in
  # The window is as large as the screen, and the picture keeps its shape.
  wayland) sink='waylandsink fullscreen=true' ;;
  gl) sink='glimagesink' ;;
  kms) sink='kmssink' ;;
  *) usage ;;
esac
exec "${GUESTCAM:-guestcam}" run "$2" "gst:queue max-size-buffers=1 ! $sink ${*:3}"
