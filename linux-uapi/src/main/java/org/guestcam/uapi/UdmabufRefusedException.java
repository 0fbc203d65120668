// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.io.IOException;

/**
 * The kernel's udmabuf would not make a dma-buf; the message says which rule was broken, the value
 * that broke it, and what to do.
 */
public final class UdmabufRefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  UdmabufRefusedException(String message, ErrnoException cause) {
    super(message, cause);
  }
}
