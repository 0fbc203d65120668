#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
"""Reads a guest's camera with OpenCV, unmodified: counts pictures that differ and keeps the last one.

    guestcam run 'qemu:myguest' v4l2:/dev/video20 &     # guestcam_loopback's producer node; readers have /dev/video21
    examples/camera/opencv.py /dev/video21 50 last.png  # Debian: apt install python3-opencv

OpenCV converts what the camera has (XR24, as most guests; YUYV; NV12) into its own BGR.
"""
import sys

import cv2

if len(sys.argv) != 4:
    sys.exit(f"usage: {sys.argv[0]} DEVICE PICTURES FILE.png")
device, wanted, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
if not camera.isOpened():
    sys.exit(f"{sys.argv[0]}: {device} does not open as a camera; v4l2-ctl --list-devices shows those that are there")
different, last = 0, None
for _ in range(wanted):
    good, picture = camera.read()
    if not good:
        sys.exit(f"{sys.argv[0]}: {device} gave no picture: is guestcam running?")
    different += last is None or (picture != last).any()
    last = picture
camera.release()
cv2.imwrite(file, last)
print(f"{wanted} pictures of {last.shape[1]}x{last.shape[0]}, {different} of them new; the last one is {file}")
