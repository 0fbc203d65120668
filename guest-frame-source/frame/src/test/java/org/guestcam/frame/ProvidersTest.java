// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProvidersTest {
  /** Registered in the test class path's META-INF/services. */
  public static final class TestProvider implements FrameSourceProvider {
    /** Made by the ServiceLoader. */
    public TestProvider() {}

    @Override
    public String scheme() {
      return "test";
    }

    @Override
    public String usage() {
      return "test: nothing";
    }

    @Override
    public List<String> available() {
      return List.of();
    }

    @Override
    public FrameSource open(Endpoint endpoint) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void findsAProviderByItsScheme() {
    assertInstanceOf(TestProvider.class, Providers.source(Endpoint.parse("test:")));
    assertEquals(1, Providers.sources().size());
  }

  @Test
  void anUnknownSchemeIsRefusedWithAList() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> Providers.source(Endpoint.parse("tset:x")));
    assertTrue(refused.getMessage().contains("no source"), refused::getMessage);
    assertTrue(refused.getMessage().contains("'tset'"), refused::getMessage);
    assertTrue(refused.getMessage().contains("there are test"), refused::getMessage);
  }

  @Test
  void whereThereAreNoneThatIsSaid() {
    assertEquals(List.of(), Providers.sinks());
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> Providers.sink(Endpoint.parse("v4l2:x")));
    assertTrue(refused.getMessage().contains("no sink"), refused::getMessage);
  }
}
