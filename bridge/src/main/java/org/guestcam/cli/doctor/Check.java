// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

/** Looks at one part of a host. Changes nothing, and never throws for what it finds. */
public interface Check {
  /** What is there. */
  Finding look(Host host);
}
