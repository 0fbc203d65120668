#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# Streams a guest by RTSP to any number of players, recorders and video walls; Ctrl-C ends it. ADDRESS is this machine's
# own unless it is given: there is no password, so whoever reaches the port sees the guest.
#
#   examples/stream/rtsp.sh qemu:myguest                   # ffplay rtsp://127.0.0.1:8554/guest
#   examples/stream/rtsp.sh qemu:myguest 0.0.0.0:8554      # vlc rtsp://HOST:8554/guest, from other machines
#
# GUESTCAM names the program, where it is not on the PATH.

set -euo pipefail
(($# == 1 || $# == 2)) || { echo "usage: $0 SOURCE [[ADDRESS:]PORT]" >&2; exit 2; }
exec "${GUESTCAM:-guestcam}" stream "$1" "rtsp-server:${2:-8554}/guest"
