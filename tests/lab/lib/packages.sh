# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# What a suite needs from Debian on the host.

# require_packages PACKAGE...: installs those that are missing; status 3 and a message where that cannot be done. A stale
# list of packages is no error: it is brought up to date, and the second try says what is wrong.
require_packages() {
  local package missing=() root=()
  for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  echo "installing ${missing[*]}" >&2
  [[ $EUID == 0 ]] || root=(sudo)
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
  "${root[@]}" "${install[@]}" >/dev/null 2>&1 || {
    "${root[@]}" apt-get update -qq >&2
    "${root[@]}" "${install[@]}" >/dev/null
  } || {
    echo "could not install ${missing[*]}: install them by hand and try again" >&2
    return 3
  }
}
