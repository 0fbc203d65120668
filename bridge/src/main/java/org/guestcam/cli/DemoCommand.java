// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code guestcam demo}, in the list of commands only: it may have to build and boot a VM, which is
 * the launcher's work, and the launcher keeps it to itself.
 */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = "Boot a guest with QEMU and record its screen; or show a camera in a VM.",
    footerHeading = "%nExamples:%n",
    footer = {"  ./guestcam demo", "  ./guestcam demo --vm ./results"})
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "the demo is started by the script 'guestcam' of the source tree");
  }
}
