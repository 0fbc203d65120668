// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * A test picture that plays a guest: it draws into a guest's pages, presents frames and waits until
 * they are released. What a consumer receives can be checked byte for byte, because every frame
 * says in its own pixels which one it is ({@link org.guestcam.pattern.PatternPicture}).
 */
package org.guestcam.pattern;
