// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PictureCopierTest {
  private static final byte UNTOUCHED = 0x5a;

  private static void requireShows(
      FrameLayout source, MemorySegment from, FrameLayout target, MemorySegment to, String what) {
    for (int p = 0; p < source.planes(); p++) {
      for (int y = 0; y < source.rows(p); y++) {
        long at = source.offset(p) + (long) y * source.stride(p);
        long there = target.offset(p) + (long) y * target.stride(p);
        long wrong =
            MemorySegment.mismatch(
                from, at, at + source.rowBytes(p), to, there, there + target.rowBytes(p));
        if (wrong >= 0) {
          throw new AssertionError(what + ": plane " + p + " row " + y + " byte " + wrong);
        }
        long end = Math.min(there + target.stride(p), to.byteSize());
        for (long pad = there + target.rowBytes(p); pad < end; pad++) {
          assertEquals(UNTOUCHED, to.get(JAVA_BYTE, pad), what + ": padding was written");
        }
      }
    }
  }

  /** Whatever changes, and whichever target comes next: it shows what a whole copy would show. */
  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void damagedPartsAddUpToTheWholePicture(PixelFormat format) throws IOException {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      int width = 1 + random.nextInt(40);
      int height = 1 + random.nextInt(30);
      int sourcePadding = 8 * random.nextInt(3);
      int targetPadding = 8 * random.nextInt(3);
      randomSequence(format, width, height, sourcePadding, targetPadding, random, "seed " + seed);
    }
  }

  private static void randomSequence(
      PixelFormat format,
      int width,
      int height,
      int sourcePadding,
      int targetPadding,
      Random random,
      String what)
      throws IOException {
    FrameLayout source = Pictures.layout(format, width, height, sourcePadding);
    FrameLayout target = Pictures.layout(format, width, height, targetPadding);
    Buffer buffer = Pictures.buffer(source);
    MemorySegment from = buffer.pixels();
    Frame frame = new Frame(_ -> {});
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] targets = new MemorySegment[3];
      for (int i = 0; i < targets.length; i++) {
        targets[i] = Pictures.memory(arena, target, UNTOUCHED);
      }
      PictureCopier copier = new PictureCopier(target, targets.length);
      for (int sequence = 0; sequence < 25; sequence++) {
        frame.present(buffer, sequence, 0);
        int changes = random.nextInt(sequence == 10 ? 30 : 4);
        for (int i = 0; i < changes; i++) {
          int left = random.nextInt(width);
          int top = random.nextInt(height);
          int wide = 1 + random.nextInt(width - left);
          int high = 1 + random.nextInt(height - top);
          Pictures.draw(from, source, random, left, top, wide, high);
          // A guest may name more than there is.
          frame.damage().add(left, top, wide, high + (i == 3 ? 1000 : 0));
        }
        // Now and then frames go to one target only, and the others grow old.
        int index = sequence % 7 < 3 ? 0 : random.nextInt(targets.length);
        copier.copy(frame, from, index, targets[index]);
        requireShows(source, from, target, targets[index], what + " frame " + sequence);
        frame.release();
      }
    }
    buffer.drop();
  }

  @Test
  void countsTheBytesThatItCopied() throws IOException {
    FrameLayout layout = Pictures.layout(PixelFormat.XRGB8888, 64, 32, 0);
    Buffer buffer = Pictures.buffer(layout);
    Frame frame = new Frame(_ -> {});
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment to = Pictures.memory(arena, layout, 0);
      PictureCopier copier = new PictureCopier(layout, 2);
      frame.present(buffer, 0, 0);
      assertEquals(64 * 32 * 4, copier.copy(frame, buffer.pixels(), 0, to), "the first is whole");
      frame.release();
      frame.present(buffer, 1, 0);
      assertEquals(0, copier.copy(frame, buffer.pixels(), 0, to), "nothing changed");
      frame.release();
      frame.present(buffer, 2, 0);
      frame.damage().add(10, 5, 3, 2);
      assertEquals(3 * 2 * 4, copier.copy(frame, buffer.pixels(), 0, to));
      frame.release();
    }
    buffer.drop();
  }

  @Test
  void aPictureThatChangesWhollyIsCopiedOnceHoweverOldTheTargetIs() throws IOException {
    FrameLayout layout = Pictures.layout(PixelFormat.XRGB8888, 64, 32, 0);
    Buffer buffer = Pictures.buffer(layout);
    Frame frame = new Frame(_ -> {});
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment to = Pictures.memory(arena, layout, 0);
      PictureCopier copier = new PictureCopier(layout, 8);
      for (int i = 0; i < 40; i++) {
        frame.present(buffer, i, 0);
        frame.damage().setAll(64, 32);
        assertEquals(64 * 32 * 4, copier.copy(frame, buffer.pixels(), i % 8, to));
        frame.release();
      }
    }
    buffer.drop();
  }

  @Test
  void overlappingPartsAreNeverMoreThanThePicture() throws IOException {
    FrameLayout layout = Pictures.layout(PixelFormat.XRGB8888, 64, 32, 0);
    Buffer buffer = Pictures.buffer(layout);
    Frame frame = new Frame(_ -> {});
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment to = Pictures.memory(arena, layout, 0);
      PictureCopier copier = new PictureCopier(layout, 1);
      for (int i = 0; i < 5; i++) {
        frame.present(buffer, i, 0);
        for (int r = 0; r < 10; r++) {
          frame.damage().add(r, r, 50, 20);
        }
        long copied = copier.copy(frame, buffer.pixels(), 0, to);
        assertTrue(copied <= 64 * 32 * 4, copied + " bytes");
        frame.release();
      }
    }
    buffer.drop();
  }

  @Test
  void ofFullRowsWithoutPaddingAllIsOneCopyOfTheRightBytes() throws IOException {
    FrameLayout layout = Pictures.layout(PixelFormat.NV12, 32, 16, 0);
    Buffer buffer = Pictures.buffer(layout);
    Frame frame = new Frame(_ -> {});
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment to = Pictures.memory(arena, layout, 0);
      PictureCopier copier = new PictureCopier(layout, 1);
      frame.present(buffer, 0, 0);
      assertEquals(32 * 16 * 3 / 2, copier.copy(frame, buffer.pixels(), 0, to));
      frame.release();
      frame.present(buffer, 1, 0);
      frame.damage().add(0, 4, 32, 4);
      assertEquals(32 * 4 + 32 * 2, copier.copy(frame, buffer.pixels(), 0, to));
      frame.release();
    }
    buffer.drop();
  }
}
