// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.guestcam.frame.HostLacksException;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Ioctl;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.v4l2_capability;
import org.guestcam.uapi.abi.v4l2_fmtdesc;
import org.guestcam.uapi.abi.v4l2_format;
import org.guestcam.uapi.abi.v4l2_pix_format;
import org.guestcam.uapi.abi.v4l2_pix_format_mplane;
import org.guestcam.uapi.abi.v4l2_plane_pix_format;
import org.guestcam.uapi.abi.v4l2_requestbuffers;

/**
 * An open V4L2 node: its capabilities and the questions that are asked before streaming. Owns its
 * descriptor. Not thread-safe.
 */
final class VideoDevice implements AutoCloseable {
  private static final int FORMATS_MAX = 512; // a driver that never ends its list is not believed

  private final Fd fd;
  private final String driver;
  private final String card;
  private final int capabilities;

  private VideoDevice(Fd fd, String driver, String card, int capabilities) {
    this.fd = fd;
    this.driver = driver;
    this.card = card;
    this.capabilities = capabilities;
  }

  /**
   * Opens a node, not blocking.
   *
   * @throws HostLacksException where there is no such node, no right to it, or it is not V4L2
   */
  static VideoDevice open(Path node) throws HostLacksException {
    Fd fd;
    try {
      fd = Fd.open(node, Fd.O_RDWR | Fd.O_NONBLOCK);
    } catch (ErrnoException e) {
      throw new HostLacksException(explainOpen(node, e), e);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment caps = v4l2_capability.allocate(arena);
      int r = Ioctl.call(fd, Uapi.VIDIOC_QUERYCAP(), caps);
      if (r < 0) {
        fd.close();
        throw new HostLacksException(
            node
                + " is not a V4L2 device (VIDIOC_QUERYCAP: "
                + Errno.describe(-r)
                + "); 'guestcam devices' lists those there are");
      }
      int all = v4l2_capability.capabilities(caps);
      int own = (all & Uapi.V4L2_CAP_DEVICE_CAPS()) != 0 ? v4l2_capability.device_caps(caps) : all;
      return new VideoDevice(
          fd, text(v4l2_capability.driver(caps)), text(v4l2_capability.card(caps)), own);
    }
  }

  private static String explainOpen(Path node, ErrnoException e) {
    if (e.is(Errno.ENOENT) || e.is(Errno.ENODEV) || e.is(Errno.ENXIO)) {
      return "there is no device "
          + node
          + "; 'guestcam devices' lists those there are, and 'guestcam doctor' tells how to get one";
    }
    if (e.is(Errno.EACCES)) {
      return "no right to open "
          + node
          + "; join its group: sudo usermod -aG video $USER,"
          + " and log in again";
    }
    if (e.is(Errno.EBUSY)) {
      return node + " is in use by another program; 'sudo fuser -v " + node + "' tells by which";
    }
    return e.getMessage();
  }

  /** A NUL-terminated field of a kernel structure. */
  private static String text(MemorySegment field) {
    byte[] bytes = field.toArray(ValueLayout.JAVA_BYTE);
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  Fd fd() {
    return fd;
  }

  String driver() {
    return driver;
  }

  String card() {
    return card;
  }

  /** Whether the device still answers: ENODEV of another call may be about something else. */
  boolean isPresent() {
    try (Arena arena = Arena.ofConfined()) {
      int r = Ioctl.call(fd, Uapi.VIDIOC_QUERYCAP(), v4l2_capability.allocate(arena));
      return !Errno.ENODEV.is(r);
    }
  }

  private boolean has(int bits) {
    return (capabilities & bits) != 0;
  }

  /** Whether it takes pictures. */
  boolean isOutput() {
    return has(Uapi.V4L2_CAP_VIDEO_OUTPUT() | Uapi.V4L2_CAP_VIDEO_OUTPUT_MPLANE());
  }

  /** Whether it gives pictures. */
  boolean isCapture() {
    return has(Uapi.V4L2_CAP_VIDEO_CAPTURE() | Uapi.V4L2_CAP_VIDEO_CAPTURE_MPLANE());
  }

  /** Whether its output queue speaks the multi-planar API. */
  boolean isMultiplanar() {
    return has(Uapi.V4L2_CAP_VIDEO_OUTPUT_MPLANE()) && !has(Uapi.V4L2_CAP_VIDEO_OUTPUT());
  }

  /** enum v4l2_buf_type of its output queue. */
  int queueType() {
    return isMultiplanar()
        ? Uapi.V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE()
        : Uapi.V4L2_BUF_TYPE_VIDEO_OUTPUT();
  }

  /**
   * What the output queue takes, found by asking for no buffers of each kind.
   *
   * @throws ErrnoException EBUSY where another program holds the queue
   */
  Set<MemoryType> supportedMemory() throws ErrnoException {
    Set<MemoryType> supported = EnumSet.noneOf(MemoryType.class);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = v4l2_requestbuffers.allocate(arena);
      for (MemoryType type : MemoryType.values()) {
        if (type == MemoryType.WRITE) {
          continue;
        }
        request.fill((byte) 0);
        v4l2_requestbuffers.type(request, queueType());
        v4l2_requestbuffers.memory(request, type.memory());
        int r = Ioctl.call(fd, Uapi.VIDIOC_REQBUFS(), request);
        if (Errno.EBUSY.is(r)) {
          throw new ErrnoException("VIDIOC_REQBUFS", fd.name(), -r);
        }
        int known = v4l2_requestbuffers.capabilities(request);
        if (r >= 0 && (known == 0 || (known & type.capability()) != 0)) {
          supported.add(type);
        }
      }
    }
    if (has(Uapi.V4L2_CAP_READWRITE())) {
      supported.add(MemoryType.WRITE);
    }
    return supported;
  }

