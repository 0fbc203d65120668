// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** How this package reaches GStreamer's libraries. */
final class Native {
  /** All of memory, to read and write fields of structures by their address. */
  static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final Linker LINKER = Linker.nativeLinker();

  private Native() {}

  /** A library that stays loaded. */
  static SymbolLookup library(String soname) {
    return SymbolLookup.libraryLookup(soname, Arena.global());
  }

  static MethodHandle function(
      SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        library.findOrThrow(name), FunctionDescriptor.of(result, arguments));
  }

  static MethodHandle procedure(SymbolLookup library, String name, MemoryLayout... arguments) {
    return LINKER.downcallHandle(library.findOrThrow(name), FunctionDescriptor.ofVoid(arguments));
  }

  /**
   * The address of a C function that calls a static method of {@code lookup}'s class, for ever: a
   * thread may still be on its way out of one when its object is gone. Exceptions must not leave
   * the method, for they would end the JVM.
   */
  static long upcall(MethodHandles.Lookup lookup, String method, FunctionDescriptor type) {
    try {
      MethodType java = type.toMethodType();
      MethodHandle target = lookup.findStatic(lookup.lookupClass(), method, java);
      return LINKER.upcallStub(target, type, Arena.global()).address();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(method + " does not fit its C type", e);
    }
  }

  /** A C string that is never freed. */
  static MemorySegment constant(String text) {
    return Arena.global().allocateFrom(text);
  }

  static long getLong(long address) {
    return MEMORY.get(JAVA_LONG, address);
  }

  static int getInt(long address) {
    return MEMORY.get(JAVA_INT, address);
  }

  static void setLong(long address, long value) {
    MEMORY.set(JAVA_LONG, address, value);
  }

  static void setInt(long address, int value) {
    MEMORY.set(JAVA_INT, address, value);
  }

  /** A C string at {@code address}, or null. */
  static String text(long address) {
    return address == 0 ? null : MEMORY.getString(address);
  }

  /** Pointers that are made rarely are passed as segments. */
  static final MemoryLayout POINTER = ADDRESS;

  /** A downcall throws only when its handle does not fit its call, which is a mistake of ours. */
  static AssertionError impossible(Throwable t) {
    return new AssertionError("a GStreamer binding does not fit its call", t);
  }
}
