// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which way a guest's own pages take where the user names none. */
class RoutesTest {
  @ParameterizedTest
  @CsvSource({
    "false, true, HVM, MAP",
    "false, true, '', MAP",
    "false, false, PV, COPY",
    "false, false, '', COPY",
    "false, false, PVH, MAP",
    "false, false, HVM, MAP",
    "true, false, PVH, SHARE",
    "true, true, HVM, SHARE",
  })
  void onlyAnX86PvDomainCopies(
      boolean shares, boolean arm, String guestType, DisplayMemory.Route route) {
    assertEquals(route, Routes.ofThisHost(shares, arm, guestType));
  }
}
