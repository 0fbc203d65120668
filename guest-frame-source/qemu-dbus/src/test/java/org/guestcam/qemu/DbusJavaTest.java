// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.freedesktop.dbus.annotations.DBusInterfaceName;
import org.freedesktop.dbus.connections.impl.DBusConnection;
import org.freedesktop.dbus.connections.impl.DBusConnectionBuilder;
import org.freedesktop.dbus.exceptions.DBusException;
import org.freedesktop.dbus.exceptions.DBusExecutionException;
import org.freedesktop.dbus.interfaces.DBusInterface;
import org.freedesktop.dbus.messages.DBusSignal;
import org.freedesktop.dbus.types.UInt16;
import org.freedesktop.dbus.types.UInt32;
import org.freedesktop.dbus.types.UInt64;
import org.freedesktop.dbus.types.Variant;
import org.guestcam.qemu.dbus.BusAddress;
import org.guestcam.qemu.dbus.CallException;
import org.guestcam.qemu.dbus.Connection;
import org.guestcam.qemu.dbus.Message;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Our codec against another implementation, dbus-java, over a bus. */
@Tag("qemu")
@Timeout(240)
class DbusJavaTest {
  private static final String PATH = "/org/guestcam/Peer";
  private static final String PEER = "org.guestcam.test.Peer";

  /** What dbus-java serves; its names are the methods'. */
  @DBusInterfaceName(PEER)
  public interface Peer extends DBusInterface {
    String numbers(
        byte small,
        boolean flag,
        short n,
        UInt16 q,
        int i,
        UInt32 u,
        long x,
        UInt64 t,
        double d,
        String s);

    List<List<String>> nested(List<List<String>> all);

    Map<String, Variant<?>> properties(Map<String, Variant<?>> all);

    byte[] turned(byte[] bytes);

    void refused();

    /** News. */
    final class Changed extends DBusSignal {
      public final String what;
      public final UInt32 count;

      public Changed(String path, String what, UInt32 count) throws DBusException {
        super(path, what, count);
        this.what = what;
        this.count = count;
      }
    }
  }

  private static final class Served implements Peer {
    @Override
    public String numbers(
        byte small,
        boolean flag,
        short n,
        UInt16 q,
        int i,
        UInt32 u,
        long x,
        UInt64 t,
        double d,
        String s) {
      return small + " " + flag + " " + n + " " + q + " " + i + " " + u + " " + x + " " + t + " "
          + d + " " + s;
    }

    @Override
    public List<List<String>> nested(List<List<String>> all) {
      return all.reversed();
    }

    @Override
    public Map<String, Variant<?>> properties(Map<String, Variant<?>> all) {
      Map<String, Variant<?>> more = new TreeMap<>(all);
      more.put("Width", new Variant<>(new UInt32(4_000_000_000L)));
      more.put("Interfaces", new Variant<>(new String[] {"one", "two"}));
      return more;
    }

    @Override
    public byte[] turned(byte[] bytes) {
      byte[] turned = new byte[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        turned[i] = bytes[bytes.length - 1 - i];
      }
      return turned;
    }

    @Override
    public void refused() {
      throw new DBusExecutionException("not today");
    }

    @Override
    public String getObjectPath() {
      return PATH;
    }
  }

  private final LinkedBlockingQueue<Message.Signal> signals = new LinkedBlockingQueue<>();
  @TempDir private Path directory;
  private Process bus;
  private DBusConnection theirs;
  private Connection ours;

  @BeforeEach
  void connect() throws Exception {
    Path socket = directory.resolve("bus.sock");
    bus = TestBus.start(directory, socket);
    String address = "unix:path=" + socket;
    theirs = DBusConnectionBuilder.forAddress(address).withShared(false).build();
    theirs.exportObject(new Served());
    ours = Connection.toBus(BusAddress.parse(address), signals::add, () -> {});
  }

  @AfterEach
  void disconnect() throws Exception {
    ours.close();
    theirs.close();
    bus.destroyForcibly().waitFor();
  }

  private List<Object> call(String member, String signature, Object... values) throws Exception {
    return ours.call(
        Message.Call.of(theirs.getUniqueName(), PATH, PEER, member).with(signature, values));
  }

  @Test
  void everyNumberMeansTheSame() throws Exception {
    assertEquals(
        List.of("-1 true -2 65535 -3 4294967295 -4 18446744073709551615 0.5 Grüße"),
        call("numbers", "ybnqiuxtds", 255, true, -2, 65_535, -3, -1, -4L, -1L, 0.5, "Grüße"));
  }

  @Test
  void containersMeanTheSame() throws Exception {
    List<Object> nested = List.of(List.of("a", "", "ccc"), List.of(), List.of("d"));
    assertEquals(List.of(nested.reversed()), call("nested", "aas", nested));
    Map<?, ?> properties =
        (Map<?, ?>)
            call(
                    "properties",
                    "a{sv}",
                    Map.of("Name", new org.guestcam.qemu.dbus.Variant("s", "x")))
                .getFirst();
    assertEquals("x", Properties.text(properties, "Name"));
    assertEquals(4_000_000_000L, Properties.get(properties, "Width"));
    assertEquals(List.of("one", "two"), Properties.get(properties, "Interfaces"));
  }

  @Test
  void bytesMeanTheSame() throws Exception {
    byte[] bytes = new byte[100_001];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 31);
    }
    assertArrayEquals(new Served().turned(bytes), (byte[]) call("turned", "ay", bytes).getFirst());
  }

  @Test
  void refusalsAndSignalsMeanTheSame() throws Exception {
    CallException refused = assertThrows(CallException.class, () -> call("refused", ""));
    assertTrue(refused.getMessage().contains("not today"), refused::getMessage);
    ours.call(Connection.bus("AddMatch").with("s", "type='signal',interface='" + PEER + "'"));
    theirs.sendMessage(new Peer.Changed(PATH, "size", new UInt32(7)));
    Message.Signal signal;
    do {
      signal = signals.poll(20, TimeUnit.SECONDS);
      assertTrue(signal != null, "no signal came");
    } while (!signal.member().equals("Changed"));
    assertEquals(PATH, signal.path());
    assertEquals(List.of("size", 7L), signal.arguments());
  }
}
