// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.guestcam.uapi.Fd;

/** A xenstore of plain memory, for both ends. */
final class MemoryStore implements XenStore {
  private final TreeMap<String, String> nodes = new TreeMap<>();
  private final List<String> watches = new ArrayList<>();
  private final ArrayDeque<String> changes = new ArrayDeque<>();

  @Override
  public Optional<String> read(String path) {
    return Optional.ofNullable(nodes.get(path));
  }

  @Override
  public void write(String path, String value) {
    nodes.put(path, value);
    tell(path);
  }

  @Override
  public List<String> list(String path) {
    return nodes.tailMap(path + "/").keySet().stream()
        .takeWhile(node -> node.startsWith(path + "/"))
        .map(node -> node.substring(path.length() + 1).replaceFirst("/.*", ""))
        .distinct()
        .toList();
  }

  @Override
  public void remove(String path) {
    nodes.keySet().removeIf(node -> node.equals(path) || node.startsWith(path + "/"));
    tell(path);
  }

  @Override
  public void share(String path, int owner, int reader) {}

  @Override
  public void watch(String path) {
    watches.add(path);
    changes.add(path);
  }

  @Override
  public void unwatch(String path) {
    watches.remove(path);
  }

  private void tell(String path) {
    for (String watched : watches) {
      if (path.equals(watched) || path.startsWith(watched + "/")) {
        changes.add(path);
      } else if (watched.startsWith(path + "/")) {
        changes.add(watched);
      }
    }
  }

  /** How many nodes are watched. */
  int watches() {
    return watches.size();
  }

  @Override
  public Fd fd() {
    throw new UnsupportedOperationException("tests do not wait");
  }

  @Override
  public String nextChange() {
    return changes.poll();
  }

  @Override
  public void close() {}
}
