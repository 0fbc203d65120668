// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What converts pictures: by itself the first of the elements of GPUs that this machine has and
 * that does it, else the CPU; or what the user named, and nothing else. Used by one thread.
 */
final class ConverterChoice {
  private static final Logger LOG = LoggerFactory.getLogger(ConverterChoice.class);
  private static final String AUTO = "auto";
  private static final String CPU = "cpu";

  /**
   * An element that takes dma-bufs and makes dma-bufs. GStreamer has those that are known here only
   * where it found such hardware.
   *
   * @param pipeline with what it needs to be told
   * @param bt709 whether it makes BT.709 of RGB when it is asked to; a V4L2 device has one way
   */
  private record Hardware(String element, String pipeline, boolean bt709) {}

  private static final List<Hardware> HARDWARE =
      List.of(
          new Hardware("vapostproc", "vapostproc", true),
          new Hardware(
              "v4l2convert",
              "v4l2convert output-io-mode=dmabuf-import capture-io-mode=dmabuf",
              false));

  private final List<Hardware> elements;
  private final boolean named;

  private ConverterChoice(List<Hardware> elements, boolean named) {
    this.elements = new ArrayList<>(elements);
    this.named = named;
  }

  /** The choice that {@code converter} leaves, as {@link ConvertedSource} has it. */
  static ConverterChoice of(String converter) {
    return switch (converter) {
      case CPU -> new ConverterChoice(List.of(), false);
      case AUTO ->
          new ConverterChoice(
              HARDWARE.stream().filter(one -> GStreamer.has(one.element)).toList(), false);
      default ->
          new ConverterChoice(
              HARDWARE.stream()
                  .filter(one -> one.element.equals(converter))
                  .findFirst()
                  .map(List::of)
                  .orElse(List.of(new Hardware(converter, converter, false))),
              true);
    };
  }

  /**
   * Begins to convert pictures that lie as {@code buffer}'s.
   *
   * @throws HostLacksException where nothing here converts them
   */
  Conversion begin(
      Buffer buffer, PixelFormat format, int firstId, FrameListener listener, Runnable onFree)
      throws IOException, LayoutException {
    FrameLayout layout = buffer.layout();
    if (named && !buffer.isDmaBuf()) {
      throw new HostLacksException(
          "--converter "
              + elements.getFirst().element
              + " takes dma-bufs, and the guest's pictures are in shared memory; leave --converter"
              + " out, then the CPU converts ('guestcam doctor' tells of udmabuf)");
    }
    while (buffer.isDmaBuf() && !elements.isEmpty()) {
      try {
        Hardware first = elements.getFirst();
        return new ElementConversion(
            layout, format, first.pipeline, first.bt709, firstId, listener, onFree);
      } catch (IOException e) {
        failed(e);
      }
    }
    if (!layout.isLinear()) {
      throw new HostLacksException(
          layout + " is not linear: the CPU cannot convert it to " + format);
    }
    return new CpuConversion(layout, format, firstId, listener, onFree);
  }

  /**
   * The conversion that was begun last failed: goes on to the next.
   *
   * @throws IOException where there is none
   */
  void failed(IOException failure) throws IOException {
    if (elements.isEmpty()) {
      throw failure;
    }
    if (named) {
      throw new HostLacksException(
          "--converter: " + failure.getMessage() + "; leave it out, then the CPU converts",
          failure);
    }
    String element = elements.removeFirst().element;
    LOG.warn("{} does not convert these pictures: {}", element, failure.getMessage());
  }
}
