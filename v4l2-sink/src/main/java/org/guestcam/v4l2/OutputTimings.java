// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Ioctl;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.v4l2_bt_timings;
import org.guestcam.uapi.abi.v4l2_bt_timings_cap;
import org.guestcam.uapi.abi.v4l2_dv_timings;
import org.guestcam.uapi.abi.v4l2_dv_timings_cap;
import org.guestcam.uapi.abi.v4l2_fract;
import org.guestcam.uapi.abi.v4l2_output;
import org.guestcam.uapi.abi.v4l2_outputparm;
import org.guestcam.uapi.abi.v4l2_streamparm;

/** The rate of an output, and the display timings where it is HDMI-like. */
final class OutputTimings {
  private OutputTimings() {}

  /** Whether the chosen output wants display timings before it takes a size. */
  static boolean areWanted(VideoDevice device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment index = arena.allocate(ValueLayout.JAVA_INT);
      if (Ioctl.call(device.fd(), Uapi.VIDIOC_G_OUTPUT(), index) < 0) {
        return false;
      }
      MemorySegment output = v4l2_output.allocate(arena);
      v4l2_output.index(output, index.get(ValueLayout.JAVA_INT, 0));
      return Ioctl.call(device.fd(), Uapi.VIDIOC_ENUMOUTPUT(), output) >= 0
          && (v4l2_output.capabilities(output) & Uapi.V4L2_OUT_CAP_DV_TIMINGS()) != 0;
    }
  }

  /**
   * Sets timings for a picture of this size and rate. A small picture at a low rate has a pixel
   * clock below what a display link can do: then a multiple of the rate is set, at which the device
   * shows each picture several times. A large one at a high rate gets the highest that there is.
   *
   * @throws ErrnoException where the device refuses them: EINVAL beyond its limits, EBUSY
   */
  static void set(VideoDevice device, int width, int height, int milliHertz) throws ErrnoException {
    ReducedBlanking rb = possible(device, width, height, milliHertz);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment timings = v4l2_dv_timings.allocate(arena);
      v4l2_dv_timings.type(timings, Uapi.V4L2_DV_BT_656_1120());
      MemorySegment bt = v4l2_dv_timings.bt(timings);
      v4l2_bt_timings.width(bt, rb.width());
      v4l2_bt_timings.height(bt, rb.height());
      v4l2_bt_timings.interlaced(bt, Uapi.V4L2_DV_PROGRESSIVE());
      v4l2_bt_timings.polarities(bt, Uapi.V4L2_DV_HSYNC_POS_POL());
      v4l2_bt_timings.pixelclock(bt, rb.pixelClock());
      v4l2_bt_timings.hfrontporch(bt, ReducedBlanking.HORIZONTAL_FRONT_PORCH);
      v4l2_bt_timings.hsync(bt, ReducedBlanking.HORIZONTAL_SYNC);
      v4l2_bt_timings.hbackporch(bt, ReducedBlanking.HORIZONTAL_BACK_PORCH);
      v4l2_bt_timings.vfrontporch(bt, rb.verticalFrontPorch());
      v4l2_bt_timings.vsync(bt, ReducedBlanking.VERTICAL_SYNC);
      v4l2_bt_timings.vbackporch(bt, ReducedBlanking.VERTICAL_BACK_PORCH);
      v4l2_bt_timings.standards(bt, Uapi.V4L2_DV_BT_STD_CVT());
      v4l2_bt_timings.flags(bt, Uapi.V4L2_DV_FL_REDUCED_BLANKING());
      Ioctl.require(device.fd(), Uapi.VIDIOC_S_DV_TIMINGS(), "VIDIOC_S_DV_TIMINGS", timings);
    }
  }

  private static ReducedBlanking possible(
      VideoDevice device, int width, int height, int milliHertz) {
    long min = 0;
    long max = Long.MAX_VALUE;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment limits = v4l2_dv_timings_cap.allocate(arena);
      if (Ioctl.call(device.fd(), Uapi.VIDIOC_DV_TIMINGS_CAP(), limits) >= 0) {
        MemorySegment bt = v4l2_dv_timings_cap.bt(limits);
        min = v4l2_bt_timings_cap.min_pixelclock(bt);
        max = v4l2_bt_timings_cap.max_pixelclock(bt);
      }
    }
    return ReducedBlanking.within(width, height, milliHertz, min, max);
  }

  /**
   * The time of one frame by the display timings that are set.
   *
   * @return nanoseconds, 0 where the device has none
   */
  static long frameNanos(VideoDevice device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment timings = v4l2_dv_timings.allocate(arena);
      if (Ioctl.call(device.fd(), Uapi.VIDIOC_G_DV_TIMINGS(), timings) < 0) {
        return 0;
      }
      MemorySegment bt = v4l2_dv_timings.bt(timings);
      long columns =
          (long) v4l2_bt_timings.width(bt)
              + v4l2_bt_timings.hfrontporch(bt)
              + v4l2_bt_timings.hsync(bt)
              + v4l2_bt_timings.hbackporch(bt);
      long lines =
          (long) v4l2_bt_timings.height(bt)
              + v4l2_bt_timings.vfrontporch(bt)
              + v4l2_bt_timings.vsync(bt)
              + v4l2_bt_timings.vbackporch(bt);
      long clock = v4l2_bt_timings.pixelclock(bt);
      return clock <= 0 ? 0 : Math.round(1e9 * columns * lines / clock);
    }
  }

  /** Announces the rate (S_PARM); a device that does not know rates is left alone. */
  static void announceRate(VideoDevice device, int milliHertz) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = v4l2_streamparm.allocate(arena);
      v4l2_streamparm.type(parameters, device.queueType());
      MemorySegment output = v4l2_streamparm.parm.output(v4l2_streamparm.parm(parameters));
      MemorySegment interval = v4l2_outputparm.timeperframe(output);
      v4l2_fract.numerator(interval, 1000);
      v4l2_fract.denominator(interval, milliHertz);
      int ignored = Ioctl.call(device.fd(), Uapi.VIDIOC_S_PARM(), parameters);
      assert ignored <= 0;
    }
  }
}
