// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.guestcam.frame.HostLacksException;
import org.guestcam.qemu.dbus.BusAddress;
import org.guestcam.qemu.dbus.CallException;
import org.guestcam.qemu.dbus.Connection;
import org.guestcam.qemu.dbus.Message;
import org.guestcam.uapi.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The way to QEMU for calls: through a bus on which several guests may be, or directly to one. */
final class GuestLink implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestLink.class);
  private static final String NAME = "org.qemu";
  private static final String NOBODY = "org.freedesktop.DBus.Error.NameHasNoOwner";
  private static final String DENIED = "org.freedesktop.DBus.Error.AccessDenied";

  private final Connection connection;
  private final boolean onBus;
  private final String place;

  private GuestLink(Connection connection, boolean onBus, String place) {
    this.connection = connection;
    this.onBus = onBus;
    this.place = place;
  }

  /**
   * Connects to where the options say.
   *
   * @param onSignal hears of signals on a thread of the connection, and must not call
   * @param onClosed runs there when the connection ends
   * @throws HostLacksException where there is no such bus
   */
  static GuestLink open(QemuOptions options, Consumer<Message.Signal> onSignal, Runnable onClosed)
      throws IOException {
    if (!options.qmp().isEmpty()) {
      UnixSocket socket = Qmp.displayOf(options.qmp());
      return new GuestLink(
          Connection.toPeer(socket, onSignal, onClosed), false, "at " + options.qmp());
    }
    if (options.bus().equals(QemuOptions.LIBVIRT)) {
      return ofLibvirt(options, onSignal, onClosed);
    }
    BusAddress address = address(options.bus());
    Connection connection = Connection.toBus(address, onSignal, onClosed);
    return new GuestLink(connection, true, "on the " + options.bus() + " bus");
  }

  /** The first of libvirt's buses on which a guest of that name is. */
  private static GuestLink ofLibvirt(
      QemuOptions options, Consumer<Message.Signal> onSignal, Runnable onClosed)
      throws IOException {
    List<Guest> others = new ArrayList<>();
    GuestMissingException refused =
        new GuestMissingException(
            "libvirt runs no guest with <graphics type='dbus'/> whose bus this user may use");
    for (String address : LibvirtBuses.addresses()) {
      GuestLink link;
      try {
        Connection bus = Connection.toBus(BusAddress.parse(address), onSignal, onClosed);
        link = new GuestLink(bus, true, "on libvirt's bus " + address);
      } catch (IOException e) {
        refused.addSuppressed(e); // of another user, or of a guest that has just ended
        continue;
      }
      try {
        List<Guest> guests = link.guests();
        if (guests.stream().anyMatch(guest -> guest.isCalled(options.guest()))) {
          return link;
        }
        others.addAll(guests);
      } catch (IOException e) {
        refused.addSuppressed(e);
      }
      link.close();
    }
    if (others.isEmpty()) {
      throw refused;
    }
    throw new GuestMissingException(
        "no guest '" + options.guest() + "' is on libvirt's buses; there are " + list(others));
  }

  private static BusAddress address(String bus) throws HostLacksException {
    return switch (bus) {
      case "session" ->
          BusAddress.session()
              .orElseThrow(
                  () ->
                      new HostLacksException(
                          "there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set. Run in a"
                              + " login session, or name the bus (bus=system,"
                              + " bus=unix:path=/...), or use qemu:unix:/path/of/qmp.sock"));
      case "system" ->
          BusAddress.system()
              .orElseThrow(
                  () ->
                      new HostLacksException(
                          "there is no system bus on this host: install and start dbus"));
      default -> BusAddress.parse(bus);
    };
  }

  /**
   * The guests that are there; one that goes away meanwhile is left out.
   *
   * @throws IOException also where the bus's policy keeps this user from every one
   */
  List<Guest> guests() throws IOException {
    List<Guest> guests = new ArrayList<>();
    CallException denied = null;
    for (String owner : owners()) {
      try {
        Map<?, ?> vm = connection.properties(owner, Guest.VM_PATH, Guest.VM);
        List<Integer> consoles = new ArrayList<>();
        if (Properties.get(vm, "ConsoleIDs") instanceof List<?> ids) {
          ids.forEach(id -> consoles.add((int) (long) (Long) id));
        }
        guests.add(
            new Guest(Properties.text(vm, "Name"), Properties.text(vm, "UUID"), owner, consoles));
      } catch (CallException e) {
        LOG.debug("{} has org.qemu and refuses", owner, e);
        denied = e.name().equals(DENIED) ? e : denied;
      } catch (IOException e) {
        if (connection.isClosed()) {
          throw e;
        }
        LOG.debug("{} has org.qemu and does not answer as QEMU", owner, e);
      }
    }
    if (guests.isEmpty() && denied != null) {
      throw new IOException(
          "a guest is "
              + place
              + ", and the bus's policy does not let this user call it ("
              + denied.getMessage()
              + "): allow send_destination=\"org.qemu\" for the user or a group of his, as"
              + " docs/qemu.md shows under Permissions",
          denied);
    }
    return guests;
  }

  /** Several QEMUs wait in line for the one name: all of them are asked for. */
  private List<String> owners() throws IOException {
    if (!onBus) {
      return List.of("");
    }
    List<String> owners = new ArrayList<>();
    try {
      List<Object> answer = connection.call(Connection.bus("ListQueuedOwners").with("s", NAME));
      ((List<?>) answer.getFirst()).forEach(owner -> owners.add((String) owner));
    } catch (CallException e) {
      if (!e.name().equals(NOBODY)) {
        throw e;
      }
    }
    return owners;
  }

  /**
   * The guest that the user means, with that console.
   *
   * @throws GuestMissingException naming those that there are
   */
  Guest find(QemuOptions options) throws IOException {
    List<Guest> all = guests();
    List<Guest> called = all.stream().filter(guest -> guest.isCalled(options.guest())).toList();
    if (called.size() > 1) {
      throw new IOException(
          called.size()
              + " guests "
              + place
              + " are meant by 'qemu:"
              + options.guest()
              + "': say which by its UUID: "
              + list(called));
    }
    if (called.isEmpty()) {
      throw new GuestMissingException(
          (options.guest().isEmpty() ? "no guest" : "no guest '" + options.guest() + "'")
              + " is "
              + place
              + (all.isEmpty()
                  ? ": none with -display dbus runs there"
                  : "; there are " + list(all)));
    }
    Guest guest = called.getFirst();
    if (!guest.consoles().contains(options.console())) {
      throw new GuestMissingException(
          "guest '"
              + guest.name()
              + "' has no console "
              + options.console()
              + "; there are "
              + guest.consoles());
    }
    return guest;
  }

  private static String list(List<Guest> guests) {
    return guests.stream().map(Guest::toString).collect(Collectors.joining(", "));
  }

  /** What a console says of itself. */
  Map<?, ?> console(Guest guest, int console) throws IOException {
    return connection.properties(guest.owner(), Guest.consolePath(console), Guest.CONSOLE);
  }

  /** Makes QEMU draw for the other end of {@code socket}, which stays the caller's. */
  void registerListener(Guest guest, int console, UnixSocket socket) throws IOException {
    connection.call(
        Message.Call.of(
                guest.owner(), Guest.consolePath(console), Guest.CONSOLE, "RegisterListener")
            .with("h", 0),
        socket.fd());
  }

  /** Asks the guest for another size of its display, pixels. */
  void resize(Guest guest, int console, int width, int height) throws IOException {
    connection.call(
        Message.Call.of(guest.owner(), Guest.consolePath(console), Guest.CONSOLE, "SetUIInfo")
            .with("qqiiuu", 0, 0, 0, 0, width, height));
  }

  /** Wants to hear when properties of the guest's consoles change. */
  void watch(Guest guest) throws IOException {
    if (onBus) {
      connection.call(
          Connection.bus("AddMatch")
              .with(
                  "s",
                  "type='signal',sender='"
                      + guest.owner()
                      + "',interface='"
                      + Connection.PROPERTIES
                      + "',path_namespace='/org/qemu/Display1'"));
    }
  }

  @Override
  public void close() {
    connection.close();
  }
}
