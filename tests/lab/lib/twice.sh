# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# What is emulated on a machine that others use can fail for a reason that is not guestcam's. So what failed is tried once
# more; but that is told, at the end of ./verify too, for it may as well be a race that shows itself seldom.

# twice NAME COMMAND...: once more if it fails, with the second try's status. COMMAND must not hang on what its first try left.
# In COMMAND 'set -e' does not work: it is a condition here.
twice() {
  local name=$1
  shift
  if "$@"; then return 0; fi
  echo "once more: $name"
  if "$@"; then
    echo "unsteady: $name failed, and passed when it was tried again"
    return 0
  fi
  echo "failed: $name, twice"
  return 1
}
