// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out by asking how a device takes pictures of a layout. No list of driver names is used:
 * S_FMT is read back, REQBUFS tells the memory types, ENUM_FMT what readers can enumerate.
 */
final class Negotiator {
  private static final Logger LOG = LoggerFactory.getLogger(Negotiator.class);

  private final VideoDevice device;
  private final boolean requireZeroCopy;
  private final int milliHertz;
  private final int onlyFourcc;
  private final Set<MemoryType> supported;

  /**
   * Memory types that failed with a real buffer, and what the device said. A dma-buf whose pages
   * cannot be pinned at their address says nothing of shared memory.
   */
  private final Set<MemoryType> failedForDmaBufs = EnumSet.noneOf(MemoryType.class);

  private final Set<MemoryType> failedForMemory = EnumSet.noneOf(MemoryType.class);

  private final List<String> failures = new ArrayList<>();

  /**
   * For one opening of a device.
   *
   * @param milliHertz the rate to announce, frames in 1000 seconds, more than 0
   * @param onlyFourcc the V4L2 fourcc that the user wants; 0 for any
   */
  Negotiator(VideoDevice device, boolean requireZeroCopy, int milliHertz, int onlyFourcc)
      throws ErrnoException {
    this.device = device;
    this.requireZeroCopy = requireZeroCopy;
    this.milliHertz = milliHertz;
    this.onlyFourcc = onlyFourcc;
    this.supported = device.supportedMemory();
  }

  /** A memory type failed when that buffer was queued: it is not chosen again for its like. */
  void exclude(MemoryType type, Buffer buffer, int errno) {
    failed(buffer).add(type);
    failures.add(type + " was tried and answered " + explain(type, errno));
  }

  /** What a device means that is there and refuses a buffer's memory. */
  static String explain(MemoryType type, int errno) {
    String text = Errno.describe(errno);
    return type == MemoryType.DMABUF && errno == Errno.ENODEV.number()
        ? text
            + ", as the exporter of this dma-buf lets nobody map it, so that no reader could see it"
            + " (Xen's gntdev is such; guestcam_grants makes dma-bufs that can be mapped)"
        : text;
  }

  /**
   * Sets the best format for pictures as {@code buffer} has them.
   *
   * @throws SinkRefusedException where the device cannot show them
   * @throws HostLacksException where they would have to be copied, and copies are forbidden
   * @throws ErrnoException where the device fails
   */
  OutputPlan negotiate(Buffer buffer)
      throws SinkRefusedException, HostLacksException, ErrnoException {
    FrameLayout layout = buffer.layout();
    if (!layout.isLinear()) {
      throw new SinkRefusedException(
          device
              + " takes rows one behind the other only, and the guest draws "
              + layout
              + "; have the guest draw linear buffers, or use a gst: sink that can convert");
    }
    OutputFormat format = chooseFormat(layout);
    return choosePath(buffer, format);
  }

  /**
   * Settles for the format that the device has now and cannot change: pictures are fitted in.
   *
   * @param cause what changing it answered
   */
  OutputPlan settle(Buffer buffer, ErrnoException cause)
      throws SinkRefusedException, HostLacksException, ErrnoException {
    OutputFormat format = device.format();
    if (!buffer.layout().format().v4l2().contains(format.fourcc())) {
      throw new SinkRefusedException(
          device
              + " is fixed to "
              + format
              + " ("
              + cause.getMessage()
              + "), and "
              + buffer.layout().format()
              + " cannot be shown in it without conversion");
    }
    return choosePath(buffer, format);
  }

  private OutputFormat chooseFormat(FrameLayout layout)
      throws SinkRefusedException, ErrnoException {
    boolean timings = OutputTimings.areWanted(device);
    String timingsProblem = "";
    if (timings) {
      try {
        OutputTimings.set(device, layout.width(), layout.height(), milliHertz);
      } catch (ErrnoException e) {
        if (e.is(Errno.EBUSY) || e.is(Errno.ENODEV)) {
          throw e;
        }
        timingsProblem =
            "; its display timings could not be set to "
                + layout.width()
                + "x"
                + layout.height()
                + " at "
                + milliHertz / 1000.0
                + " Hz ("
                + e.getMessage()
                + ")";
        LOG.warn("{}{}: it may scale the picture", device, timingsProblem);
      }
    }
    OutputFormat fallback = null;
    List<Integer> candidates = candidates(layout);
    for (int fourcc : candidates) {
      OutputFormat got = ask(fourcc, layout);
      if (got.fourcc() != fourcc || got.memoryPlanes() != 1) {
        continue;
      }
      if (!canBeEnumerated(fourcc)) {
        fallback = fallback == null ? got : fallback;
        continue;
      }
      return got;
    }
    if (fallback != null) {
      return ask(fallback.fourcc(), layout);
    }
    throw new SinkRefusedException(
        device
            + " takes none of "
            + candidates.stream().map(Fourcc::name).collect(Collectors.joining(", "))
            + " for the guest's "
            + layout.format()
            + timingsProblem
            + "; it takes "
            + device.enumerateFormats().stream()
                .map(Fourcc::name)
                .collect(Collectors.joining(", ")));
  }

