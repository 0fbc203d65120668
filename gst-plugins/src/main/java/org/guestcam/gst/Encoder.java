// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.guestcam.frame.HostLacksException;

/**
 * The encoders that guestcam knows to set up, the best first: hardware, then software. None looks
 * ahead, so that a still screen's last picture is in the file and not in the encoder.
 */
enum Encoder {
  /** VA-API. */
  VA_H264("va-h264", "vah264enc", "", Codec.H264),
  /** VA-API's low-power encoder, the only one of newer Intel GPUs. */
  VA_H264_LP("va-h264-lp", "vah264lpenc", "", Codec.H264),
  /** NVIDIA. */
  NV_H264("nvenc-h264", "nvh264enc", "zerolatency=true", Codec.H264),
  /** An encoder behind V4L2, as on boards. */
  V4L2_H264("v4l2-h264", "v4l2h264enc", "", Codec.H264),
  /** x264 at constant quality. */
  X264(
      "x264",
      "x264enc",
      "pass=qual quantizer=21 speed-preset=veryfast tune=zerolatency key-int-max=300",
      Codec.H264),
  /** Cisco's H.264. */
  OPENH264(
      "openh264", "openh264enc", "bitrate=6000000 rate-control=bitrate gop-size=300", Codec.H264),
  /** SVT-AV1. */
  SVT_AV1("svt-av1", "svtav1enc", "preset=10", Codec.AV1),
  /** VP8. */
  VP8(
      "vp8",
      "vp8enc",
      "deadline=1 cpu-used=8 end-usage=cq cq-level=20 target-bitrate=8000000 keyframe-max-dist=300",
      Codec.VP8),
  /** Lossless, of RGB as it is: every pixel is kept. Never chosen by itself. */
  FFV1("ffv1", "avenc_ffv1", "", Codec.FFV1);

  /** What an encoder makes, what reads it into a file, and which files take it. */
  @SuppressWarnings("ImmutableEnumChecker") // its list is List.of: immutable
  enum Codec {
    H264("h264parse config-interval=-1", "mkv", "mp4"),
    AV1("av1parse", "mkv", "mp4", "webm"),
    VP8("", "mkv", "webm"),
    FFV1("", "mkv");

    private final String parser;
    private final List<String> files;

    Codec(String parser, String... files) {
      this.parser = parser;
      this.files = List.of(files);
    }
  }

  private final String option;
  private final String element;
  private final String settings;
  private final Codec codec;

  Encoder(String option, String element, String settings, Codec codec) {
    this.option = option;
    this.element = element;
    this.settings = settings;
    this.codec = codec;
  }

  /** What users call it. */
  String option() {
    return option;
  }

  /** GStreamer's name. */
  String element() {
    return element;
  }

  /** Whether files with this ending take what it makes. */
  boolean fits(String ending) {
    return codec.files.contains(ending);
  }

  /** Whether it makes H.264, which every protocol carries. */
  boolean isH264() {
    return codec == Codec.H264;
  }

  /**
   * What it wants in front of it: a conversion, which passes on what the encoder takes. FFV1 takes
   * BGRx, and not the RGBx of guests that draw with OpenGL, whose bytes are put in order then.
   */
  static String conversion() {
    return "videoconvert n-threads=" + Runtime.getRuntime().availableProcessors() + " ! ";
  }

  /** The pixel format that software encoders are given: any player shows it. */
  String format() {
    return switch (this) {
      case X264, OPENH264, SVT_AV1, VP8 -> "format=I420";
      case FFV1 -> "";
      default -> "format=NV12";
    };
  }

  /** Encoder and parser, as a piece of a pipeline. */
  String pipeline() {
    return element
        + (settings.isEmpty() ? "" : " " + settings)
        + (codec.parser.isEmpty() ? "" : " ! " + codec.parser);
  }

  /**
   * The encoder that a user names, or the best that this machine has.
   *
   * @param name an option or an element's name; null for the best
   * @param ending of the file
   * @throws IllegalArgumentException where it is unknown, or the file does not take it
   * @throws HostLacksException where it is not installed, or there is none at all
   */
  static Encoder choose(String name, String ending) throws HostLacksException {
    if (name != null) {
      Encoder named = named(name);
      if (!named.fits(ending)) {
        throw new IllegalArgumentException(
            "a ."
                + ending
                + " file takes no "
                + name
                + "; it goes into: ."
                + String.join(", .", named.codec.files));
      }
      GStreamer.requireElement(named.element);
      return named;
    }
    for (Encoder encoder : values()) {
      if (encoder != FFV1 && encoder.fits(ending) && GStreamer.has(encoder.element)) {
        return encoder;
      }
    }
    throw new HostLacksException(
        "no encoder for ."
            + ending
            + " is installed: sudo apt-get install gstreamer1.0-plugins-ugly (x264),"
            + " or gstreamer1.0-plugins-bad (openh264)");
  }

  private static Encoder named(String name) {
    return Arrays.stream(values())
        .filter(encoder -> encoder.option.equals(name) || encoder.element.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no encoder '"
                        + name
                        + "'; there are "
                        + Arrays.stream(values())
                            .map(Encoder::option)
                            .collect(Collectors.joining(", "))));
  }
}
