// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

/** The size of a picture, in pixels. */
record Size(int width, int height) {
  @Override
  public String toString() {
    return width + "x" + height;
  }
}
