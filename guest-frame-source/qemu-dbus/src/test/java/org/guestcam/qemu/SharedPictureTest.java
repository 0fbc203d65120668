// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.guestcam.qemu.FakeQemu.LISTENER;
import static org.guestcam.qemu.FakeQemu.XRGB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.qemu.dbus.Variant;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory that QEMU shares, answers that are held back, and the pointer: with a peer of ours. */
@Timeout(120)
class SharedPictureTest {
  private static final String MAP = LISTENER + ".Unix.Map";
  private static final int WIDTH = 64;
  private static final int HEIGHT = 48;

  /** Keeps frames and pointers until they are asked for. */
  private static final class Keeper implements FrameListener {
    private final LinkedBlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Cursor> cursors = new LinkedBlockingQueue<>();

    @Override
    public void modeChanged(Mode mode) {}

    @Override
    public void bufferAdded(Buffer buffer) {}

    @Override
    public void bufferRemoved(Buffer buffer) {}

    @Override
    public void framePresented(Frame frame) {
      frames.add(frame);
    }

    @Override
    public void cursorChanged(Cursor cursor) {
      cursors.add(cursor);
    }

    @Override
    public void ended(String reason, Throwable failure) {}

    Frame next() throws InterruptedException {
      Frame frame = frames.poll(10, TimeUnit.SECONDS);
      assertTrue(frame != null, "no frame came");
      return frame;
    }
  }

  private final Keeper keeper = new Keeper();

  @Test
  void theListenerOffersWhatItCan() throws Exception {
    for (String parameters : List.of("", "?tear-free")) {
      try (FakeQemu qemu = new FakeQemu(keeper, parameters)) {
        qemu.call("org.freedesktop.DBus.Properties", "GetAll", "s", List.of(LISTENER));
        Map<?, ?> properties = (Map<?, ?>) qemu.answer().getFirst();
        List<?> offered = (List<?>) ((Variant) properties.get("Interfaces")).value();
        assertEquals(parameters.isEmpty(), offered.contains(MAP), offered::toString);
        assertTrue(offered.contains(LISTENER + ".Unix.ScanoutDMABUF2"), offered::toString);
      }
    }
  }

  @Test
  void mappedMemoryIsShownAsItIs() throws Exception {
    try (Memfd memory = Memfd.createUnsealable("surface", 8192 + WIDTH * HEIGHT * 4);
        Mapping mapping = memory.map();
        FakeQemu qemu = new FakeQemu(keeper, "")) {
      int offset = 4352; // not a whole page
      qemu.call(
          MAP,
          "ScanoutMap",
          "huuuuu",
          List.of(0, offset, WIDTH, HEIGHT, WIDTH * 4, XRGB),
          memory.fd());
      qemu.answer();
      assertFalse(qemu.wasRefused());
      Frame first = keeper.next();
      Buffer buffer = first.buffer();
      assertFalse(buffer.isDmaBuf());
      mapping.segment().set(JAVA_INT, offset + 4L * (5 * WIDTH + 7), 0x123456);
      qemu.call(MAP, "UpdateMap", "iiii", List.of(7, 5, 1, 1));
      Frame second = keeper.next();
      assertEquals(buffer, second.buffer(), "the very same memory");
      assertEquals(1, second.damage().count());
      assertEquals(7, second.damage().x(0));
      assertEquals(0x123456, Picture.of(buffer.pixels(), buffer.layout()).pixels()[5 * WIDTH + 7]);
      first.release();
      second.release();
    }
  }

