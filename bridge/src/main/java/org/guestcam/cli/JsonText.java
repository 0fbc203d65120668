// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Collection;
import picocli.CommandLine.Model.CommandSpec;

/** The --json output of the commands that list something: one array, on lines for people. */
final class JsonText {
  /** Writes what is in one document. */
  @FunctionalInterface
  interface Body {
    /** Writes into an open generator. */
    void writeTo(JsonGenerator json) throws IOException;
  }

  private JsonText() {}

  /** Prints a document to a command's standard output. */
  static void print(CommandSpec command, Body body) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.useDefaultPrettyPrinter();
      body.writeTo(json);
    }
    PrintWriter out = command.commandLine().getOut();
    out.println(text);
    out.flush();
  }

  /** A field that is an array of strings. */
  static void strings(JsonGenerator json, String field, Collection<String> values)
      throws IOException {
    json.writeArrayFieldStart(field);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }
}
