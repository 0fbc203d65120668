// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.frame.surface.Pointer;
import org.guestcam.qemu.dbus.CallServer;
import org.guestcam.qemu.dbus.MethodName;
import org.guestcam.qemu.dbus.Variant;
import org.guestcam.qemu.dbus.WireException;
import org.guestcam.qemu.dbus.WireReader;
import org.guestcam.uapi.Fd;

/**
 * The object /org/qemu/Display1/Listener, whose methods QEMU calls: reads their arguments, checks
 * them, tells the {@link Display}, and answers.
 *
 * <p>Source: {@code ui/dbus-display1.xml} of QEMU, with what {@code ui/dbus-listener.c} makes of
 * it. A call that is not known is refused, and the connection goes on: a newer QEMU may ask.
 */
final class ListenerProtocol {
  private static final String LISTENER = "org.qemu.Display1.Listener";
  private static final String MAP = LISTENER + ".Unix.Map";
  private static final String DMABUF2 = LISTENER + ".Unix.ScanoutDMABUF2";
  private static final String PROPERTIES = "org.freedesktop.DBus.Properties";

  private static final MethodName SCANOUT = MethodName.of(LISTENER, "Scanout", "uuuuay");
  private static final MethodName UPDATE = MethodName.of(LISTENER, "Update", "iiiiuuay");
  private static final MethodName SCANOUT_DMABUF =
      MethodName.of(LISTENER, "ScanoutDMABUF", "huuuutb");
  private static final MethodName UPDATE_DMABUF = MethodName.of(LISTENER, "UpdateDMABUF", "iiii");
  private static final MethodName DISABLE = MethodName.of(LISTENER, "Disable", "");
  private static final MethodName MOUSE_SET = MethodName.of(LISTENER, "MouseSet", "iii");
  private static final MethodName CURSOR_DEFINE = MethodName.of(LISTENER, "CursorDefine", "iiiiay");
  private static final MethodName SCANOUT_MAP = MethodName.of(MAP, "ScanoutMap", "huuuuu");
  private static final MethodName UPDATE_MAP = MethodName.of(MAP, "UpdateMap", "iiii");
  private static final MethodName SCANOUT_DMABUF2 =
      MethodName.of(DMABUF2, "ScanoutDMABUF2", "ahuuuuauauuuuutb");
  private static final MethodName GET_ALL = MethodName.of(PROPERTIES, "GetAll", "s");
  private static final MethodName GET = MethodName.of(PROPERTIES, "Get", "ss");
  private static final MethodName INTROSPECT =
      MethodName.of("org.freedesktop.DBus.Introspectable", "Introspect", "");

  /** Bytes before the pixels of Scanout, of Update and of CursorDefine. */
  private static final int SCANOUT_PREFIX = 20;

  private static final int UPDATE_PREFIX = 28;
  private static final int CURSOR_PREFIX = 20;

  /** Bytes of all arguments of the other calls. */
  private static final int MAX_SMALL = 1 << 12;

  private static final int MAX_PLANES = 4;

  private final CallServer server;
  private final Display display;
  private final Pointer pointer;
  private final FrameReplies replies;
  private final PictureReader reader;
  private final boolean acceptsMap;
  private final MemorySegment body = Arena.ofAuto().allocate(MAX_SMALL, 8);
  private final WireReader arguments = new WireReader();

  /**
   * Serves one connection.
   *
   * @param acceptsMap whether QEMU may show its own memory
   */
  ListenerProtocol(CallServer server, Display display, FrameReplies replies, boolean acceptsMap) {
    this.server = server;
    this.display = display;
    this.pointer = display.pointer();
    this.replies = replies;
    this.acceptsMap = acceptsMap;
    this.reader = new PictureReader(server.socket());
  }

  /**
   * Handles the message whose header was read last.
   *
   * @throws LayoutException where its numbers do not fit each other or the memory
   */
  void handle() throws IOException, LayoutException {
    if (server.header().isCall(UPDATE)) {
      update();
    } else if (server.header().isCall(SCANOUT)) {
      scanout();
    } else if (server.header().isCall(CURSOR_DEFINE)) {
      cursorDefine();
    } else if (server.header().bodyLength() > MAX_SMALL) {
      reader.skip(server.header().bodyLength());
      refuse("its arguments are too long");
    } else {
      prefix(server.header().bodyLength());
      small();
    }
  }

