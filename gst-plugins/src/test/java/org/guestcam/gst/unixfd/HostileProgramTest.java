// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixListener;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A program that shares pictures and lies about them ends its own stream, with what was wrong. */
@Timeout(60)
class HostileProgramTest {
  private static final String CAPS =
      "video/x-raw, format=(string)BGRx, width=(int)64, height=(int)16, framerate=(fraction)30/1";
  private static final long SIZE = 64 * 16 * 4;

  @TempDir private Path directory;

  /** Hears the end, and releases what comes. */
  private static final class Ear implements FrameListener {
    private final CompletableFuture<String> end = new CompletableFuture<>();
    private int frames;

    @Override
    public void modeChanged(Mode mode) {
      assertEquals(64, mode.width());
    }

    @Override
    public void bufferAdded(Buffer buffer) {}

    @Override
    public void bufferRemoved(Buffer buffer) {}

    @Override
    public void framePresented(Frame frame) {
      frames++;
      frame.release();
    }

    @Override
    public void ended(String reason, Throwable failure) {
      end.complete(reason);
    }
  }

  private Ear tell(String caps, boolean sealed, int descriptors, Consumer<MemorySegment> lie)
      throws Exception {
    String name = directory.resolve("s").toString();
    Ear ear = new Ear();
    UnixFdSource source = new UnixFdSource(name);
    try (UnixListener listener = UnixListener.bind(name);
        Memfd memory = sealed ? Memfd.create("test", SIZE) : Memfd.createUnsealable("test", SIZE);
        Arena arena = Arena.ofConfined();
        source) {
      if (sealed) {
        memory.seal(Memfd.F_SEAL_SHRINK);
      }
      source.start(ear);
      try (Poll poll = new Poll(1)) {
        poll.watch(0, listener.fd(), Poll.IN);
        poll.await(TimeUnit.SECONDS.toNanos(20));
      }
      try (UnixSocket program = listener.accept()) {
        MemorySegment message = arena.allocate(4096, 8);
        UnixFdMessage.header(message, UnixFdMessage.CAPS, caps.length() + 1);
        message.setString(UnixFdMessage.HEADER, caps);
        program.send(message, 0, UnixFdMessage.HEADER + caps.length() + 1L);
        int length = UnixFdMessage.newBuffer(message, 1, -1, UnixFdMessage.SHARED, SIZE, 0);
        lie.accept(message);
        Fd[] fds = new Fd[descriptors];
        java.util.Arrays.fill(fds, memory.fd());
        if (descriptors == 0) {
          program.send(message, 0, length);
        } else {
          program.send(message, 0, length, fds);
        }
        UnixFdMessage.header(message, UnixFdMessage.END, 0);
        program.send(message, 0, UnixFdMessage.HEADER);
        ear.end.get(30, TimeUnit.SECONDS);
      }
    }
    return ear;
  }

  @Test
  void anHonestOneIsShown() throws Exception {
    Ear ear = tell(CAPS, true, 1, _ -> {});
    assertEquals("the program has ended its stream", ear.end.get());
    assertEquals(1, ear.frames);
  }

  @ParameterizedTest
  @CsvSource({
    "48,8,-1,has no room",
    "64,8,-4096,has no room",
    "64,8,1048576,reaches past",
    "64,8,9223372036854771712,reaches past",
    "56,8,16,has no room",
    "61,1,2,memories",
    "61,1,0,memories",
    "4,4,-5,too long",
    "4,4,1073741824,too long",
    "0,4,1,never got"
  })
  void aWrongNumberEndsIt(int at, int bytes, long value, String words) throws Exception {
    Ear ear =
        tell(
            CAPS,
            true,
            1,
            message -> {
              int where = at == 48 ? UnixFdMessage.HEADER + UnixFdMessage.BUFFER : at;
              switch (bytes) {
                case 1 -> message.set(JAVA_BYTE, where, (byte) value);
                case 4 -> message.set(JAVA_INT, where, (int) value);
                default -> {
                  long place = at == 64 ? UnixFdMessage.HEADER + UnixFdMessage.BUFFER + 8L : where;
                  if (at == 56) {
                    place = UnixFdMessage.HEADER + (long) UnixFdMessage.BUFFER;
                  }
                  message.set(JAVA_LONG, place, value);
                }
              }
            });
    assertTrue(ear.end.get().contains(words), ear.end.get());
    assertEquals(0, ear.frames);
  }

  @Test
  void memoryThatCanShrinkIsNotRead() throws Exception {
    assertTrue(tell(CAPS, false, 1, _ -> {}).end.get().contains("F_SEAL_SHRINK"));
  }

  @ParameterizedTest
  @CsvSource({"0", "2", "200"})
  void descriptorsAreCounted(int descriptors) throws Exception {
    assertTrue(tell(CAPS, true, descriptors, _ -> {}).end.get().contains("descriptor"));
  }
}
