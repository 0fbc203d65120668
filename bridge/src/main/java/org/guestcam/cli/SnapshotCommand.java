// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.Callable;
import javax.imageio.ImageIO;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mailbox;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code guestcam snapshot}: the first frame of a source as a PNG file. */
@Command(
    name = "snapshot",
    mixinStandardHelpOptions = true,
    description = "Write the first frame of SOURCE to FILE as PNG.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam snapshot 'pattern:?size=640x480' picture.png",
      "",
      "YUV is read as limited range, BT.709 from 720 rows on, BT.601 below."
    })
final class SnapshotCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @ParentCommand private Main main;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(index = "1", paramLabel = "FILE.png", description = "Is replaced if it exists.")
  private Path file;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "Give up when no frame came for so long. Default: 10s.")
  private Duration timeout = Duration.ofSeconds(10);

  @Override
  public Integer call() throws IOException {
    BufferedImage picture;
    // Closed from the bottom to the top: the source before the mailbox that it fills.
    try (EventFd stop = new EventFd("stop");
        Poll poll = new Poll(2);
        Mailbox mailbox = new Mailbox();
        FrameSource opened = new Endpoints(spec).source(source)) {
      main.cleanStop().onSignal(stop::signal);
      opened.start(mailbox);
      poll.watch(0, mailbox.wakeFd(), Poll.IN);
      poll.watch(1, stop.fd(), Poll.IN);
      Frame frame = first(opened, mailbox, poll);
      try {
        picture = read(frame.buffer());
      } finally {
        frame.release();
      }
    } finally {
      main.cleanStop().onSignal(() -> {});
    }
    write(picture);
    return ExitCode.DONE;
  }

  private Frame first(FrameSource opened, Mailbox mailbox, Poll poll) throws IOException {
    long until = System.nanoTime() + timeout.toNanos();
    while (true) {
      for (Mailbox.Event event; (event = mailbox.takeEvent()) != null; ) {
        if (event instanceof Mailbox.Event.Added added) {
          added.buffer().letGo(); // the frame holds the one that it shows
        } else if (event instanceof Mailbox.Event.Ended end) {
          throw new IOException(
              opened.description() + " ended before its first frame: " + end.reason(),
              end.failure());
        }
      }
      Frame frame = mailbox.takeFrame();
      if (frame != null) {
        return frame;
      }
      long left = until - System.nanoTime();
      if (left <= 0) {
        throw new IOException(
            opened.description() + " showed no frame within " + timeout.toMillis() + " ms");
      }
      poll.await(left);
      if (poll.ready(1) != 0) {
        throw new IOException("stopped before the first frame");
      }
      if (poll.ready(0) != 0) {
        mailbox.awake();
      }
    }
  }

  private static BufferedImage read(Buffer buffer) throws IOException {
    if (!buffer.layout().isLinear()) {
      throw new IOException("the picture is not linear in memory: " + buffer.layout());
    }
    int r = buffer.beginRead();
    if (r < 0) {
      throw new IOException("DMA_BUF_IOCTL_SYNC on " + buffer + ": " + Errno.describe(-r));
    }
    try {
      return RgbConverter.convert(buffer.pixels(), buffer.layout());
    } finally {
      buffer.endRead();
    }
  }

  /** Under another name first, so that nobody ever sees half a picture. */
  private void write(BufferedImage picture) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (!Files.isDirectory(directory)) {
      throw new IOException("cannot write " + file + ": there is no directory " + directory);
    }
    Path temporary = directory.resolve("." + file.getFileName() + ".part");
    try {
      ImageIO.write(picture, "png", temporary.toFile());
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    spec.commandLine()
        .getOut()
        .println(file + ": " + picture.getWidth() + "x" + picture.getHeight() + " pixels");
    spec.commandLine().getOut().flush();
  }
}
