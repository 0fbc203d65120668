// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.guestcam.uapi.Fd;

/** Xen's small tree of names and values, and news of its changes. One thread uses it. */
interface XenStore extends AutoCloseable {
  /** The value of a node; empty where there is none, or it may not be read. */
  Optional<String> read(String path) throws IOException;

  /** Sets a node's value; makes it, and what is above it, where it is not there. */
  void write(String path, String value) throws IOException;

  /** The names below a node; empty where there is none. */
  List<String> list(String path) throws IOException;

  /** Removes a node and all below it; does nothing where there is none. */
  void remove(String path) throws IOException;

  /**
   * Lets one domain read a node and everything that will be made below it, and another one own it.
   *
   * @param owner reads and writes
   * @param reader reads
   */
  void share(String path, int owner, int reader) throws IOException;

  /** From now on {@link #nextChange} tells of changes at and below a node; one comes at once. */
  void watch(String path) throws IOException;

  /** Ends {@link #watch}. */
  void unwatch(String path) throws IOException;

  /** Readable when {@link #nextChange} may have one. */
  Fd fd();

  /** The next node that changed, without waiting; null where there is none. */
  String nextChange() throws IOException;

  @Override
  void close();
}
