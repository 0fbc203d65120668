// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSourceProvider;
import org.guestcam.frame.Providers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code guestcam sources}: the kinds of source, and those that can be opened now. */
@Command(
    name = "sources",
    mixinStandardHelpOptions = true,
    description = "List the kinds of source, and what of each can be opened on this host now.",
    footerHeading = "%nExamples:%n",
    footer = {"  guestcam sources", "  guestcam sources --json"})
final class SourcesCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "For programs: an array of objects.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    List<FrameSourceProvider> providers = Providers.sources();
    if (json) {
      JsonText.print(
          spec,
          array -> {
            array.writeStartArray();
            for (FrameSourceProvider provider : providers) {
              array.writeStartObject();
              array.writeStringField("scheme", provider.scheme());
              array.writeStringField("usage", provider.usage());
              List<String> available = provider.available();
              JsonText.strings(array, "available", available);
              JsonText.strings(
                  array, "details", available.stream().map(one -> details(provider, one)).toList());
              array.writeEndObject();
            }
            array.writeEndArray();
          });
      return ExitCode.DONE;
    }
    PrintWriter out = spec.commandLine().getOut();
    for (FrameSourceProvider provider : providers) {
      out.println(provider.scheme());
      out.println("  " + provider.usage());
      List<String> available = provider.available();
      out.println(
          available.isEmpty()
              ? "  none can be opened now"
              : "  now: "
                  + available.stream()
                      .map(one -> line(one, details(provider, one)))
                      .collect(Collectors.joining("\n       ")));
    }
    out.flush();
    return ExitCode.DONE;
  }

  private static String line(String endpoint, String details) {
    return details.isEmpty() ? endpoint : endpoint + "  (" + details + ")";
  }

  private static String details(FrameSourceProvider provider, String endpoint) {
    try {
      return provider.describe(Endpoint.parse(endpoint));
    } catch (IOException e) {
      return e.getMessage(); // it is in the list, and cannot be opened
    }
  }
}
