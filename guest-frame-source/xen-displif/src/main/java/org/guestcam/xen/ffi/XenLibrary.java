// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import jnr.ffi.LibraryLoader;

/** The libraries, each by the name of the version whose functions are declared here. */
public enum XenLibrary {
  /** {@link LibXengnttab}. */
  GNTTAB("libxengnttab.so.1", "libxengnttab1"),
  /** {@link LibXenevtchn}. */
  EVTCHN("libxenevtchn.so.1", "libxenevtchn1"),
  /** {@link LibXenstore}. */
  STORE("libxenstore.so.4", "libxenstore4"),
  /** {@link LibC}. */
  C("libc.so.6", "libc6");

  static {
    // jnr-ffi's jffi then reaches memory through its own native code: the JDK warns of
    // sun.misc.Unsafe.
    if (System.getProperty("jffi.unsafe.disabled") == null) {
      System.setProperty("jffi.unsafe.disabled", "true");
    }
  }

  private final String soname;
  private final String debianPackage;

  XenLibrary(String soname, String debianPackage) {
    this.soname = soname;
    this.debianPackage = debianPackage;
  }

  /**
   * Loads it, once a process.
   *
   * @param functions the interface that names its functions
   * @throws UnsatisfiedLinkError where it is not installed, with what would install it
   */
  public <T> T load(Class<T> functions) {
    return load(functions, soname, debianPackage);
  }

  static <T> T load(Class<T> functions, String soname, String debianPackage) {
    try {
      return LibraryLoader.create(functions).failImmediately().load(soname);
    } catch (UnsatisfiedLinkError e) {
      // The first line is the loader's reason, the rest where jnr-ffi has looked.
      throw new UnsatisfiedLinkError(
          soname
              + " cannot be loaded ("
              + e.getMessage().lines().findFirst().orElse("")
              + "): sudo apt install "
              + debianPackage
              + " (Debian)");
    }
  }
}
