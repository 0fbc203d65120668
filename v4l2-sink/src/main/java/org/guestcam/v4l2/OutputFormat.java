// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import org.guestcam.frame.Fourcc;

/**
 * The picture format of an output queue: one plane of memory, as S_FMT reads it back.
 *
 * @param fourcc V4L2's code
 * @param width pixels
 * @param height pixels
 * @param stride bytes from one row of the first plane to the next (bytesperline)
 * @param imageSize bytes that a buffer must hold (sizeimage)
 * @param memoryPlanes separate memories a picture needs; guestcam fills one
 */
record OutputFormat(
    int fourcc, int width, int height, int stride, int imageSize, int memoryPlanes) {

  boolean hasSize(int wantedWidth, int wantedHeight) {
    return width == wantedWidth && height == wantedHeight;
  }

  @Override
  public String toString() {
    return width + "x" + height + " " + Fourcc.name(fourcc) + " stride " + stride;
  }
}
