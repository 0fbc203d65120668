// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A source or sink as the command line names it: {@code scheme:rest}, for example {@code
 * pattern:?size=1280x720&fps=30} or {@code v4l2:/dev/video10}.
 *
 * @param scheme chooses the provider; lower case
 * @param rest everything behind the first colon, as it was written
 */
public record Endpoint(String scheme, String rest) {
  /**
   * Reads what a user wrote.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  public static Endpoint parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 1 || !text.substring(0, colon).matches("[a-z][a-z0-9+.-]*")) {
      throw new IllegalArgumentException(
          "'"
              + text
              + "' does not begin with a scheme, as in pattern:?fps=30 or v4l2:/dev/video10");
    }
    return new Endpoint(text.substring(0, colon), text.substring(colon + 1));
  }

  /** The part before the question mark. */
  public String path() {
    int query = rest.indexOf('?');
    return query < 0 ? rest : rest.substring(0, query);
  }

  /**
   * The parameters behind the question mark, {@code name=value} joined by ampersands; a name alone
   * has the value "true".
   *
   * @param known the names that the provider understands
   * @throws IllegalArgumentException naming an unknown or repeated parameter
   */
  public Map<String, String> parameters(Set<String> known) {
    int query = rest.indexOf('?');
    Map<String, String> parameters = new LinkedHashMap<>();
    if (query < 0) {
      return parameters;
    }
    for (String part : rest.substring(query + 1).split("&", -1)) {
      if (part.isEmpty()) {
        continue;
      }
      int equals = part.indexOf('=');
      String name = equals < 0 ? part : part.substring(0, equals);
      String value =
          equals < 0
              ? "true"
              : URLDecoder.decode(part.substring(equals + 1), StandardCharsets.UTF_8);
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            scheme
                + ": has no parameter '"
                + name
                + "'"
                + (known.isEmpty()
                    ? ""
                    : "; there are " + String.join(", ", new TreeSet<>(known))));
      }
      if (parameters.put(name, value) != null) {
        throw new IllegalArgumentException(
            scheme + ": the parameter '" + name + "' is given twice");
      }
    }
    return parameters;
  }

  /**
   * A parameter that is there or not.
   *
   * @param given what {@link #parameters} returned
   * @throws IllegalArgumentException where its value is neither true nor false
   */
  public static boolean flag(Map<String, String> given, String name) {
    return choice(given, name, "false", "true").equals("true");
  }

  /**
   * A parameter that is one of some words.
   *
   * @param values the first is what it is where nothing is given
   * @throws IllegalArgumentException naming them, where it is none
   */
  public static String choice(Map<String, String> given, String name, String... values) {
    String value = given.getOrDefault(name, values[0]);
    for (String one : values) {
      if (one.equals(value)) {
        return value;
      }
    }
    throw new IllegalArgumentException(
        name + "=" + value + ": there are " + String.join(", ", values));
  }

  /**
   * A parameter that is a number.
   *
   * @param least not negative
   * @throws IllegalArgumentException naming the bounds, where it is none or outside of them
   */
  public static int number(
      Map<String, String> given, String name, int otherwise, int least, int most) {
    String text = given.getOrDefault(name, Integer.toString(otherwise));
    int value = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          name + "=" + text + " is not a number from " + least + " to " + most);
    }
    return value;
  }

  @Override
  public String toString() {
    return scheme + ":" + rest;
  }
}
