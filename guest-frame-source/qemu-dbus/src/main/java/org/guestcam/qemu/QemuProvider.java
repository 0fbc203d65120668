// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes sources of QEMU guests: {@code qemu:NAME}. */
public final class QemuProvider implements FrameSourceProvider {
  private static final Logger LOG = LoggerFactory.getLogger(QemuProvider.class);

  /** Made by {@link java.util.ServiceLoader}. */
  public QemuProvider() {}

  @Override
  public String scheme() {
    return "qemu";
  }

  @Override
  public String usage() {
    return "qemu:NAME[/CONSOLE], qemu:UUID or qemu:unix:/path/qmp.sock[/CONSOLE] - a guest of QEMU"
        + " with -display dbus (also: bus=session|system|libvirt|ADDRESS, tear-free, wait, off=hold|blank,"
        + " cursor=hide|blend|meta)";
  }

  @Override
  public List<String> available() {
    List<String> available = new ArrayList<>();
    for (String bus : List.of("session", "system")) {
      addGuests(bus, available);
    }
    try {
      LibvirtBuses.addresses().forEach(address -> addGuests(address, available));
    } catch (IOException e) {
      LOG.debug("no buses of libvirt", e);
    }
    return available;
  }

  private static void addGuests(String bus, List<String> available) {
    QemuOptions options = QemuOptions.parse(new Endpoint("qemu", "?bus=" + bus));
    try (GuestLink link = GuestLink.open(options, _ -> {}, () -> {})) {
      List<Guest> guests = link.guests();
      for (Guest guest : guests) {
        boolean unique =
            guests.stream().filter(other -> other.name().equals(guest.name())).count() == 1;
        for (int console : guest.consoles()) {
          available.add(
              "qemu:"
                  + (guest.name().isEmpty() || !unique ? guest.uuid() : guest.name())
                  + "/"
                  + console
                  + (bus.equals("session") ? "" : "?bus=" + bus));
        }
      }
    } catch (IOException e) {
      LOG.debug("no guests on the bus {}", bus, e);
    }
  }

  @Override
  public String describe(Endpoint endpoint) throws IOException {
    QemuOptions options = QemuOptions.parse(endpoint);
    Guest guest;
    Map<?, ?> console;
    try (GuestLink link = GuestLink.open(options, _ -> {}, () -> {})) {
      guest = link.find(options);
      console = link.console(guest, options.console());
    }
    return "'%s', UUID %s, %s, %s, %dx%d, pictures by %s"
        .formatted(
            guest.name(),
            guest.uuid(),
            Properties.text(console, "Label"),
            Properties.text(console, "Type").toLowerCase(Locale.ROOT),
            Properties.number(console, "Width"),
            Properties.number(console, "Height"),
            PictureWay.of(options));
  }

  @Override
  public FrameSource open(Endpoint endpoint) {
    return new QemuSource(QemuOptions.parse(endpoint));
  }

  @Override
  public void resize(Endpoint endpoint, int width, int height) throws IOException {
    QemuOptions options = QemuOptions.parse(endpoint);
    try (GuestLink link = GuestLink.open(options, _ -> {}, () -> {})) {
      link.resize(link.find(options), options.console(), width, height);
    }
  }
}
