// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.LastError;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Mapping;
import org.guestcam.xen.ffi.LibXenevtchn;
import org.guestcam.xen.ffi.LibXengnttab;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is asked of Xen's libraries, and what becomes of their results, without Xen. */
class XenLibrariesTest {
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();
  private static final int PAGE = 4096;

  private final Grants grants = new Grants();
  private final Channels channels = new Channels();
  private XenLibraries xen;

  @BeforeEach
  void open() throws Exception {
    channels.device = new EventFd("evtchn");
    xen = new XenLibraries(grants, channels, RUNTIME);
  }

  @AfterEach
  void nothingIsLeft() {
    xen.close();
    xen.close();
    channels.device.close();
    assertEquals(0, grants.mapped);
    assertEquals(1, grants.closed, "handles of libxengnttab that were closed");
    assertEquals(1, channels.closed, "handles of libxenevtchn that were closed");
  }

  @Test
  void aMappingOutlivesTheHandleThatMadeIt() throws Exception {
    Hypervisor.Pages pages = xen.map(7, new int[] {8, 9}, Mapping.READ_WRITE);
    assertEquals(2 * PAGE, pages.segment().byteSize());
    assertEquals((byte) 9, pages.segment().get(JAVA_BYTE, PAGE), "the second page");
    xen.close();
    assertEquals(0, grants.closed, "its pages are mapped");
    assertEquals((byte) 8, pages.segment().get(JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> xen.map(7, new int[] {8}, Mapping.READ_WRITE));
    pages.close();
    pages.close();
    assertEquals(1, grants.closed);
    assertThrows(IllegalStateException.class, () -> pages.segment().get(JAVA_BYTE, 0));
  }

  @Test
  void copiesSoManyBytesAsThePictureHas() throws Exception {
    try (Hypervisor.Copy copy = xen.copy(7, new int[] {3, 4}, PAGE + 100);
        Arena arena = Arena.ofConfined()) {
      MemorySegment to = arena.allocate(2 * PAGE, PAGE);
      assertEquals(0, copy.copyTo(to));
      assertEquals(List.of("3 of 7: 4096 bytes", "4 of 7: 100 bytes"), grants.copied);
      grants.failing = Errno.EINVAL;
      assertEquals(-Errno.EINVAL.number(), copy.copyTo(to));
    }
  }

  @Test
  void aRefusalHasItsErrno() {
    grants.failing = Errno.EINVAL;
    for (Task task :
        List.<Task>of(
            () -> xen.map(7, new int[] {0}, Mapping.READ), () -> xen.export(7, new int[] {0}, 0))) {
      ErrnoException e = assertThrows(ErrnoException.class, task::run);
      assertTrue(e.is(Errno.EINVAL), e.getMessage());
      assertTrue(e.getMessage().contains("domain 7"), e.getMessage());
    }
    channels.failing = Errno.ENXIO;
    assertTrue(assertThrows(ErrnoException.class, () -> xen.bind(7, 1)).is(Errno.ENXIO));
    assertTrue(assertThrows(ErrnoException.class, () -> xen.notify(1)).is(Errno.ENXIO));
    xen.unmask(1);
    xen.unbind(1);
  }

  @Test
  void receivesAllThatHasFiredAndNeverWaits() throws Exception {
    assertEquals(40, xen.bind(7, 30));
    assertEquals(0, xen.receive());
    for (int port = 0; port < 70; port++) {
      channels.fired.add(port);
    }
    assertEquals(64, xen.receive());
    assertEquals(63, xen.port(63));
    assertEquals(6, xen.receive());
    assertEquals(69, xen.port(5));
    xen.notify(40);
    xen.unmask(40);
    xen.unbind(40);
    xen.close();
    assertThrows(IllegalStateException.class, () -> xen.notify(40));
    assertEquals(List.of("bind", "notify 40", "unmask 40", "unbind 40"), channels.calls);
  }

  @Test
  void libevtchnsRefusalLeavesNoHandleOfTheOther() {
    Channels refusing = new Channels();
    refusing.failing = Errno.EACCES;
    Grants other = new Grants();
    ErrnoException e =
        assertThrows(ErrnoException.class, () -> new XenLibraries(other, refusing, RUNTIME));
    assertTrue(e.is(Errno.EACCES), e.getMessage());
    assertEquals(1, other.closed);
  }

  private interface Task {
    void run() throws IOException;
  }

  private static final class Grants implements LibXengnttab {
    final List<String> copied = new ArrayList<>();
    Pointer pages;
    Errno failing;
    int mapped;
    int closed;

    private int result() {
      if (failing != null) {
        LastError.setLastError(RUNTIME, failing.number());
        return -1;
      }
      return 0;
    }

    @Override
    public Pointer xengnttab_open(Pointer logger, int flags) {
      return Pointer.wrap(RUNTIME, PAGE);
    }

    @Override
    public int xengnttab_close(Pointer table) {
      closed++;
      return 0;
    }

    /** Each page is full of its reference. */
    @Override
    public Pointer xengnttab_map_domain_grant_refs(
        Pointer table, int count, int domain, int[] refs, int protection) {
      if (result() < 0) {
        return null;
      }
      mapped++;
      pages = Memory.allocateDirect(RUNTIME, count * PAGE);
      for (int i = 0; i < count; i++) {
        pages.setMemory((long) i * PAGE, PAGE, (byte) refs[i]);
      }
      return pages;
    }

    @Override
    public int xengnttab_unmap(Pointer table, Pointer start, int count) {
      assertEquals(pages.address(), start.address());
      assertEquals(0, closed, "a handle that is closed");
      mapped--;
      return 0;
    }

    /** As xengnttab_grant_copy_segment_t: source and dest of 8 bytes, u16 len, flags, status. */
    @Override
    public int xengnttab_grant_copy(Pointer table, int count, Pointer segments) {
      copied.clear();
      for (int i = 0; i < count; i++) {
        long at = 24L * i;
        copied.add(
            segments.getInt(at)
                + " of "
                + segments.getShort(at + 6)
                + ": "
                + segments.getShort(at + 16)
                + " bytes");
      }
      return result();
    }

    @Override
    public int xengnttab_dmabuf_exp_from_refs(
        Pointer table, int domain, int flags, int count, int[] refs, int[] fd) {
      return result();
    }

    @Override
    public int xengnttab_dmabuf_exp_wait_released(Pointer table, int fd, int millis) {
      return result();
    }

    @Override
    public int xengnttab_dmabuf_imp_to_refs(
        Pointer table, int domain, int fd, int count, int[] refs) {
      return result();
    }

    @Override
    public int xengnttab_dmabuf_imp_release(Pointer table, int fd) {
      return result();
    }
  }

  private static final class Channels implements LibXenevtchn {
    final List<String> calls = new ArrayList<>();
    final ArrayDeque<Integer> fired = new ArrayDeque<>();
    EventFd device;
    Errno failing;
    int closed;

    private int result(int good) {
      if (failing != null) {
        LastError.setLastError(RUNTIME, failing.number());
        return -1;
      }
      return good;
    }

    @Override
    public Pointer xenevtchn_open(Pointer logger, int flags) {
      return result(0) < 0 ? null : Pointer.wrap(RUNTIME, PAGE);
    }

    @Override
    public int xenevtchn_close(Pointer handle) {
      closed++;
      return 0;
    }

    @Override
    public int xenevtchn_fd(Pointer handle) {
      return device.fd().number();
    }

    @Override
    public int xenevtchn_bind_interdomain(Pointer handle, int domain, int remotePort) {
      calls.add("bind");
      return result(remotePort + 10);
    }

    @Override
    public int xenevtchn_unbind(Pointer handle, int port) {
      calls.add("unbind " + port);
      return result(0);
    }

    @Override
    public int xenevtchn_notify(Pointer handle, int port) {
      calls.add("notify " + port);
      return result(0);
    }

    @Override
    public int xenevtchn_pending(Pointer handle) {
      return fired.isEmpty() ? -1 : fired.poll();
    }

    @Override
    public int xenevtchn_unmask(Pointer handle, int port) {
      calls.add("unmask " + port);
      return result(0);
    }
  }
}
