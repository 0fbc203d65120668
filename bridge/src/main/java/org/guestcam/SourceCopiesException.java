// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.io.IOException;

/** A source copies the guest's pixels where nobody may: {@link Bridge#refuseCopies}. */
public final class SourceCopiesException extends IOException {
  private static final long serialVersionUID = 1L;

  SourceCopiesException(String source, long bytes) {
    super(
        source
            + " copies the guest's pixels ("
            + bytes
            + " bytes until now): this host has no other way to them; 'guestcam doctor' says why."
            + " Without --require-zero-copy it is shown");
  }
}
