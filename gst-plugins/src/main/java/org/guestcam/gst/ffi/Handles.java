// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import java.util.BitSet;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Numbers for Java objects that C code holds in a pointer's place. Looking one up takes no lock and
 * allocates nothing; a number that is gone gives null.
 */
final class Handles<T> {
  private final AtomicReferenceArray<T> objects;
  private final BitSet taken = new BitSet();

  Handles(int most) {
    objects = new AtomicReferenceArray<>(most + 1);
  }

  /** A number from 1; 0 where there are too many. */
  synchronized int add(T object) {
    int number = taken.nextClearBit(1);
    if (number >= objects.length()) {
      return 0;
    }
    taken.set(number);
    objects.set(number, object);
    return number;
  }

  /** The number means nothing from now on. */
  synchronized void remove(int number) {
    objects.set(number, null);
    taken.clear(number);
  }

  T get(long number) {
    return number < 1 || number >= objects.length() ? null : objects.get((int) number);
  }
}
