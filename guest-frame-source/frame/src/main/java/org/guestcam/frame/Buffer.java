// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;

/**
 * Memory that a guest draws into, long-lived: a dma-buf, or shared memory that cannot become one,
 * and the layout of the picture in it.
 *
 * <p>One source makes it, any number of others hold it. The source calls {@link #drop} once, when
 * the guest has done with it; each frame that shows it holds it; whoever keeps reading beyond a
 * frame's release brackets that with {@link #hold} and {@link #letGo}. When it is dropped and
 * nobody holds it, its memory is closed, by the thread that let go last, and then {@code onClosed}
 * runs.
 */
public final class Buffer {
  /**
   * The file whose bytes shared memory is, for readers that map it themselves or pass it on to
   * another process.
   *
   * @param fd owned by the buffer
   * @param offset where in the file the buffer's first byte lies; the others follow it
   */
  public record SharedFile(Fd fd, long offset) {}

  private final int id;
  private final FrameLayout layout;
  private final DmaBuf dmaBuf;
  private final SharedFile file;
  private final Runnable onClosed;
  private Mapping mapping;
  private int holds = 1; // the source's own, which drop() gives back
  private boolean dropped;

  private Buffer(
      int id,
      FrameLayout layout,
      DmaBuf dmaBuf,
      SharedFile file,
      Mapping mapping,
      Runnable onClosed) {
    this.id = id;
    this.file = file;
    this.layout = Objects.requireNonNull(layout);
    this.dmaBuf = dmaBuf;
    this.mapping = mapping;
    this.onClosed = Objects.requireNonNull(onClosed);
  }

  /**
   * A buffer that is a dma-buf, which it takes over.
   *
   * @param id a number that is unique within the source
   * @throws LayoutException where the layout reaches past the dma-buf; the caller keeps it then
   */
  public static Buffer ofDmaBuf(int id, FrameLayout layout, DmaBuf dmaBuf, Runnable onClosed)
      throws LayoutException {
    layout.requireFits(dmaBuf.size());
    return new Buffer(id, layout, dmaBuf, null, null, onClosed);
  }

  /**
   * A buffer of shared memory that cannot become a dma-buf; takes the mapping over.
   *
   * @param id a number that is unique within the source
   * @throws LayoutException where the layout reaches past the mapping; the caller keeps it then
   */
  public static Buffer ofMemory(int id, FrameLayout layout, Mapping mapping, Runnable onClosed)
      throws LayoutException {
    layout.requireFits(mapping.segment().byteSize());
    return new Buffer(id, layout, null, null, mapping, onClosed);
  }

  /**
   * As the other, of memory that is one piece of a file; takes mapping and file over.
   *
   * @throws LayoutException where the layout reaches past the mapping; the caller keeps both then
   */
  public static Buffer ofSharedFile(
      int id, FrameLayout layout, Mapping mapping, SharedFile file, Runnable onClosed)
      throws LayoutException {
    layout.requireFits(mapping.segment().byteSize());
    return new Buffer(id, layout, null, Objects.requireNonNull(file), mapping, onClosed);
  }

  /** Unique within its source. */
  public int id() {
    return id;
  }

  /** How the picture lies in the memory. */
  public FrameLayout layout() {
    return layout;
  }

  /** Bytes that there are, from the first of the memory. */
  public synchronized long size() {
    return dmaBuf != null ? dmaBuf.size() : mapping.segment().byteSize();
  }

  /** Whether there is a dma-buf. */
  public boolean isDmaBuf() {
    return dmaBuf != null;
  }

  /**
   * The dma-buf, borrowed.
   *
   * @throws IllegalStateException where this is shared memory; ask {@link #isDmaBuf} first
   */
  public DmaBuf dmaBuf() {
    if (dmaBuf == null) {
      throw new IllegalStateException(this + " is not a dma-buf");
    }
    return dmaBuf;
  }

  /** The file that shared memory is a piece of; empty for a dma-buf, and where it is in pieces. */
  public Optional<SharedFile> file() {
    return Optional.ofNullable(file);
  }

  /**
   * The bytes, mapped at the first call and until the buffer is closed; CPU access goes between
   * {@link #beginRead} and {@link #endRead}.
   *
   * @throws IOException where the exporter of the dma-buf cannot be mapped
   */
  public synchronized MemorySegment pixels() throws IOException {
    if (holds == 0) {
      throw new IllegalStateException(this + " is closed");
    }
    if (mapping == null) {
      mapping = dmaBuf.map(Mapping.READ);
    }
    return mapping.segment();
  }

  /**
   * Begins reading with the CPU (DMA_BUF_SYNC_START); nothing for shared memory.
   *
   * @return zero or a negative errno
   */
  public int beginRead() {
    return dmaBuf == null ? 0 : dmaBuf.beginCpuAccess(DmaBuf.READ);
  }

  /** Ends what {@link #beginRead} began. */
  public int endRead() {
    return dmaBuf == null ? 0 : dmaBuf.endCpuAccess(DmaBuf.READ);
  }

  /** Keeps the memory open until {@link #letGo}. */
  public synchronized void hold() {
    if (holds == 0) {
      throw new IllegalStateException(this + " is closed");
    }
    holds++;
  }

  /** Gives one {@link #hold} back. */
  public void letGo() {
    synchronized (this) {
      if (holds == 0) {
        throw new IllegalStateException(this + " was let go of more often than held");
      }
      if (--holds > 0) {
        return;
      }
      if (mapping != null) {
        mapping.close();
      }
      if (dmaBuf != null) {
        dmaBuf.close();
      }
      if (file != null) {
        file.fd().close();
      }
    }
    onClosed.run();
  }

  /** The source has done with it: called once, by the source. */
  public void drop() {
    synchronized (this) {
      if (dropped) {
        throw new IllegalStateException(this + " was dropped before");
      }
      dropped = true;
    }
    letGo();
  }

  @Override
  public String toString() {
    return "buffer " + id + " (" + layout + ")";
  }
}
