// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The sources and sinks that are on the class path. */
public final class Providers {
  private Providers() {}

  /** All kinds of source. */
  public static List<FrameSourceProvider> sources() {
    return all(FrameSourceProvider.class);
  }

  /** All kinds of sink. */
  public static List<FrameSinkProvider> sinks() {
    return all(FrameSinkProvider.class);
  }

  /**
   * The kind of source that an endpoint names.
   *
   * @throws IllegalArgumentException naming the schemes that there are
   */
  public static FrameSourceProvider source(Endpoint endpoint) {
    return find(sources(), FrameSourceProvider::scheme, endpoint, "source");
  }

  /**
   * The kind of sink that an endpoint names.
   *
   * @throws IllegalArgumentException naming the schemes that there are
   */
  public static FrameSinkProvider sink(Endpoint endpoint) {
    return find(sinks(), FrameSinkProvider::scheme, endpoint, "sink");
  }

  private static <T> List<T> all(Class<T> type) {
    return ServiceLoader.load(type).stream().map(ServiceLoader.Provider::get).toList();
  }

  private static <T> T find(
      List<T> providers, Function<T, String> scheme, Endpoint endpoint, String kind) {
    return providers.stream()
        .filter(provider -> scheme.apply(provider).equals(endpoint.scheme()))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no "
                        + kind
                        + " has the scheme '"
                        + endpoint.scheme()
                        + "'; there are "
                        + providers.stream()
                            .map(scheme)
                            .sorted()
                            .collect(Collectors.joining(", "))));
  }
}