  private void small() throws IOException, LayoutException {
    if (server.header().isCall(UPDATE_DMABUF)) {
      damage();
      replies.add(server.serialToAnswer());
    } else if (server.header().isCall(UPDATE_MAP)) {
      damage();
      answer();
    } else if (server.header().isCall(MOUSE_SET)) {
      pointer.move(arguments.readInt(), arguments.readInt(), arguments.readInt() != 0);
      display.pointerChanged();
      answer();
    } else if (server.header().isCall(SCANOUT_MAP) && acceptsMap) {
      scanoutMap();
    } else if (server.header().isCall(SCANOUT_DMABUF)) {
      scanoutDmaBuf();
    } else if (server.header().isCall(SCANOUT_DMABUF2)) {
      scanoutDmaBuf2();
    } else if (server.header().isCall(DISABLE)) {
      display.disable();
      answer();
    } else if (server.header().isCall(GET_ALL)) {
      server.answer("a{sv}", List.of(properties(arguments.readString())));
    } else if (server.header().isCall(GET)) {
      get(arguments.readString(), arguments.readString());
    } else if (server.header().isCall(INTROSPECT)) {
      server.answer("s", List.of("<node><interface name=\"" + LISTENER + "\"/></node>"));
    } else {
      refuse("it is not known");
    }
  }

  private void answer() throws IOException {
    server.answer(server.serialToAnswer());
  }

  private void refuse(String why) throws IOException {
    server.refuse(
        "org.freedesktop.DBus.Error.UnknownMethod",
        "guestcam's listener refuses " + server.header().member() + ": " + why);
  }

  /** Reads the first bytes of the body, and makes the arguments be read from there. */
  private void prefix(int length) throws IOException {
    if (length > server.header().bodyLength()) {
      throw new WireException(
          server.header().member() + " has only " + server.header().bodyLength() + " bytes");
    }
    server.socket().read(body, 0, length, server.socket().deadline());
    arguments.set(body, 0, length, server.header().isBigEndian());
  }

  private void scanout() throws IOException, LayoutException {
    prefix(SCANOUT_PREFIX);
    int width = arguments.readInt();
    int height = arguments.readInt();
    int stride = arguments.readInt();
    PixelFormat format = PixmanFormat.of(arguments.readInt());
    int bytes = pixelBytes(SCANOUT_PREFIX);
    PictureReader.require(width, height, stride, bytesPerPixel(format), bytes);
    display.setWay("Scanout");
    receive(display.scanout(width, height, stride, format), 0, 0, width, height, stride, bytes);
  }

  private void update() throws IOException, LayoutException {
    prefix(UPDATE_PREFIX);
    int x = arguments.readInt();
    int y = arguments.readInt();
    int width = arguments.readInt();
    int height = arguments.readInt();
    int stride = arguments.readInt();
    PixelFormat format = PixmanFormat.of(arguments.readInt());
    int bytes = pixelBytes(UPDATE_PREFIX);
    PictureReader.require(width, height, stride, bytesPerPixel(format), bytes);
    receive(display.update(x, y, width, height, format), x, y, width, height, stride, bytes);
  }

  private static int bytesPerPixel(PixelFormat format) {
    return format.planes().getFirst().bytes();
  }

  /** The length of the array that is the rest of the message. */
  private int pixelBytes(int prefix) throws WireException {
    int bytes = arguments.readDeclaredArrayLength();
    if (bytes != server.header().bodyLength() - prefix) {
      throw new WireException(
          "an array of "
              + bytes
              + " bytes in the last "
              + (server.header().bodyLength() - prefix)
              + " of a message");
    }
    return bytes;
  }

  private void receive(
      CopiedSurface surface, int x, int y, int width, int height, int stride, int bytes)
      throws IOException {
    FrameLayout layout = surface.layout();
    int left = Math.clamp(x, 0, layout.width());
    int top = Math.clamp(y, 0, layout.height());
    int right = Math.clamp((long) x + width, left, layout.width());
    int bottom = Math.clamp((long) y + height, top, layout.height());
    MemorySegment pixels = surface.beginWrite(left, top, right - left, bottom - top);
    try {
      reader.read(pixels, layout, x, y, width, height, stride, bytes);
    } finally {
      surface.endWrite();
    }
    answer();
    display.changed(right - left == layout.width() && bottom - top == layout.height());
  }

  private void damage() throws IOException {
    display.damage(
        arguments.readInt(), arguments.readInt(), arguments.readInt(), arguments.readInt());
  }

  private void scanoutMap() throws IOException, LayoutException {
    int handle = arguments.readInt();
    long offset = Integer.toUnsignedLong(arguments.readInt());
    int width = arguments.readInt();
    int height = arguments.readInt();
    long stride = Integer.toUnsignedLong(arguments.readInt());
    PixelFormat format = PixmanFormat.of(arguments.readInt());
    FrameLayout layout =
        FrameLayout.of(
            format, FrameLayout.LINEAR, width, height, new long[] {0}, new long[] {stride});
    try (Fd file = fd(handle)) {
      display.scanoutMap(file, offset, layout);
      display.setWay("ScanoutMap");
    }
    answer();
  }

  private Fd fd(int handle) throws WireException {
    if (handle < 0 || handle >= server.header().fds()) {
      throw new WireException("the fd " + handle + " of " + server.header().fds());
    }
    try {
      return server.socket().socket().takeFd(handle, "what QEMU shares");
    } catch (IndexOutOfBoundsException e) {
      throw new WireException("the fd " + handle + " is used twice");
    }
  }

