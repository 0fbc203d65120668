// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;

/**
 * What a user asked of the test picture, checked.
 *
 * @param steps the modes, one after the other and then again from the first
 * @param format of all of them
 * @param milliHertz frames in 1000 seconds; 0 for as many as are released
 * @param buffers of each mode
 * @param arrangement of the buffers' pages
 * @param run pages of a scattered buffer that stay together
 * @param memory what the host makes of the pages
 * @param frames how many to present before the end; 0 for no end
 * @param stop how many to present before standing still; 0 for never
 */
record PatternOptions(
    List<Step> steps,
    PixelFormat format,
    int milliHertz,
    int buffers,
    GuestMemory.Arrangement arrangement,
    int run,
    GuestMemory.Kind memory,
    long frames,
    long stop) {
  /**
   * One mode.
   *
   * @param layout of its buffers
   * @param frames how many to present before the next mode; 0 for ever
   */
  record Step(FrameLayout layout, long frames) {}

  private static final Set<String> NAMES =
      Set.of(
          "size", "modes", "format", "fps", "buffers", "layout", "run", "memory", "stride",
          "frames", "stop");
  private static final Pattern SIZE = Pattern.compile("(\\d{1,5})x(\\d{1,5})");
  private static final Pattern STEP = Pattern.compile("(\\d{1,5}x\\d{1,5})(?:@(\\d{1,9}))?");
  private static final String SIZES =
      "WIDTHxHEIGHT from "
          + PatternPicture.MIN_WIDTH
          + "x"
          + PatternPicture.MIN_HEIGHT
          + " to "
          + FrameLayout.MAX_SIDE
          + "x"
          + FrameLayout.MAX_SIDE;
  private static final String STEPS = "SIZE@FRAMES,SIZE@FRAMES,... with " + SIZES;
  private static final long DEFAULT_STEP_FRAMES = 100;
  private static final int MAX_BUFFERS = 32;
  private static final int MAX_FPS = 1000;

  PatternOptions {
    steps = List.copyOf(steps);
  }

  /**
   * Reads the endpoint's parameters.
   *
   * @throws IllegalArgumentException naming the parameter, its value and what is allowed
   */
  static PatternOptions parse(Endpoint endpoint) {
    if (!endpoint.path().isEmpty()) {
      throw new IllegalArgumentException(
          "pattern: has parameters only, as in pattern:?size=640x480; got '"
              + endpoint.path()
              + "' in front of them");
    }
    Map<String, String> given = endpoint.parameters(NAMES);
    PixelFormat format = format(given.getOrDefault("format", "XR24"));
    long stride = number(given, "stride", 0, 0, Integer.MAX_VALUE);
    return new PatternOptions(
        steps(given, format, stride),
        format,
        milliHertz(given.getOrDefault("fps", "30")),
        (int) number(given, "buffers", 3, 1, MAX_BUFFERS),
        choice(given, "layout", GuestMemory.Arrangement.LINEAR),
        (int) number(given, "run", 16, 1, 1 << 20),
        choice(given, "memory", GuestMemory.Kind.AUTO),
        number(given, "frames", 0, 0, Long.MAX_VALUE),
        number(given, "stop", 0, 0, Long.MAX_VALUE));
  }

  private static List<Step> steps(Map<String, String> given, PixelFormat format, long stride) {
    String modes = given.get("modes");
    if (modes == null) {
      String size = given.getOrDefault("size", "1280x720");
      return List.of(new Step(layout("size", size, size, SIZES, format, stride), 0));
    }
    if (given.containsKey("size")) {
      throw wrong("size", given.get("size"), "nothing where modes= is given");
    }
    List<Step> steps = new ArrayList<>();
    for (String part : modes.split(",", -1)) {
      Matcher step = STEP.matcher(part);
      if (!step.matches()) {
        throw wrong("modes", modes, STEPS);
      }
      long frames = step.group(2) == null ? DEFAULT_STEP_FRAMES : Long.parseLong(step.group(2));
      if (frames == 0) {
        throw wrong("modes", modes, STEPS + " and FRAMES from 1");
      }
      steps.add(new Step(layout("modes", modes, step.group(1), STEPS, format, stride), frames));
    }
    return steps;
  }

  private static FrameLayout layout(
      String name, String value, String size, String allowed, PixelFormat format, long stride) {
    Matcher sides = SIZE.matcher(size);
    if (!sides.matches()) {
      throw wrong(name, value, allowed);
    }
    int width = Integer.parseInt(sides.group(1));
    int height = Integer.parseInt(sides.group(2));
    if (width < PatternPicture.MIN_WIDTH
        || height < PatternPicture.MIN_HEIGHT
        || width > FrameLayout.MAX_SIDE
        || height > FrameLayout.MAX_SIDE) {
      throw wrong(name, value, allowed);
    }
    try {
      return FrameLayout.padded(format, width, height, stride);
    } catch (LayoutException e) {
      IllegalArgumentException wrong =
          wrong("stride", Long.toString(stride), "0 or enough bytes for a row: " + e.getMessage());
      wrong.initCause(e);
      throw wrong;
    }
  }

  private static PixelFormat format(String name) {
    try {
      return PixelFormat.named(name);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("pattern: format=" + name + ": " + e.getMessage(), e);
    }
  }

  private static int milliHertz(String fps) {
    String allowed = "frames in a second, 0 (as many as are released) to " + MAX_FPS;
    if (!fps.matches("\\d{1,4}(\\.\\d{1,3})?")) {
      throw wrong("fps", fps, allowed);
    }
    long milliHertz = Math.round(Double.parseDouble(fps) * 1000);
    if (milliHertz > MAX_FPS * 1000L) {
      throw wrong("fps", fps, allowed);
    }
    return (int) milliHertz;
  }

  private static long number(
      Map<String, String> given, String name, long otherwise, long least, long most) {
    String value = given.get(name);
    if (value == null) {
      return otherwise;
    }
    String allowed = "a whole number from " + least + " to " + most;
    try {
      long number = Long.parseLong(value);
      if (number < least || number > most) {
        throw wrong(name, value, allowed);
      }
      return number;
    } catch (NumberFormatException e) {
      IllegalArgumentException wrong = wrong(name, value, allowed);
      wrong.initCause(e);
      throw wrong;
    }
  }

  private static <E extends Enum<E>> E choice(Map<String, String> given, String name, E otherwise) {
    String value = given.get(name);
    if (value == null) {
      return otherwise;
    }
    E[] all = otherwise.getDeclaringClass().getEnumConstants();
    for (E one : all) {
      if (one.name().toLowerCase(Locale.ROOT).equals(value)) {
        return one;
      }
    }
    throw wrong(
        name,
        value,
        Arrays.stream(all)
            .map(one -> one.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", ", "one of ", "")));
  }

  private static IllegalArgumentException wrong(String name, String value, String allowed) {
    return new IllegalArgumentException(
        "pattern: " + name + "=" + value + " is not allowed; " + name + " takes " + allowed);
  }
}
