// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.guestcam.uapi.Errno;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The error numbers are those of the C compiler's headers. */
class ErrnoNumbersTest {
  @TempDir private Path scratch;

  @Test
  void everyNumberIsTheHeaders() throws IOException, InterruptedException {
    Files.writeString(scratch.resolve("wrapper.h"), "#include <errno.h>\n");
    CompilerProbe probe = new CompilerProbe();
    Map<String, Long> ours = new TreeMap<>();
    for (Errno errno : Errno.values()) {
      ours.put(probe.ask(errno.name()), (long) errno.number());
    }
    assertEquals(ours, new TreeMap<>(probe.answers(scratch, scratch)));
  }
}
