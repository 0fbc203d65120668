// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Compares the generated bindings with what the system's C compiler makes of this machine's kernel
 * headers: every size, every offset, every constant. A newer kernel may name more than Java does;
 * what Java names must be the same.
 */
class KernelHeadersTest {

  private static final Path JEXTRACT = Path.of("jextract").toAbsolutePath();

  /**
   * What a newer kernel has made longer, at its end. Java may know only the first part, as no ioctl
   * takes it by itself: v4l2_meta_format (width, height, stride since 6.12) is a member of
   * v4l2_format's 200-byte union.
   */
  private static final Set<String> MAY_BE_LONGER_IN_C =
      Set.of("sizeof(struct v4l2_meta_format)", "sizeof(((struct v4l2_format *) 0)->fmt.meta)");

  @TempDir private Path scratch;

  @TestFactory
  Stream<DynamicTest> headersAndBindingsAgree() throws Exception {
    List<GeneratedStruct> structs = structs();
    Map<String, Number> constants = constants();

    CompilerProbe probe = new CompilerProbe();
    for (GeneratedStruct struct : structs) {
      probe.ask(size(struct));
      for (GeneratedStruct.Field field : struct.fields()) {
        probe.ask(offset(struct, field));
        if (field.layout().byteSize() > 0) {
          probe.ask(size(struct, field));
        }
      }
    }
    constants.keySet().forEach(probe::ask);
    Map<String, Long> kernel = probe.answers(JEXTRACT, scratch);

    return Stream.concat(
        structs.stream().map(s -> dynamicTest("struct " + s.name(), () -> compare(s, kernel))),
        Stream.of(
            dynamicTest(
                "ioctl numbers", () -> compareConstants(constants, kernel, /* ioctls= */ true)),
            dynamicTest(
                "other constants",
                () -> compareConstants(constants, kernel, /* ioctls= */ false))));
  }

  /**
   * What is compared is all there is: nothing of the list was lost on the way, in either direction.
   */
  @Test
  void bindingsHoldWhatTheListNames() throws Exception {
    Set<String> structs = new TreeSet<>();
    Set<String> constants = new TreeSet<>();
    for (String line : Files.readAllLines(JEXTRACT.resolve("includes.txt"))) {
      int space = line.indexOf(' ');
      if (line.startsWith("--include-constant ")) {
        constants.add(line.substring(space + 1));
      } else if (line.startsWith("--include-")) {
        structs.add(line.substring(space + 1));
      }
    }
    assertEquals(
        structs, structs().stream().map(GeneratedStruct::name).collect(Collectors.toSet()));
    assertEquals(constants, constants().keySet());
  }

  private static void compare(GeneratedStruct struct, Map<String, Long> kernel) {
    List<String> mismatches = new ArrayList<>();
    checkSize(size(struct), struct.layout(), kernel, mismatches);
    for (GeneratedStruct.Field field : struct.fields()) {
      if (isReserved(field)) {
        // New fields are taken from the front of the reserved bytes: what stays is where these end.
        long end = kernel.get(offset(struct, field)) + kernel.get(size(struct, field));
        check(
            "end of " + struct.name() + "." + field.path(),
            end,
            field.offset() + field.layout().byteSize(),
            mismatches);
        continue;
      }
      check(offset(struct, field), kernel.get(offset(struct, field)), field.offset(), mismatches);
      if (field.layout().byteSize() > 0) {
        checkSize(size(struct, field), field.layout(), kernel, mismatches);
      }
    }
    failIfAny(mismatches);
  }

  private static void compareConstants(
      Map<String, Number> constants, Map<String, Long> kernel, boolean ioctls) {
    List<String> mismatches = new ArrayList<>();
    constants.forEach(
        (name, java) -> {
          if (isIoctl(name) == ioctls) {
            long c = kernel.get(name);
            // An unsigned int of C is an int here, with the same 32 bits.
            boolean sameBits = java instanceof Integer && c >>> 32 == 0 && (int) c == (int) java;
            if (!sameBits) {
              check(name, c, java.longValue(), mismatches);
            }
          }
        });
    failIfAny(mismatches);
  }

  private static void checkSize(
      String what, MemoryLayout layout, Map<String, Long> kernel, List<String> mismatches) {
    long c = kernel.get(what);
    if (c < layout.byteSize() || !MAY_BE_LONGER_IN_C.contains(what)) {
      check(what, c, layout.byteSize(), mismatches);
    }
  }

  private static void check(String what, long c, long java, List<String> mismatches) {
    if (c != java) {
      mismatches.add("%s: C says %d (0x%x), Java says %d (0x%x)".formatted(what, c, c, java, java));
    }
  }

  private static void failIfAny(List<String> mismatches) {
    if (!mismatches.isEmpty()) {
      fail(
          "the bindings differ from this machine's kernel headers:\n  "
              + String.join("\n  ", mismatches));
    }
  }

  private static boolean isReserved(GeneratedStruct.Field field) {
    return field.path().equals("reserved") && field.layout().byteSize() > 0;
  }

  private static boolean isIoctl(String constant) {
    return constant.startsWith("VIDIOC_")
        || constant.startsWith("IOCTL_")
        || constant.startsWith("DMA_BUF_IOCTL_")
        || constant.startsWith("DMA_BUF_SET_NAME")
        || constant.startsWith("UDMABUF_CREATE");
  }

  private static String size(GeneratedStruct struct) {
    return "sizeof(struct " + struct.name() + ")";
  }

  private static String size(GeneratedStruct struct, GeneratedStruct.Field field) {
    return "sizeof(((struct " + struct.name() + " *) 0)->" + field.path() + ")";
  }

  private static String offset(GeneratedStruct struct, GeneratedStruct.Field field) {
    return "offsetof(struct " + struct.name() + ", " + field.path() + ")";
  }

  private static List<GeneratedStruct> structs()
      throws IOException, ReflectiveOperationException, URISyntaxException {
    Path classes = Path.of(Uapi.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<String> names;
    try (Stream<Path> files =
        Files.list(classes.resolve(Uapi.class.getPackageName().replace('.', '/')))) {
      names = files.map(f -> f.getFileName().toString()).sorted().toList();
    }
    List<GeneratedStruct> structs = new ArrayList<>();
    for (String name : names) {
      if (name.endsWith(".class") && !name.contains("$")) {
        String simpleName = name.substring(0, name.length() - ".class".length());
        Class<?> type = Class.forName(Uapi.class.getPackageName() + "." + simpleName);
        if (GeneratedStruct.isStruct(type)) {
          structs.add(GeneratedStruct.of(type));
        }
      }
    }
    return structs;
  }

  private static Map<String, Number> constants() throws ReflectiveOperationException {
    Map<String, Number> constants = new TreeMap<>();
    for (Class<?> type = Uapi.class; type != Object.class; type = type.getSuperclass()) {
      List<Method> methods =
          Arrays.stream(type.getDeclaredMethods())
              .filter(m -> Modifier.isStatic(m.getModifiers()))
              .filter(m -> Modifier.isPublic(m.getModifiers()))
              .filter(m -> m.getParameterCount() == 0)
              .toList();
      for (Method method : methods) {
        if (method.invoke(null) instanceof Number value) {
          constants.put(method.getName(), value);
        }
      }
    }
    return constants;
  }
}