  @Test
  void anUpdateOfADmaBufIsAnsweredWhenItsFrameIsReleased() throws Exception {
    try (Memfd memory = Memfd.create("stands for a dma-buf", WIDTH * HEIGHT * 4);
        FakeQemu qemu = new FakeQemu(keeper, "")) {
      int scanout =
          qemu.call(
              LISTENER,
              "ScanoutDMABUF",
              "huuuutb",
              List.of(0, WIDTH, HEIGHT, WIDTH * 4, 0x34325258, 0x00ff_ffff_ffff_ffffL, false),
              memory.fd());
      qemu.answer();
      assertEquals(scanout, qemu.lastReply());
      keeper.next().release();
      int update = qemu.call(LISTENER, "UpdateDMABUF", "iiii", List.of(0, 0, WIDTH, HEIGHT));
      Frame shown = keeper.next();
      Thread.ofVirtual().start(shown::release);
      qemu.answer();
      assertEquals(update, qemu.lastReply());

      // And a reader that keeps its frame does not stop the guest.
      int held = qemu.call(LISTENER, "UpdateDMABUF", "iiii", List.of(0, 0, WIDTH, HEIGHT));
      Frame kept = keeper.next();
      long from = System.nanoTime();
      qemu.answer();
      long waited = System.nanoTime() - from;
      assertEquals(held, qemu.lastReply());
      // No upper bound: this machine may be busy. The reader has not let go of it.
      assertTrue(waited > FrameReplies.AT_MOST / 2, () -> waited + " ns");
      kept.release();
    }
  }

