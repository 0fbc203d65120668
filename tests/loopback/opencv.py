# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
"""opencv.py NODE COUNT FILE [bgr]: writes the bytes of so many frames as OpenCV reads them: raw, or as it shows them.

OpenCV 4.10 cuts the end off raw pictures of four bytes a pixel; as BGR, which leaves out the fourth byte, they are whole.
"""

import sys

import cv2

camera = cv2.VideoCapture(sys.argv[1], cv2.CAP_V4L2)
if sys.argv[4:] != ["bgr"]:
    camera.set(cv2.CAP_PROP_CONVERT_RGB, 0)
with open(sys.argv[3], "wb") as out:
    for _ in range(int(sys.argv[2])):
        good, frame = camera.read()
        if not good:
            sys.exit("OpenCV got no frame")
        out.write(frame.tobytes())
