// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi.abi;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** A struct as jextract wrote it: its layout, and every field however deep in named unions. */
record GeneratedStruct(String name, GroupLayout layout, List<Field> fields) {

  /**
   * A field of a struct.
   *
   * @param path how C names it, e.g. {@code m.userptr}
   * @param offset in bytes, from the start of the whole struct
   */
  record Field(String path, MemoryLayout layout, long offset) {}

  private static final String OFFSET = "$offset";

  static GeneratedStruct of(Class<?> type) throws ReflectiveOperationException {
    List<Field> fields = new ArrayList<>();
    collect(type, "", 0, fields);
    return new GeneratedStruct(type.getSimpleName(), layoutOf(type), List.copyOf(fields));
  }

  static boolean isStruct(Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .anyMatch(m -> m.getName().equals("layout") && m.getParameterCount() == 0);
  }

  private static GroupLayout layoutOf(Class<?> type) throws ReflectiveOperationException {
    return (GroupLayout) type.getMethod("layout").invoke(null);
  }

  private static void collect(Class<?> type, String prefix, long base, List<Field> fields)
      throws ReflectiveOperationException {
    List<Method> offsets =
        Arrays.stream(type.getDeclaredMethods())
            .filter(m -> Modifier.isStatic(m.getModifiers()) && m.getParameterCount() == 0)
            .filter(m -> m.getName().endsWith(OFFSET))
            .sorted(Comparator.comparing(Method::getName))
            .toList();
    for (Method method : offsets) {
      String name = method.getName().substring(0, method.getName().length() - OFFSET.length());
      long offset = base + (long) method.invoke(null);
      MemoryLayout layout = (MemoryLayout) type.getMethod(name + "$layout").invoke(null);
      fields.add(new Field(prefix + name, layout, offset));
      // A union without a type name is a nested class; its members are compared as fields of the
      // whole struct.
      for (Class<?> nested : type.getDeclaredClasses()) {
        if (isStruct(nested) && layoutOf(nested).withoutName().equals(layout.withoutName())) {
          collect(nested, prefix + name + ".", offset, fields);
        }
      }
    }
  }
}
