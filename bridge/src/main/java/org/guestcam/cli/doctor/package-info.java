// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * What {@code guestcam doctor} looks at: one small class a part. A {@link
 * org.guestcam.cli.doctor.Check} sees the host only through {@link org.guestcam.cli.doctor.Host}.
 */
package org.guestcam.cli.doctor;
