// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * What a source shows: size, format and rate. Rates are of interest to cameras, which must name
 * one.
 *
 * @param width pixels
 * @param height pixels
 * @param format what a pixel is
 * @param milliHertz frames in 1000 seconds, 0 where the source does not know
 */
public record Mode(int width, int height, PixelFormat format, int milliHertz) {
  @Override
  public String toString() {
    return width
        + "x"
        + height
        + " "
        + format
        + (milliHertz == 0 ? "" : " at " + milliHertz / 1000.0 + " fps");
  }
}
