// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/**
 * The test picture: a still background, a bar of the picture's whole height that moves with every
 * frame, and two stamps, at the top and at the bottom.
 *
 * <p>Every byte that belongs to the picture is a function of format, width, height, frame number
 * and timestamp, and of nothing else. So who reads the stamp of a captured frame can make that
 * frame anew and compare all of it ({@link #firstDifference}), in a layout with other strides and
 * offsets than the guest's as well.
 *
 * <p>A stamp is 36 by 4 blocks, black for 0 and white for 1, of 8x8 pixels (4x4 where the picture
 * is less than 320 pixels wide): the frame's number, its timestamp, a check sum. They survive
 * chroma subsampling and lossy encoders. A picture whose two stamps differ is torn.
 *
 * <p>Drawing a frame copies prepared rows and allocates nothing. Not thread-safe: one a thread.
 */
public final class PatternPicture {
  /** Smaller pictures have no room for the stamps, in pixels. */
  public static final int MIN_WIDTH = 160;

  /** Smaller pictures have no room for the stamps, in pixels. */
  public static final int MIN_HEIGHT = 120;

  /** For {@link #draw} and {@link #damage}: there was no frame before. */
  public static final long NONE = -1;

  private static final int COLUMNS = 36;
  private static final int LINES = StampCode.BITS / COLUMNS;
  private static final int BAR_COLOUR = 0xffe060;
  private static final int BLACK = 0x000000;
  private static final int WHITE = 0xffffff;
  private static final int MIDDLE = 128;

  private final FrameLayout layout;
  private final PixelCoder coder;
  private final MemorySegment[] background;
  private final int barWidth;
  private final int barPlaces;
  private final int barStep;
  private final MemorySegment[] bar;
  private final int block;
  private final int bottom;
  private final byte[][][] blockRows; // plane, bit, bytes
  private final byte[][] stampRows; // plane, bytes of one row of a stamp
  private final MemorySegment[] stampRowSegments; // the same arrays
  private final StampCode code = new StampCode();
  private MemorySegment compared; // the frame that was compared last
  private long comparedFrame;

  /**
   * Prepares the picture, which for a large one takes a while.
   *
   * @param layout linear, at least 160x120
   * @throws IllegalArgumentException where it is smaller or not linear
   */
  public PatternPicture(FrameLayout layout) {
    requireRoom(layout);
    this.layout = layout;
    PixelFormat format = layout.format();
    int planes = layout.planes();
    coder = new PixelCoder(format);
    background = Background.planes(format, layout.width(), layout.height());

    // The bar moves in steps of two pixels and is an even number wide, so that no chroma sample is
    // half in it.
    barWidth = layout.width() / 80 * 2 + 4;
    barPlaces = (layout.width() - barWidth) / 2 + 1;
    barStep = Math.max(1, layout.width() / 320);
    bar = new MemorySegment[planes];

    block = layout.width() < 320 ? 4 : 8;
    bottom = (layout.height() - (LINES + 1) * block) & ~1;
    blockRows = new byte[planes][2][];
    stampRows = new byte[planes][];
    stampRowSegments = new MemorySegment[planes];
    for (int p = 0; p < planes; p++) {
      bar[p] = MemorySegment.ofArray(Background.plain(format, p, barWidth, BAR_COLOUR));
      blockRows[p][0] = Background.plain(format, p, block, BLACK);
      blockRows[p][1] = Background.plain(format, p, block, WHITE);
      stampRows[p] = new byte[COLUMNS * blockRows[p][0].length];
      stampRowSegments[p] = MemorySegment.ofArray(stampRows[p]);
    }
  }

  private static void requireRoom(FrameLayout layout) {
    if (layout.width() < MIN_WIDTH || layout.height() < MIN_HEIGHT) {
      throw new IllegalArgumentException(
          "a test picture has at least "
              + MIN_WIDTH
              + "x"
              + MIN_HEIGHT
              + " pixels, got "
              + layout.width()
              + "x"
              + layout.height());
    }
    if (!layout.isLinear()) {
      throw new IllegalArgumentException("a test picture is drawn linear, got " + layout);
    }
  }

  /** How the picture lies in the memory that it is drawn into and read from. */
  public FrameLayout layout() {
    return layout;
  }

  /**
   * Draws what never changes: once for each memory, before its first frame. Bytes between the rows
   * stay as they are, which in new memory is zero.
   */
  public void drawBackground(MemorySegment target) {
    for (int p = 0; p < background.length; p++) {
      int rowBytes = layout.rowBytes(p);
      copyRows(background[p], 0, rowBytes, target, p, 0, 0, layout.rows(p), rowBytes);
    }
  }

  /**
   * Draws a frame, touching only what differs. Allocates nothing.
   *
   * @param target memory that {@link #drawBackground} was called for
   * @param frame its number, zero or more
   * @param timestampNanos CLOCK_MONOTONIC nanoseconds
   * @param previous the frame that was drawn into this memory before, or {@link #NONE}
   */
  public void draw(MemorySegment target, long frame, long timestampNanos, long previous) {
    if (previous != NONE) {
      drawBar(target, barX(previous), true);
    }
    drawBar(target, barX(frame), false);
    code.set(frame, timestampNanos);
    drawStamps(target);
  }

  private void drawBar(MemorySegment target, int x, boolean remove) {
    for (int p = 0; p < bar.length; p++) {
      PixelFormat.Plane plane = layout.format().planes().get(p);
      int left = x / plane.xPixels() * plane.bytes();
      int bytes = barWidth / plane.xPixels() * plane.bytes();
      int rows = layout.rows(p);
      if (remove) {
        copyRows(background[p], left, layout.rowBytes(p), target, p, left, 0, rows, bytes);
      } else {
        copyRows(bar[p], 0, 0, target, p, left, 0, rows, bytes);
      }
    }
  }

  private void drawStamps(MemorySegment target) {
    for (int line = 0; line < LINES; line++) {
      for (int p = 0; p < stampRows.length; p++) {
        PixelFormat.Plane plane = layout.format().planes().get(p);
        int bytes = blockRows[p][0].length;
        for (int column = 0; column < COLUMNS; column++) {
          byte[] from = blockRows[p][code.bit(line * COLUMNS + column)];
          System.arraycopy(from, 0, stampRows[p], column * bytes, bytes);
        }
        int left = stampX() / plane.xPixels() * plane.bytes();
        int rows = block / plane.yPixels();
        int wide = stampRows[p].length;
        int upper = (stampTop() + line * block) / plane.yPixels();
        int lower = (bottom + line * block) / plane.yPixels();
        copyRows(stampRowSegments[p], 0, 0, target, p, left, upper, rows, wide);
        copyRows(stampRowSegments[p], 0, 0, target, p, left, lower, rows, wide);
      }
    }
  }

  /**
   * Copies {@code rows} times {@code bytes} into a plane of the target.
   *
   * @param fromStride bytes to the next row of {@code from}; 0 to copy the same one again
   */
  private void copyRows(
      MemorySegment from,
      long fromOffset,
      int fromStride,
      MemorySegment target,
      int plane,
      int left,
      int top,
      int rows,
      int bytes) {
    int stride = layout.stride(plane);
    long at = layout.offset(plane) + (long) top * stride + left;
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(from, fromOffset, target, at, bytes);
      fromOffset += fromStride;
      at += stride;
    }
  }

  private int barX(long frame) {
    return (int) (Math.floorMod(frame, (long) barPlaces) * barStep % barPlaces) * 2;
  }

  /** The quiet border around a stamp is one block wide. */
  private int stampX() {
    return block;
  }

  private int stampTop() {
    return block;
  }

  /**
   * Adds to {@code damage} where frame {@code to} differs from frame {@code from}, whatever their
   * timestamps are.
   *
   * @param from or {@link #NONE}: everything does
   */
  public void damage(long from, long to, Damage damage) {
    if (from == NONE) {
      damage.add(0, 0, layout.width(), layout.height());
      return;
    }
    damage.add(barX(from), 0, barWidth, layout.height());
    damage.add(barX(to), 0, barWidth, layout.height());
    damage.add(stampX(), stampTop(), COLUMNS * block, LINES * block);
    damage.add(stampX(), bottom, COLUMNS * block, LINES * block);
  }

  /** Reads the stamps of a picture, which may be a damaged or a foreign one. */
  public Stamp read(MemorySegment picture) {
    StampCode upper = readCode(picture, stampTop());
    StampCode lower = readCode(picture, bottom);
    boolean both = upper.isValid() && lower.isValid();
    boolean torn =
        both
            && (upper.frame() != lower.frame() || upper.timestampNanos() != lower.timestampNanos());
    StampCode said = upper.isValid() ? upper : lower;
    return new Stamp(said.frame(), said.timestampNanos(), torn, both);
  }

  private StampCode readCode(MemorySegment picture, int top) {
    StampCode read = new StampCode();
    for (int bit = 0; bit < StampCode.BITS; bit++) {
      int x = stampX() + bit % COLUMNS * block;
      int y = top + bit / COLUMNS * block;
      read.setBit(bit, meanOfCentre(picture, x, y) >= MIDDLE);
    }
    return read;
  }

  /** The edges of a block are where an encoder or a scaler blurs it. */
  private int meanOfCentre(MemorySegment picture, int left, int top) {
    int sum = 0;
    for (int y = block / 4; y < block * 3 / 4; y++) {
      for (int x = block / 4; x < block * 3 / 4; x++) {
        sum += coder.brightness(picture, layout, left + x, top + y);
      }
    }
    return sum / (block / 2 * (block / 2));
  }

  /**
   * The whole frame, in new memory of {@link FrameLayout#imageSize} bytes, zero between the rows.
   */
  public MemorySegment reference(long frame, long timestampNanos) {
    MemorySegment picture = Arena.ofAuto().allocate(Math.max(layout.imageSize(), layout.end()));
    drawBackground(picture);
    draw(picture, frame, timestampNanos, NONE);
    return picture;
  }

  /**
   * Compares every byte of a picture with what that frame has to be; bytes between the rows may be
   * anything.
   *
   * @param captured at least {@link FrameLayout#end} bytes
   * @return where in {@code captured} the first difference is, plane by plane and row by row; -1
   *     where there is none
   */
  public long firstDifference(MemorySegment captured, long frame, long timestampNanos) {
    if (compared == null) {
      compared = reference(frame, timestampNanos);
    } else {
      draw(compared, frame, timestampNanos, comparedFrame);
    }
    comparedFrame = frame;
    for (int p = 0; p < layout.planes(); p++) {
      long at = layout.offset(p);
      int bytes = layout.rowBytes(p);
      for (int row = 0; row < layout.rows(p); row++) {
        long difference =
            MemorySegment.mismatch(captured, at, at + bytes, compared, at, at + bytes);
        if (difference >= 0) {
          return at + difference;
        }
        at += layout.stride(p);
      }
    }
    return -1;
  }
}
