// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * What one V4L2 node said of itself when it was asked.
 *
 * @param path the node
 * @param driver name of its driver
 * @param card name of the device
 * @param output whether it takes pictures (VIDEO_OUTPUT or VIDEO_OUTPUT_MPLANE)
 * @param capture whether it gives pictures
 * @param multiplanar whether its output uses the multi-planar API
 * @param memoryTypes what its output queue takes; empty where it could not be asked
 * @param formats the V4L2 fourccs that its output enumerates
 * @param problem why it could not be asked (busy, no rights ...), or null
 */
public record DeviceReport(
    Path path,
    String driver,
    String card,
    boolean output,
    boolean capture,
    boolean multiplanar,
    Set<MemoryType> memoryTypes,
    List<String> formats,
    String problem) {}
