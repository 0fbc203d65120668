// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

/**
 * What the guest calls a resource: a picture's size and format (2D), or just bytes (blob), and the
 * guest's pages behind it. There is no copy of it on this side.
 */
final class Resource {
  private final int id;
  private final int format;
  private final int width;
  private final int height;
  private final long blobSize;
  private final View[] views = new View[Gpu.SCANOUTS];
  private Backing backing;

  private Resource(int id, int format, int width, int height, long blobSize) {
    this.id = id;
    this.format = format;
    this.width = width;
    this.height = height;
    this.blobSize = blobSize;
  }

  /** A 2D resource; the numbers were checked. */
  static Resource picture(int id, int format, int width, int height) {
    return new Resource(id, format, width, height, 0);
  }

  /** A blob of the guest's memory. */
  static Resource blob(int id, long size, Backing backing) {
    Resource blob = new Resource(id, 0, 0, 0, size);
    blob.backing = backing;
    return blob;
  }

  /** The guest's name of it. */
  int id() {
    return id;
  }

  /** virtio-gpu's format; 0 for a blob. */
  int format() {
    return format;
  }

  /** Pixels; 0 for a blob. */
  int width() {
    return width;
  }

  /** Pixels; 0 for a blob. */
  int height() {
    return height;
  }

  /** Whether it has no format of its own. */
  boolean isBlob() {
    return blobSize != 0;
  }

  /** Bytes that a picture in it may use. */
  long size() {
    return isBlob() ? blobSize : (long) width * height * GpuFormat.BYTES;
  }

  /** The guest's pages, or null. */
  Backing backing() {
    return backing;
  }

  /** The guest's pages from now on, or null. */
  void setBacking(Backing attached) {
    backing = attached;
  }

  /** How a scanout shows it, or null. */
  View view(int scanout) {
    return views[scanout];
  }

  /** How a scanout shows it from now on, or null. */
  void setView(int scanout, View view) {
    views[scanout] = view;
  }
}