  private OutputFormat ask(int fourcc, FrameLayout layout) throws ErrnoException {
    return device.setFormat(
        fourcc,
        layout.width(),
        layout.height(),
        layout.stride(0),
        layout.imageSize(),
        layout.format().isYuv());
  }

  /** The fourccs for a layout's bytes; those that the device enumerates come first. */
  private List<Integer> candidates(FrameLayout layout) throws SinkRefusedException, ErrnoException {
    if (onlyFourcc != 0) {
      if (!layout.format().v4l2().contains(onlyFourcc)) {
        throw new SinkRefusedException(
            "the guest draws "
                + layout.format()
                + ", which cannot be shown as "
                + Fourcc.name(onlyFourcc)
                + " without conversion; it can as "
                + layout.format().v4l2().stream()
                    .map(Fourcc::name)
                    .collect(Collectors.joining(", ")));
      }
      return List.of(onlyFourcc);
    }
    List<Integer> enumerated = device.enumerateFormats();
    return layout.format().v4l2().stream()
        .sorted(Comparator.comparingInt(fourcc -> enumerated.contains(fourcc) ? 0 : 1))
        .toList();
  }

  /**
   * Whether readers will find the format in the device's list. v4l2loopback sets fourccs that it
   * then cannot describe, and programs that enumerate first see no format at all.
   */
  private boolean canBeEnumerated(int fourcc) throws ErrnoException {
    try {
      List<Integer> formats = device.enumerateFormats();
      return formats.isEmpty() || formats.contains(fourcc);
    } catch (ErrnoException e) {
      if (e.is(Errno.ENODEV)) {
        throw e;
      }
      return false;
    }
  }

  private OutputPlan choosePath(Buffer buffer, OutputFormat format)
      throws SinkRefusedException, HostLacksException {
    FrameLayout layout = buffer.layout();
    FrameLayout target;
    try {
      target =
          FrameLayout.padded(layout.format(), format.width(), format.height(), format.stride());
    } catch (LayoutException e) {
      throw new SinkRefusedException(
          device + " made " + format + " of the format: " + e.getMessage());
    }
    String unfit = unfit(buffer, format);
    List<String> reasons = new ArrayList<>();
    if (unfit.isEmpty()) {
      if (buffer.isDmaBuf() && usable(MemoryType.DMABUF, buffer)) {
        return new OutputPlan(layout, format, target, MemoryType.DMABUF, "");
      }
      if (usable(MemoryType.USERPTR, buffer)) {
        return new OutputPlan(layout, format, target, MemoryType.USERPTR, "");
      }
      reasons.add(
          supported.stream().noneMatch(MemoryType::isZeroCopy)
              ? "its queue takes neither DMABUF nor USERPTR, only " + supported
              : supported.contains(MemoryType.USERPTR)
                  ? "its queue takes " + supported
                  : "its queue takes no USERPTR, and the guest's memory is no dma-buf");
    } else {
      reasons.add(unfit);
    }
    reasons.addAll(failures);
    String reason = String.join("; ", reasons);
    if (requireZeroCopy) {
      throw new HostLacksException(
          "zero copy is required, but "
              + device
              + " would need a copy: "
              + reason
              + ". Use a device that takes DMABUF ('guestcam devices' shows which do), or leave"
              + " out --require-zero-copy");
    }
    for (MemoryType type : List.of(MemoryType.MMAP, MemoryType.WRITE)) {
      if (usable(type, buffer)) {
        return new OutputPlan(layout, format, target, type, reason);
      }
    }
    throw new SinkRefusedException(
        device
            + " takes neither MMAP buffers nor write(), and nothing better is possible: "
            + reason);
  }

  private Set<MemoryType> failed(Buffer buffer) {
    return buffer.isDmaBuf() ? failedForDmaBufs : failedForMemory;
  }

  private boolean usable(MemoryType type, Buffer buffer) {
    return supported.contains(type) && !failed(buffer).contains(type);
  }

  /** Why the guest's memory cannot be shown as it lies there; empty where it can. */
  private static String unfit(Buffer buffer, OutputFormat format) throws SinkRefusedException {
    FrameLayout layout = buffer.layout();
    if (!format.hasSize(layout.width(), layout.height())) {
      return "the device stays at "
          + format.width()
          + "x"
          + format.height()
          + " while the guest draws "
          + layout.width()
          + "x"
          + layout.height();
    }
    if (format.stride() != layout.stride(0)) {
      return "the device wants a stride of "
          + format.stride()
          + " bytes, the guest's is "
          + layout.stride(0);
    }
    if (!layout.isContiguous()) {
      return "the planes of the guest's picture do not lie as the device wants them ("
          + layout
          + ")";
    }
    if (buffer.size() < format.imageSize()) {
      return "the device wants "
          + format.imageSize()
          + " bytes a picture, the guest's buffer has "
          + buffer.size();
    }
    return "";
  }
}
