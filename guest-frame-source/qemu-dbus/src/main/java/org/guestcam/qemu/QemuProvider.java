// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
        + " with -display dbus (also: bus=session|system|ADDRESS, tear-free, wait, off=hold|blank,"
        + " cursor=hide|blend|meta)";
  }

  @Override
  public List<String> available() {
    List<String> available = new ArrayList<>();
    for (String bus : List.of("session", "system")) {
      QemuOptions options = QemuOptions.parse(new Endpoint("qemu", "?bus=" + bus));
      try (GuestLink link = GuestLink.open(options, _ -> {}, () -> {})) {
        for (Guest guest : link.guests()) {
          for (int console : guest.consoles()) {
            available.add(describe(bus, guest, console));
          }
        }
      } catch (IOException e) {
        LOG.debug("no guests on the {} bus", bus, e);
      }
    }
    return available;
  }

  private static String describe(String bus, Guest guest, int console) {
    return "qemu:"
        + (guest.name().isEmpty() ? guest.uuid() : guest.name())
        + "/"
        + console
        + (bus.equals("session") ? "" : "?bus=" + bus);
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
