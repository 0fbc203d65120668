// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.vhostgpu.vhost.DescriptorChain;

/**
 * What the guest asks of its displays: GET_DISPLAY_INFO and GET_EDID. The answer is the modes that
 * the user asked for; without any it is what QEMU's own display says, for which the guest's
 * question waits, and no longer than {@link #PATIENCE}.
 */
final class DisplayQuestions {
  /** QEMU answers at once, or not at all, nanoseconds. */
  static final long PATIENCE = 1_000_000_000L;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final Edid.Size DEFAULT = new Edid.Size(1024, 768);
  private static final int CAPACITY = 16;
  private static final int PARTS = 4;

  /** Gives an answer back to the guest. */
  @FunctionalInterface
  interface Sender {
    /** Sends the first {@code length} bytes of {@code answer}. */
    void send(int head, DescriptorChain chain, MemorySegment answer, long length);
  }

  private static final class Question {
    private final DescriptorChain chain = new DescriptorChain(PARTS);
    private final MemorySegment header;
    private int head;
    private int scanout; // -1: display info
    private long deadline;

    Question(MemorySegment header) {
      this.header = header;
    }
  }

  private final Question[] waiting = new Question[CAPACITY];
  private final MemorySegment answer;
  private final Edid.Size[] windows = new Edid.Size[Gpu.SCANOUTS]; // what QEMU said; null: disabled
  private List<Edid.Size> modes = List.of();
  private int count;

  /**
   * Nothing is asked.
   *
   * @param memory native, as much as {@link #bytes} says
   */
  DisplayQuestions(MemorySegment memory) {
    answer = memory.asSlice(0, answerBytes());
    for (int i = 0; i < CAPACITY; i++) {
      waiting[i] =
          new Question(memory.asSlice(answerBytes() + i * GpuProtocol.HEADER, GpuProtocol.HEADER));
    }
    windows[0] = DEFAULT;
  }

  private static long answerBytes() {
    return Math.max(GpuProtocol.DISPLAY_INFO_SIZE, GpuProtocol.EDID_ANSWER_SIZE);
  }

  /** Bytes of native memory that the constructor wants. */
  static long bytes() {
    return answerBytes() + CAPACITY * GpuProtocol.HEADER;
  }

  /** The modes that the user asked for; empty for what QEMU says. */
  void setModes(List<Edid.Size> wanted) {
    modes = wanted;
  }

  /** Whether QEMU is to be asked. */
  boolean dependOnQemu() {
    return modes.isEmpty();
  }

  /**
   * Keeps a question until QEMU has answered.
   *
   * @return false where it must be answered now
   */
  boolean keep(int head, DescriptorChain chain, MemorySegment header, int scanout, long now) {
    if (count == CAPACITY || !chain.copyWritableTo(waiting[count].chain)) {
      return false;
    }
    Question question = waiting[count++];
    question.header.copyFrom(header);
    question.head = head;
    question.scanout = scanout;
    question.deadline = now + PATIENCE;
    return true;
  }

  /** When {@link #tick} wants to be called. */
  long wakeAt() {
    return count == 0 ? Answers.NEVER : waiting[0].deadline;
  }

  /** Answers with what is known, when QEMU takes too long. */
  void tick(long now, boolean[] looked, Sender sender) {
    if (count > 0 && now >= waiting[0].deadline) {
      answerAll(looked, sender);
    }
  }

  /** QEMU says how large its windows are. */
  void windowsAre(MemorySegment info) {
    for (int i = 0; i < Gpu.SCANOUTS; i++) {
      long at = GpuProtocol.DISPLAY_INFO_MODES + i * GpuProtocol.DISPLAY_MODE_SIZE;
      int width = info.get(INT, at + GpuProtocol.DISPLAY_MODE_RECT + GpuProtocol.WIDTH);
      int height = info.get(INT, at + GpuProtocol.DISPLAY_MODE_RECT + GpuProtocol.HEIGHT);
      boolean enabled = info.get(INT, at + GpuProtocol.DISPLAY_MODE_ENABLED) != 0;
      boolean possible = width > 0 && width <= 16384 && height > 0 && height <= 16384;
      windows[i] = enabled && possible ? new Edid.Size(width, height) : null;
    }
  }

  /** Answers all that wait. */
  void answerAll(boolean[] looked, Sender sender) {
    for (int i = 0; i < count; i++) {
      Question question = waiting[i];
      long length = write(question.header, question.scanout, looked);
      sender.send(question.head, question.chain, answer, length);
    }
    count = 0;
  }

  /** Answers one now. */
  void answer(
      int head,
      DescriptorChain chain,
      MemorySegment header,
      int scanout,
      boolean[] looked,
      Sender sender) {
    sender.send(head, chain, answer, write(header, scanout, looked));
  }

  private long write(MemorySegment header, int scanout, boolean[] looked) {
    answer.fill((byte) 0);
    MemorySegment.copy(header, 0, answer, 0, GpuProtocol.HEADER);
    return scanout < 0 ? writeInfo(looked) : writeEdid(scanout, looked);
  }

  private long writeInfo(boolean[] looked) {
    answer.set(INT, GpuProtocol.TYPE, GpuProtocol.OK_DISPLAY_INFO);
    int left = 0;
    for (int i = 0; i < Gpu.SCANOUTS; i++) {
      Edid.Size size = size(i, looked);
      if (size != null) {
        long at = GpuProtocol.DISPLAY_INFO_MODES + i * GpuProtocol.DISPLAY_MODE_SIZE;
        answer.set(INT, at + GpuProtocol.DISPLAY_MODE_RECT + GpuProtocol.X, left);
        answer.set(INT, at + GpuProtocol.DISPLAY_MODE_RECT + GpuProtocol.WIDTH, size.width());
        answer.set(INT, at + GpuProtocol.DISPLAY_MODE_RECT + GpuProtocol.HEIGHT, size.height());
        answer.set(INT, at + GpuProtocol.DISPLAY_MODE_ENABLED, 1);
        left += size.width(); // side by side
      }
    }
    return GpuProtocol.DISPLAY_INFO_SIZE;
  }

  /** The preferred size of a display, or null where none is connected. */
  private Edid.Size size(int scanout, boolean[] looked) {
    if (modes.isEmpty()) {
      return windows[scanout];
    }
    return scanout == 0 || looked[scanout] ? modes.getFirst() : null;
  }

  private long writeEdid(int scanout, boolean[] looked) {
    answer.set(INT, GpuProtocol.TYPE, GpuProtocol.OK_EDID);
    List<Edid.Size> offered = new ArrayList<>(modes);
    if (offered.isEmpty()) {
      Edid.Size window = size(scanout, looked);
      boolean hasTiming =
          window != null && Math.max(window.width(), window.height()) <= Edid.MAX_SIDE;
      offered.add(hasTiming ? window : DEFAULT);
    }
    MemorySegment edid = answer.asSlice(GpuProtocol.EDID_ANSWER_BYTES);
    int bytes = Edid.write(offered, scanout + 1, edid);
    answer.set(INT, GpuProtocol.EDID_ANSWER_LENGTH, bytes);
    return GpuProtocol.EDID_ANSWER_SIZE;
  }
}