  /**
   * The fourccs that the output enumerates, in its order.
   *
   * @throws ErrnoException where the list breaks off with anything but its end (EINVAL)
   */
  List<Integer> enumerateFormats() throws ErrnoException {
    List<Integer> formats = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment description = v4l2_fmtdesc.allocate(arena);
      for (int i = 0; i < FORMATS_MAX; i++) {
        description.fill((byte) 0);
        v4l2_fmtdesc.index(description, i);
        v4l2_fmtdesc.type(description, queueType());
        int r = Ioctl.call(fd, Uapi.VIDIOC_ENUM_FMT(), description);
        if (Errno.EINVAL.is(r) || Errno.ENOTTY.is(r)) {
          break;
        }
        if (r < 0) {
          throw new ErrnoException("VIDIOC_ENUM_FMT", fd.name(), -r);
        }
        formats.add(v4l2_fmtdesc.pixelformat(description));
      }
    }
    return formats;
  }

  /** The format that the output has now. */
  OutputFormat format() throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment format = v4l2_format.allocate(arena);
      v4l2_format.type(format, queueType());
      Ioctl.require(fd, Uapi.VIDIOC_G_FMT(), "VIDIOC_G_FMT", format);
      return read(format);
    }
  }

  /**
   * Asks for a format and reads back what the device made of it: it may change every number.
   *
   * @param yuv whether to announce video colours (BT.709, limited range) or a screen's (sRGB, full)
   * @throws ErrnoException EBUSY where the queue has buffers or a reader holds the format
   */
  OutputFormat setFormat(int fourcc, int width, int height, int stride, long imageSize, boolean yuv)
      throws ErrnoException {
    int colorspace = yuv ? Uapi.V4L2_COLORSPACE_REC709() : Uapi.V4L2_COLORSPACE_SRGB();
    int range = yuv ? Uapi.V4L2_QUANTIZATION_LIM_RANGE() : Uapi.V4L2_QUANTIZATION_FULL_RANGE();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment format = v4l2_format.allocate(arena);
      v4l2_format.type(format, queueType());
      if (isMultiplanar()) {
        MemorySegment pix = planar(format);
        v4l2_pix_format_mplane.width(pix, width);
        v4l2_pix_format_mplane.height(pix, height);
        v4l2_pix_format_mplane.pixelformat(pix, fourcc);
        v4l2_pix_format_mplane.field(pix, Uapi.V4L2_FIELD_NONE());
        v4l2_pix_format_mplane.colorspace(pix, colorspace);
        v4l2_pix_format_mplane.quantization(pix, (byte) range);
        v4l2_pix_format_mplane.num_planes(pix, (byte) 1);
        MemorySegment plane = v4l2_pix_format_mplane.plane_fmt(pix, 0);
        v4l2_plane_pix_format.bytesperline(plane, stride);
        v4l2_plane_pix_format.sizeimage(plane, (int) imageSize);
      } else {
        MemorySegment pix = single(format);
        v4l2_pix_format.width(pix, width);
        v4l2_pix_format.height(pix, height);
        v4l2_pix_format.pixelformat(pix, fourcc);
        v4l2_pix_format.field(pix, Uapi.V4L2_FIELD_NONE());
        v4l2_pix_format.bytesperline(pix, stride);
        v4l2_pix_format.sizeimage(pix, (int) imageSize);
        v4l2_pix_format.colorspace(pix, colorspace);
        v4l2_pix_format.priv(pix, Uapi.V4L2_PIX_FMT_PRIV_MAGIC());
        v4l2_pix_format.quantization(pix, range);
      }
      Ioctl.require(fd, Uapi.VIDIOC_S_FMT(), "VIDIOC_S_FMT", format);
      return read(format);
    }
  }

  private static MemorySegment single(MemorySegment format) {
    return v4l2_format.fmt.pix(v4l2_format.fmt(format));
  }

  private static MemorySegment planar(MemorySegment format) {
    return v4l2_format.fmt.pix_mp(v4l2_format.fmt(format));
  }

  private OutputFormat read(MemorySegment format) {
    if (isMultiplanar()) {
      MemorySegment pix = planar(format);
      MemorySegment plane = v4l2_pix_format_mplane.plane_fmt(pix, 0);
      return new OutputFormat(
          v4l2_pix_format_mplane.pixelformat(pix),
          v4l2_pix_format_mplane.width(pix),
          v4l2_pix_format_mplane.height(pix),
          v4l2_plane_pix_format.bytesperline(plane),
          v4l2_plane_pix_format.sizeimage(plane),
          v4l2_pix_format_mplane.num_planes(pix));
    }
    MemorySegment pix = single(format);
    return new OutputFormat(
        v4l2_pix_format.pixelformat(pix),
        v4l2_pix_format.width(pix),
        v4l2_pix_format.height(pix),
        v4l2_pix_format.bytesperline(pix),
        v4l2_pix_format.sizeimage(pix),
        1);
  }

  /**
   * Asks for buffers; 0 gives the old ones back.
   *
   * @return how many there are now, which may be more or fewer
   */
  int requestBuffers(int count, MemoryType type) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = v4l2_requestbuffers.allocate(arena);
      v4l2_requestbuffers.count(request, count);
      v4l2_requestbuffers.type(request, queueType());
      v4l2_requestbuffers.memory(request, type.memory());
      Ioctl.require(fd, Uapi.VIDIOC_REQBUFS(), "VIDIOC_REQBUFS", request);
      return v4l2_requestbuffers.count(request);
    }
  }

  @Override
  public void close() {
    fd.close();
  }

  @Override
  public String toString() {
    return fd.name() + " (" + (card.isEmpty() ? driver : card) + ")";
  }
}
