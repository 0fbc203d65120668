// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.guestcam.FakeSink;
import org.guestcam.FakeSource;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.SinkRefusedException;

/** Found by ServiceLoader: sources and sinks whose path says what happens. */
public final class TestProviders {
  private TestProviders() {}

  /** {@code fake:ten} shows ten frames and ends; see the switch for the others. */
  public static final class Source implements FrameSourceProvider {
    @Override
    public String scheme() {
      return "fake";
    }

    @Override
    public String usage() {
      return "fake:WHAT  for tests";
    }

    @Override
    public List<String> available() {
      return List.of("fake:ten", "fake:fails");
    }

    @Override
    public FrameSource open(Endpoint endpoint) throws IOException {
      endpoint.parameters(Set.of());
      return switch (endpoint.path()) {
        case "ten" -> ten();
        case "copies" -> {
          FakeSource source = ten();
          source.copies = true;
          yield source;
        }
        case "fails" ->
            new FakeSource(
                0, s -> s.listener().ended("guest lied", new IOException("stride 3 is too small")));
        case "bug" -> throw new IllegalStateException("a bug");
        case "silent" -> new FakeSource(0, _ -> {});
        case "lacks" ->
            throw new HostLacksException("no /dev/udmabuf; load it with: modprobe udmabuf");
        default -> throw new IllegalArgumentException("no fake '" + endpoint.path() + "'");
      };
    }
  }

  private static FakeSource ten() {
    return new FakeSource(
        200_000,
        s -> {
          for (int i = 0; i < 10; i++) {
            s.present();
          }
          s.listener().ended("all shown", null);
        });
  }

  /** {@code fakesink:null} takes all; see the switch for the others. */
  public static final class Sink implements FrameSinkProvider {
    @Override
    public String scheme() {
      return "fakesink";
    }

    @Override
    public String usage() {
      return "fakesink:WHAT  for tests";
    }

    @Override
    public FrameSink open(Endpoint endpoint, Options options) throws IOException {
      FakeSink sink = new FakeSink();
      switch (endpoint.path()) {
        case "null" -> {}
        case "refuses" -> sink.failsWith = new SinkRefusedException("the device takes MMAP only");
        case "gone" -> sink.failsWith = new IOException("the device is gone");
        case "lacks" -> throw new HostLacksException("no /dev/video7");
        default -> throw new IllegalArgumentException("no fakesink '" + endpoint.path() + "'");
      }
      return sink;
    }
  }
}
