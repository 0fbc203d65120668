// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;
import org.guestcam.frame.HostLacksException;
import org.slf4j.LoggerFactory;

/** Displays of Xen guests: {@code xen:DOMAIN} or {@code xen:DOMAIN/CONNECTOR}. */
public final class XenProvider implements FrameSourceProvider {
  /** Made by {@link java.util.ServiceLoader}. */
  public XenProvider() {}

  @Override
  public String scheme() {
    return "xen";
  }

  @Override
  public String usage() {
    return "xen:DOMAIN[/CONNECTOR] - a Xen guest with a vdispl device (route=auto|map|copy|export,"
        + " flags=wc|coherent|none, calls=devices|libraries)";
  }

  @Override
  public List<String> available() {
    try (XenStore store = XenSource.openStore(XenHost.Calls.DEVICES)) {
      String root = "/local/domain/" + store.read("domid").orElse("0") + "/backend/vdispl";
      List<String> found = new ArrayList<>();
      for (String domain : store.list(root)) {
        String name = store.read("/local/domain/" + domain + "/name").orElse(domain);
        for (String device : store.list(root + "/" + domain)) {
          String frontend = store.read(root + "/" + domain + "/" + device + "/frontend").orElse("");
          for (String connector : store.list(frontend)) {
            store
                .read(frontend + "/" + connector + "/resolution")
                .ifPresent(size -> found.add("xen:" + name + "/" + connector));
          }
        }
      }
      return found;
    } catch (HostLacksException e) {
      return List.of(); // no domain of Xen
    } catch (IOException e) {
      LoggerFactory.getLogger(XenProvider.class).debug("xenstore", e);
      return List.of();
    }
  }

  @Override
  public FrameSource open(Endpoint endpoint) {
    return new XenSource(XenOptions.parse(endpoint));
  }

  @Override
  public String attach(Endpoint endpoint, List<String> screens, boolean hostAllocates)
      throws IOException {
    XenOptions options = XenOptions.parse(endpoint);
    List<Attachment.Screen> parsed = Attachment.parse(screens);
    try (XenStore store = XenSource.openStore(options.calls())) {
      List<Integer> found = options.find(store);
      if (found.size() != 1) {
        throw new IOException(
            (found.isEmpty() ? "no domain " : "more than one domain ")
                + options.domain()
                + " runs; 'xl list' names those that do");
      }
      int self = Integer.parseInt(store.read("domid").orElse("0"));
      int device = Attachment.attach(store, self, found.getFirst(), parsed, hostAllocates);
      return "display " + device + " of domain " + found.getFirst();
    }
  }
}
