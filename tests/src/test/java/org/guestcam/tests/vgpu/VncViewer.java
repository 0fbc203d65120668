// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A window on a QEMU's screen, by VNC (RFC 6143), that only wants to have another size. */
final class VncViewer implements AutoCloseable {
  private static final int NO_SECURITY = 1;
  private static final byte SET_DESKTOP_SIZE = (byte) 251;
  private static final int SET_DESKTOP_SIZE_BYTES = 24;

  private final SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);

  /** Connects to a QEMU that runs. */
  VncViewer(Path socket) throws IOException {
    channel.connect(UnixDomainSocketAddress.of(socket));
    DataInputStream in = new DataInputStream(Channels.newInputStream(channel));
    byte[] version = in.readNBytes(12);
    assertEquals("RFB 003.008\n", new String(version, StandardCharsets.US_ASCII));
    write(ByteBuffer.wrap(version));
    byte[] kinds = in.readNBytes(in.readUnsignedByte());
    assertEquals(NO_SECURITY, kinds[0]);
    write(ByteBuffer.wrap(new byte[] {NO_SECURITY}));
    assertEquals(0, in.readInt(), "security");
    write(ByteBuffer.wrap(new byte[] {1})); // shared
    in.skipNBytes(2 + 2 + 16); // size, format
    in.skipNBytes(in.readInt()); // name
  }

  private void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** The user has made the window another size. */
  void resize(int width, int height) throws IOException {
    ByteBuffer message = ByteBuffer.allocate(SET_DESKTOP_SIZE_BYTES);
    message.put(SET_DESKTOP_SIZE).put((byte) 0);
    message.putShort((short) width).putShort((short) height);
    message.put((byte) 1).put((byte) 0); // screens
    message.putInt(0).putShort((short) 0).putShort((short) 0);
    message.putShort((short) width).putShort((short) height).putInt(0);
    write(message.flip());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