  private void scanoutDmaBuf() throws IOException, LayoutException {
    int handle = arguments.readInt();
    int width = arguments.readInt();
    int height = arguments.readInt();
    long stride = Integer.toUnsignedLong(arguments.readInt());
    PixelFormat format = drmFormat(arguments.readInt());
    long modifier = arguments.readLong();
    boolean bottomFirst = arguments.readBoolean(); // QEMU calls it y0_top
    FrameLayout layout =
        FrameLayout.of(format, modifier, width, height, new long[] {0}, new long[] {stride});
    display.scanoutDmaBuf(fd(handle), layout, bottomFirst);
    display.setWay("ScanoutDMABUF");
    answer();
  }

  private void scanoutDmaBuf2() throws IOException, LayoutException {
    List<?> values =
        arguments.values("ahuuuuauauuuuutb"); // rare enough for objects: once a page flip
    List<?> handles = (List<?>) values.get(0);
    int x = smallInt(values.get(1), "x");
    int y = smallInt(values.get(2), "y");
    int width = smallInt(values.get(3), "width");
    int height = smallInt(values.get(4), "height");
    int planes = smallInt(values.get(7), "the number of planes");
    PixelFormat format = drmFormat((int) (long) (Long) values.get(8));
    long modifier = (Long) values.get(11);
    boolean bottomFirst = (Boolean) values.get(12);
    long[] offsets = numbers((List<?>) values.get(5), planes);
    long[] strides = numbers((List<?>) values.get(6), planes);
    if (handles.size() != 1) {
      throw new LayoutException(
          "a picture in " + handles.size() + " dma-bufs; guestcam takes one with all planes");
    }
    FrameLayout layout = FrameLayout.of(format, modifier, width, height, offsets, strides);
    // Of a picture with its lowest row first, y counts from the first row in memory.
    display.scanoutDmaBuf(
        fd((Integer) handles.getFirst()),
        x == 0 && y == 0 ? layout : moved(layout, x, y),
        bottomFirst);
    display.setWay("ScanoutDMABUF2");
    answer();
  }

  /** The part of a larger picture that is shown: the same memory, beginning further in. */
  private static FrameLayout moved(FrameLayout layout, int x, int y) throws LayoutException {
    if (!layout.isLinear() || layout.planes() != 1) {
      throw new LayoutException("a part of a picture that is not linear: " + layout);
    }
    long offset =
        layout.offset(0)
            + (long) y * layout.stride(0)
            + (long) x * layout.format().planes().getFirst().bytes();
    return FrameLayout.of(
        layout.format(),
        layout.modifier(),
        layout.width(),
        layout.height(),
        new long[] {offset},
        new long[] {layout.stride(0)});
  }

  private static int smallInt(Object value, String name) throws LayoutException {
    long number = (Long) value;
    if (number > FrameLayout.MAX_SIDE) {
      throw new LayoutException(name + " " + number + " is more than " + FrameLayout.MAX_SIDE);
    }
    return (int) number;
  }

  private static long[] numbers(List<?> values, int planes) throws LayoutException {
    if (planes < 1 || planes > MAX_PLANES || values.size() < planes) {
      throw new LayoutException(values.size() + " numbers for " + planes + " planes");
    }
    long[] numbers = new long[planes];
    for (int i = 0; i < planes; i++) {
      numbers[i] = (Long) values.get(i);
    }
    return numbers;
  }

  private static PixelFormat drmFormat(int fourcc) throws LayoutException {
    return PixelFormat.ofDrm(fourcc)
        .orElseThrow(
            () ->
                new LayoutException(
                    "the guest's format " + Fourcc.name(fourcc) + " is not one that can be shown"));
  }

  private void cursorDefine() throws IOException, LayoutException {
    prefix(CURSOR_PREFIX);
    int width = arguments.readInt();
    int height = arguments.readInt();
    int hotX = arguments.readInt();
    int hotY = arguments.readInt();
    int bytes = pixelBytes(CURSOR_PREFIX);
    MemorySegment pixels = pointer.beginDefine(width, height, hotX, hotY, bytes);
    server.socket().read(pixels, 0, bytes, server.socket().deadline());
    pointer.endDefine();
    display.pointerChanged();
    answer();
  }

  private Map<String, Variant> properties(String interfaceName) {
    List<String> offered = acceptsMap ? List.of(MAP, DMABUF2) : List.of(DMABUF2);
    return interfaceName.equals(LISTENER)
        ? Map.of("Interfaces", new Variant("as", offered))
        : Map.of();
  }

  private void get(String interfaceName, String name) throws IOException {
    Variant value = properties(interfaceName).get(name);
    if (value == null) {
      server.refuse("org.freedesktop.DBus.Error.UnknownProperty", "there is no " + name);
    } else {
      server.answer("v", List.of(value));
    }
  }
}
