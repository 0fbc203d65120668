// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * What gst1-java-core lacks of GStreamer, called through the Foreign Function and Memory API:
 * memory that is a guest's, buffers without a Java object, callbacks without reflection. The only
 * package beside org.guestcam.uapi that calls native code.
 *
 * <p>Pointers are longs here: a frame must not cost an object. Structures are read and written at
 * fixed offsets, which GStreamer's ABI freezes for all of 1.x.
 */
package org.guestcam.gst.ffi;
