// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
import java.util.concurrent.CountDownLatch;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mode;
import org.guestcam.frame.Providers;

/**
 * guestcam as a library: says what a guest's screen does, until it has shown so many frames.
 *
 * <pre>java --enable-native-access=ALL-UNNAMED -cp 'bridge/target/guestcam/lib/*' \
 *   examples/library/WatchGuest.java qemu:myguest 100</pre>
 */
final class WatchGuest {
  public static void main(String[] arguments) throws Exception {
    Endpoint guest = Endpoint.parse(arguments[0]);
    CountDownLatch frames = new CountDownLatch(Integer.parseInt(arguments[1]));
    try (FrameSource source = Providers.source(guest).open(guest)) {
      source.start(
          new FrameListener() {
            @Override
            public void modeChanged(Mode mode) {
              System.out.println("the screen is " + mode);
            }

            @Override
            public void bufferAdded(Buffer buffer) {} // its dma-buf, where it has one, could be imported here

            @Override
            public void bufferRemoved(Buffer buffer) {}

            @Override
            public void framePresented(Frame frame) {
              System.out.printf("frame %d, %d places changed%n", frame.sequence(), frame.damage().count());
              frame.release(); // before the guest gets that memory back
              frames.countDown();
            }

            @Override
            public void ended(String reason, Throwable failure) {
              System.out.println("it ended: " + reason);
              while (frames.getCount() > 0) {
                frames.countDown();
              }
            }
          });
      frames.await();
    }
  }
}
