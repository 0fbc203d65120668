// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/** The command line: one class a command, {@link org.guestcam.cli.Main} above them. */
package org.guestcam.cli;
