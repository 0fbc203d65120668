// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.guestcam.cli.doctor.Check;
import org.guestcam.cli.doctor.Finding;
import org.guestcam.cli.doctor.GStreamerCheck;
import org.guestcam.cli.doctor.Host;
import org.guestcam.cli.doctor.JvmCheck;
import org.guestcam.cli.doctor.LoopbackModulesCheck;
import org.guestcam.cli.doctor.OutputDevicesCheck;
import org.guestcam.cli.doctor.QemuCheck;
import org.guestcam.cli.doctor.UdmabufCheck;
import org.guestcam.cli.doctor.VhostGpuCheck;
import org.guestcam.cli.doctor.XenCheck;
import org.guestcam.v4l2.DeviceReport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The doctor on hosts that are directories. */
class DoctorCommandTest {
  @TempDir private Path root;
  private Host host;

  @BeforeEach
  void makeHost() throws IOException {
    host = new Host(root, List.of(root.resolve("bin")));
    file("/proc/sys/kernel/osrelease", "6.12.1-test\n");
  }

  private void file(String path, String text) throws IOException {
    Path file = root.resolve(path.substring(1));
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private void program(String name, String output) throws IOException {
    file("/bin/" + name, "#!/bin/sh\necho '" + output + "'\n");
    assertTrue(root.resolve("bin/" + name).toFile().setExecutable(true));
  }

  private void udmabuf(int listLimit) throws IOException {
    file("/dev/udmabuf", "");
    file("/sys/module/udmabuf/parameters/list_limit", listLimit + "\n");
    file("/sys/module/udmabuf/parameters/size_limit_mb", "64\n");
  }

  private Finding look(Check check) {
    return check.look(host);
  }

  private static OutputDevicesCheck devices(DeviceReport... devices) {
    return new OutputDevicesCheck(() -> List.of(devices));
  }

  @Test
  void udmabufWithRaisedLimitsIsEnough() throws IOException {
    udmabuf(8192);
    Finding finding = look(new UdmabufCheck());
    assertEquals(Finding.State.OK, finding.state());
    assertEquals("/dev/udmabuf, list_limit 8192, size_limit_mb 64", finding.found());
  }

  @Test
  void udmabufWithTheKernelsLimitsServesButSaysWhatScatteredBuffersNeed() throws IOException {
    udmabuf(1024);
    Finding finding = look(new UdmabufCheck());
    assertEquals(Finding.State.LIMITED, finding.state());
    assertFalse(finding.blocksMainJob());
    assertTrue(finding.meaning().contains("1080p has 2025 and 4K 8100"), finding.meaning());
    assertEquals(
        "echo 8100 | sudo tee /sys/module/udmabuf/parameters/list_limit", finding.remedy());
  }

  @Test
  void withoutUdmabufTheMainJobIsBlocked() {
    Finding finding = look(new UdmabufCheck());
    assertEquals(Finding.State.MISSING, finding.state());
    assertTrue(finding.blocksMainJob());
    assertEquals("no /dev/udmabuf (kernel 6.12.1-test)", finding.found());
  }

  @Test
  void udmabufAsAModuleIsToBeLoaded() throws IOException {
    file("/lib/modules/6.12.1-test/modules.dep", "kernel/drivers/dma-buf/udmabuf.ko.xz:\n");
    assertEquals("sudo modprobe udmabuf", look(new UdmabufCheck()).remedy());
  }

  @Test
  void aDeviceThatTakesDmabufIsWhatIsWanted() {
    Finding finding = look(devices(DevicesCommandTest.LOOPBACK, DevicesCommandTest.VIVID));
    assertEquals(Finding.State.OK, finding.state());
    assertEquals(
        "/dev/video2 (v4l2 loopback) takes MMAP WRITE; /dev/video1 (vivid) takes DMABUF MMAP",
        finding.found());
  }

  @Test
  void aDeviceThatCopiesIsLimited() {
    Finding finding = look(devices(DevicesCommandTest.LOOPBACK));
    assertEquals(Finding.State.LIMITED, finding.state());
    assertTrue(finding.blocksMainJob());
  }

  @Test
  void aDeviceThatMayNotBeOpenedWantsAGroup() {
    Finding finding = look(devices(DevicesCommandTest.FORBIDDEN));
    assertEquals(Finding.State.MISSING, finding.state());
    assertTrue(finding.remedy().contains("usermod -aG video"), finding.remedy());
  }

  @Test
  void noDeviceAtAll() {
    assertEquals("no /dev/videoN", look(devices()).found());
  }

  @Test
  void modulesAreLoadedAvailableOrAbsent() throws IOException {
    Finding bare = look(new LoopbackModulesCheck());
    assertEquals("no guestcam_loopback, no v4l2loopback, no vivid", bare.found());
    assertTrue(bare.meaning().contains("no /lib/modules/6.12.1-test"), bare.meaning());

    file("/lib/modules/6.12.1-test/modules.dep", "updates/dkms/v4l2loopback.ko.xz: a\n");
    Finding available = look(new LoopbackModulesCheck());
    assertEquals("no guestcam_loopback, v4l2loopback available, no vivid", available.found());
    assertTrue(available.meaning().contains("guestcam_loopback does not"), available.meaning());
    assertTrue(available.remedy().contains("make -C loopback-module deb"), available.remedy());
    assertTrue(available.remedy().contains("\nsudo modprobe v4l2loopback"), available.remedy());

    file("/sys/module/v4l2loopback/refcnt", "0");
    Finding copies = look(new LoopbackModulesCheck());
    assertEquals(Finding.State.LIMITED, copies.state());
    assertTrue(copies.remedy().endsWith("sudo modprobe guestcam_loopback"), copies.remedy());

    file("/sys/module/vivid/refcnt", "0");
    Finding loaded = look(new LoopbackModulesCheck());
    assertEquals(Finding.State.OK, loaded.state());
    assertEquals("no guestcam_loopback, v4l2loopback loaded, vivid loaded", loaded.found());
  }

  @Test
  void programsAreFoundOnThePath() throws IOException {
    assertEquals(Finding.State.MISSING, look(new GStreamerCheck()).state());
    assertEquals(Finding.State.MISSING, look(new QemuCheck()).state());
    program("gst-launch-1.0", "gst-launch-1.0 version 1.26.2");
    program("qemu-system-x86_64", "QEMU emulator version 10.0.13");
    assertTrue(look(new GStreamerCheck()).found().endsWith("version 1.26.2"));
    String plugins = "/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgst";
    for (String there :
        List.of("x264", "matroska", "jpeg", "videoparsersbad", "srt", "hls", "libav", "pipewire")) {
      file(plugins + there + ".so", "");
    }
    Finding limited = look(new GStreamerCheck());
    assertEquals(Finding.State.LIMITED, limited.state());
    assertEquals("Plug-ins are missing for: stream rtsp:; stream rtsp-server:.", limited.meaning());
    assertEquals("sudo apt-get install gstreamer1.0-rtsp libgstrtspserver-1.0-0", limited.remedy());
    file(plugins + "rtspclientsink.so", "");
    file("/usr/lib/x86_64-linux-gnu/libgstrtspserver-1.0.so.0", "");
    assertEquals(Finding.State.OK, look(new GStreamerCheck()).state());
    assertEquals(
        "qemu-system-x86_64: QEMU emulator version 10.0.13", look(new QemuCheck()).found());
  }

  @Test
  void theDisplayDeviceWantsAQemuThatStartsItAndUdmabuf() throws IOException {
    assertEquals(Finding.State.MISSING, look(new VhostGpuCheck()).state());
    program("qemu-system-x86_64", "QEMU emulator version 7.2.19 (Debian 1:7.2)");
    Finding old = look(new VhostGpuCheck());
    assertEquals("QEMU 7.2, no KVM, no udmabuf", old.found());
    assertTrue(old.meaning().contains("only with KVM"), old.meaning());
    assertTrue(old.remedy().contains("backports"), old.remedy());
    file("/dev/kvm", "");
    Finding mapped = look(new VhostGpuCheck());
    assertEquals(Finding.State.LIMITED, mapped.state());
    assertTrue(mapped.meaning().contains("USERPTR"), mapped.meaning());
    udmabuf(1024);
    assertEquals(Finding.State.OK, look(new VhostGpuCheck()).state());
    program("qemu-system-x86_64", "QEMU emulator version 10.0.13");
    assertTrue(root.resolve("dev/kvm").toFile().delete());
    assertEquals("QEMU 10.0, no KVM, udmabuf", look(new VhostGpuCheck()).found());
    assertEquals(Finding.State.OK, look(new VhostGpuCheck()).state());
  }

  @Test
  void xenIsToldApart() throws IOException {
    assertEquals("this is no domain of Xen", look(new XenCheck()).found());
    file("/sys/hypervisor/type", "xen\n");
    file("/sys/hypervisor/guest_type", "PV\n");
    file("/proc/xen/capabilities", "control_d\n");
    assertEquals(
        "a domain of Xen, type PV, dom0, no /dev/xen/gntdev", look(new XenCheck()).found());
    file("/dev/xen/gntdev", "");
    Finding arm = look(new XenCheck(() -> Optional.of(true), true));
    assertEquals(Finding.State.OK, arm.state());
    assertTrue(arm.found().endsWith("gntdev with dma-bufs"), arm.found());
    assertTrue(arm.meaning().contains("route=export"), arm.meaning());
    Finding x86 = look(new XenCheck(() -> Optional.of(false), false));
    assertEquals(Finding.State.LIMITED, x86.state());
    assertTrue(x86.meaning().contains("route=copy"), x86.meaning());
    assertTrue(x86.remedy().contains("CONFIG_XEN_GNTDEV_DMABUF"), x86.remedy());
    assertTrue(x86.meaning().contains("be-alloc=1: does not work"), x86.meaning());
    assertTrue(x86.remedy().contains("modprobe xen-gntalloc"), x86.remedy());
    file("/dev/xen/gntalloc", "");
    Finding lends = look(new XenCheck(() -> Optional.of(false), false));
    assertTrue(lends.meaning().contains("as pages of xen-gntalloc"), lends.meaning());
    file("/sys/hypervisor/guest_type", "PVH\n");
    Finding pvh = look(new XenCheck(() -> Optional.of(true), false));
    assertTrue(pvh.meaning().contains("(route=map)."), pvh.meaning());
    file("/sys/hypervisor/guest_type", "PV\n");
    file("/dev/guestcam-grants", "");
    assertEquals(
        Finding.State.LIMITED, look(new XenCheck(() -> Optional.of(false), false)).state());
    file("/sys/hypervisor/guest_type", "PVH");
    Finding module = look(new XenCheck(() -> Optional.of(false), false));
    assertEquals(Finding.State.OK, module.state());
    assertTrue(module.found().endsWith("without dma-bufs, guestcam_grants"), module.found());
    assertTrue(module.meaning().contains("dma-bufs of guestcam_grants"), module.meaning());
  }

  @Test
  void endsWith0WhenTheMainJobCanRunAnd3WhenNot() throws IOException {
    udmabuf(1024);
    assertEquals(0, doctor(new UdmabufCheck(), devices(DevicesCommandTest.VIVID)));
    assertEquals(3, doctor(new UdmabufCheck(), devices()));
  }

  @Test
  void everyPartHasALineAndEveryRemedyAPrompt() {
    StringWriter out = new StringWriter();
    command(new JvmCheck(), new UdmabufCheck()).setOut(new PrintWriter(out)).execute();
    assertTrue(out.toString().contains("missing! udmabuf: no /dev/udmabuf"), out.toString());
    assertTrue(out.toString().contains("         $ sudo apt-get install"), out.toString());
    assertTrue(out.toString().contains("guestcam demo"), out.toString());
  }

  @Test
  void speaksJson() {
    StringWriter out = new StringWriter();
    command(new UdmabufCheck()).setOut(new PrintWriter(out)).execute("--json");
    assertTrue(out.toString().contains("\"main_job\" : false"), out.toString());
    assertTrue(out.toString().contains("\"state\" : \"missing\""), out.toString());
  }

  private int doctor(Check... checks) {
    return command(checks).setOut(new PrintWriter(new StringWriter())).execute();
  }

  private CommandLine command(Check... checks) {
    return new CommandLine(new DoctorCommand(host, List.of(checks)));
  }
}