  @Test
  void aDisplayThatIsOffShowsTheGuestsName() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (FakeQemu qemu = new FakeQemu(frames, "?off=blank")) {
      qemu.scanout(200, 120, (byte) 100);
      qemu.call(LISTENER, "Disable", "", List.of());
      frames.await("a notice", f -> f.picture() != null && f.picture().colours() == 2);
      // The largest letters: 2 of 3 of the width for the 11 of "display off", 2 pixels a dot.
      int[] pixels = frames.picture().pixels();
      int left = (200 - 12) / 2;
      int top = (120 - 40) / 2;
      String letter =
          """
          #####
          #....
          #....
          ####.
          #....
          #....
          #....
          """;
      for (int y = 0; y < 14; y++) {
        for (int x = 0; x < 10; x++) {
          int expected = letter.charAt(y / 2 * 6 + x / 2) == '#' ? 0xffffff : 0;
          assertEquals(expected, pixels[(top + y) * 200 + left + x], "pixel " + x + "," + y);
        }
      }
      qemu.scanout(200, 120, (byte) 50);
      frames.await("the guest again", f -> f.picture().colours() == 1);
      assertEquals(0x323232, frames.picture().pixels()[0]);
    }
  }

  /** Its number, at both ends of each row of a picture with the lowest row first. */
  private static void numberRows(MemorySegment memory, int times) {
    for (int row = 0; row < HEIGHT; row++) {
      for (int x = 0; x < WIDTH; x++) {
        memory.set(JAVA_INT, 4L * (row * WIDTH + x), (HEIGHT - 1 - row) * times);
      }
    }
  }

  @Test
  void aDmaBufWithItsLowestRowFirstIsTurnedOver() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (Memfd memory = Memfd.create("stands for a dma-buf", WIDTH * HEIGHT * 4);
        Mapping mapping = memory.map();
        FakeQemu qemu = new FakeQemu(frames, "")) {
      numberRows(mapping.segment(), 1);
      qemu.call(
          LISTENER,
          "ScanoutDMABUF",
          "huuuutb",
          List.of(0, WIDTH, HEIGHT, WIDTH * 4, 0x34325258, 0x00ff_ffff_ffff_ffffL, true),
          memory.fd());
      qemu.answer();
      frames.await("the picture", f -> f.picture() != null);
      for (int y = 0; y < HEIGHT; y++) {
        assertEquals(y, frames.picture().pixels()[y * WIDTH]);
        assertEquals(y, frames.picture().pixels()[y * WIDTH + WIDTH - 1]);
      }
      numberRows(mapping.segment(), 3);
      int update = qemu.call(LISTENER, "UpdateDMABUF", "iiii", List.of(3, 5, 2, 7));
      qemu.answer(); // at once: nobody reads the guest's memory any more
      assertEquals(update, qemu.lastReply());
      frames.await("the change", f -> f.frames() == 2);
      for (int y = 0; y < HEIGHT; y++) {
        boolean changed = (y >= 5 && y < 12) || (y >= HEIGHT - 12 && y < HEIGHT - 5);
        assertEquals(changed ? 3 * y : y, frames.picture().pixels()[y * WIDTH + 3], "row " + y);
        assertEquals(y, frames.picture().pixels()[y * WIDTH + 5], "row " + y);
      }
    }
  }

  @Test
  void aPointerIsDrawnOverADmaBufToo() throws Exception {
    FrameCollector frames = new FrameCollector();
    byte[] white = new byte[4];
    java.util.Arrays.fill(white, (byte) -1);
    try (Memfd memory = Memfd.create("stands for a dma-buf", WIDTH * HEIGHT * 4);
        FakeQemu qemu = new FakeQemu(frames, "?cursor=blend")) {
      qemu.call(LISTENER, "CursorDefine", "iiiiay", List.of(1, 1, 0, 0, white));
      qemu.call(LISTENER, "MouseSet", "iii", List.of(9, 8, 1));
      qemu.call(
          LISTENER,
          "ScanoutDMABUF",
          "huuuutb",
          List.of(0, WIDTH, HEIGHT, WIDTH * 4, 0x34325258, 0L, false),
          memory.fd());
      frames.await("the picture", f -> f.picture() != null);
      assertEquals(0xffffff, frames.picture().pixels()[8 * WIDTH + 9]);
      assertEquals(2, frames.picture().colours());
    }
  }

  @Test
  void aTiledDmaBufIsNotTurnedOver() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (Memfd memory = Memfd.create("stands for a dma-buf", WIDTH * HEIGHT * 4);
        FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.call(
          LISTENER,
          "ScanoutDMABUF",
          "huuuutb",
          List.of(0, WIDTH, HEIGHT, WIDTH * 4, 0x34325258, 0x0100_0000_0000_0001L, true),
          memory.fd());
      Throwable why = qemu.end();
      assertTrue(why.getMessage().contains("only linear memory has rows"), why::getMessage);
    }
  }

  @Test
  void thePageFlipsOfADmaBufAreOneBufferEach() throws Exception {
    try (Memfd one = Memfd.create("one", WIDTH * HEIGHT * 4);
        Memfd two = Memfd.create("two", WIDTH * HEIGHT * 4);
        FakeQemu qemu = new FakeQemu(keeper, "")) {
      Buffer[] seen = new Buffer[6];
      for (int i = 0; i < seen.length; i++) {
        qemu.call(
            LISTENER + ".Unix.ScanoutDMABUF2",
            "ScanoutDMABUF2",
            "ahuuuuauauuuuutb",
            List.of(
                List.of(0),
                0,
                0,
                WIDTH,
                HEIGHT,
                List.of(0),
                List.of(WIDTH * 4),
                1,
                0x34325258,
                WIDTH,
                HEIGHT,
                0L,
                false),
            (i % 2 == 0 ? one : two).fd());
        qemu.call(LISTENER, "Disable", "", List.of()); // QEMU lets go of the buffer before
        qemu.answer();
        qemu.answer();
        Frame frame = keeper.next();
        seen[i] = frame.buffer();
        frame.release();
        assertEquals(seen[i % 2], seen[i]);
      }
    }
  }

  @Test
  void theReaderThatKeepsFramesLosesSomeAndTearsNone() throws Exception {
    try (FakeQemu qemu = new FakeQemu(keeper, "")) {
      java.util.ArrayDeque<Frame> kept = new java.util.ArrayDeque<>();
      for (int i = 1; i < 100; i++) {
        qemu.scanout(WIDTH, HEIGHT, (byte) i);
        qemu.answer();
      }
      for (Frame frame; (frame = keeper.frames.poll(1, TimeUnit.SECONDS)) != null; ) {
        kept.add(frame);
      }
      assertEquals(CopiedSurface.MAX_BUFFERS - 1, kept.size());
      for (Frame frame : kept) {
        assertEquals(1, Picture.of(frame.buffer().pixels(), frame.buffer().layout()).colours());
      }
      kept.remove().release();
      Frame last = keeper.next();
      assertEquals(
          99 * 0x010101, Picture.of(last.buffer().pixels(), last.buffer().layout()).pixels()[0]);
      last.release();
      kept.forEach(Frame::release);
    }
  }

  /** A part of a picture goes into another buffer than the whole, which gets the rest copied. */
  @Test
  void whatOneBufferTakesFromAnotherIsCounted() throws Exception {
    try (FakeQemu qemu = new FakeQemu(keeper, "")) {
      qemu.scanout(WIDTH, HEIGHT, (byte) 1);
      qemu.answer();
      Frame whole = keeper.next();
      assertEquals(0, qemu.copiedBytes.get());
      qemu.update(8, 8, 2, 2, (byte) 200);
      qemu.answer();
      Frame part = keeper.next();
      int[] pixels = Picture.of(part.buffer().pixels(), part.buffer().layout()).pixels();
      assertEquals(0x010101, pixels[0]);
      assertEquals(200 * 0x010101, pixels[8 * WIDTH + 8]);
      long copied = qemu.copiedBytes.get();
      assertTrue(copied > 0 && copied <= 4L * WIDTH * HEIGHT, copied + " bytes");
      whole.release();
      part.release();
    }
  }

  @Test
  void aPointerIsDrawnWhereItIsAndNowhereElse() throws Exception {
    FrameCollector frames = new FrameCollector();
    byte[] red = new byte[4 * 4 * 4];
    for (int i = 0; i < red.length; i += 4) {
      red[i + 2] = (byte) 128; // half of red, premultiplied
      red[i + 3] = (byte) 128;
    }
    try (FakeQemu qemu = new FakeQemu(frames, "?cursor=blend")) {
      qemu.scanout(16, 16, (byte) 100);
      qemu.call(LISTENER, "CursorDefine", "iiiiay", List.of(4, 4, 1, 1, red));
      int mixed = (100 * 127 + 127) / 255;
      int over = ((128 + mixed) << 16) | (mixed * 0x0101);
      int[][] places = {{2, 3}, {-2, -1}, {14, 15}, {5, 5}, {5, 5}, {40, 0}, {0, 0}};
      for (int[] place : places) {
        qemu.call(LISTENER, "MouseSet", "iii", List.of(place[0], place[1], 1));
        qemu.update(8, 8, 2, 2, (byte) 200);
        frames.await(
            "the pointer at " + place[0] + "," + place[1],
            f -> f.picture() != null && isDrawn(f.picture(), place[0], place[1], over));
      }
      qemu.call(LISTENER, "MouseSet", "iii", List.of(0, 0, 0));
      frames.await("no pointer", f -> isDrawn(f.picture(), 99, 99, over));
    }
  }

  private static boolean isDrawn(Picture picture, int left, int top, int over) {
    for (int y = 0; y < 16; y++) {
      for (int x = 0; x < 16; x++) {
        boolean pointer = x >= left && x < left + 4 && y >= top && y < top + 4;
        boolean changed = x >= 8 && x < 10 && y >= 8 && y < 10;
        int pixel = picture.pixels()[y * 16 + x];
        boolean right;
        if (pointer) {
          right = changed ? pixel != 0xc8c8c8 : pixel == over;
        } else {
          right = pixel == (changed ? 0xc8c8c8 : 0x646464);
        }
        if (!right) {
          return false;
        }
      }
    }
    return true;
  }

  @Test
  void aPointerIsToldWhereItIsNotDrawn() throws Exception {
    try (FakeQemu qemu = new FakeQemu(keeper, "?cursor=meta")) {
      qemu.call(LISTENER, "MouseSet", "iii", List.of(3, 4, 1));
      Cursor unseen = keeper.cursors.poll(10, TimeUnit.SECONDS);
      assertFalse(unseen.visible());
      qemu.call(LISTENER, "CursorDefine", "iiiiay", List.of(2, 1, 1, 0, new byte[8]));
      Cursor seen = keeper.cursors.poll(10, TimeUnit.SECONDS);
      assertTrue(seen.visible());
      assertEquals(3, seen.x());
      assertEquals(4, seen.y());
      assertEquals(2, seen.shape().width());
      assertEquals(1, seen.shape().hotX());
    }
  }
}
