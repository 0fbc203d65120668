# shellcheck shell=bash
# A VM whose clock counts instructions (QEMU's icount): CPU times are those of the work and not of a busy host.

# use_icount DIR: makes tests/lab/vm start such VMs, by a qemu-system-x86_64 in DIR/qemu, which it finds first.
use_icount() {
  local qemu
  qemu=$(command -v qemu-system-x86_64) || { echo "${0##*/}: no qemu-system-x86_64" >&2; exit 3; }
  mkdir "$1/qemu"
  printf '#!/bin/sh\nexec %q "$@" -icount shift=2,sleep=off\n' "$qemu" >"$1/qemu/qemu-system-x86_64"
  chmod +x "$1/qemu/qemu-system-x86_64"
  export PATH=$1/qemu:$PATH GUESTCAM_LAB_ACCEL=tcg,thread=single
}

# With icount the TSC needs no calibration, so it is the clock, as on real machines.
# shellcheck disable=SC2034 # tests/lab/vm's arguments
icount_options=(--append clocksource=tsc)

# The JIT's last tier comes after fewer calls: the VM is emulated. And the JVM does not know the emulated processor, so it
# copies 8 bytes at a time unless it is told what it finds out on real ones.
# shellcheck disable=SC2034
icount_jvm=(java -XX:+UseSerialGC -Xshare:auto --enable-native-access=ALL-UNNAMED
  -XX:Tier4InvocationThreshold=500 -XX:Tier4MinInvocationThreshold=100 -XX:Tier4CompileThreshold=1000
  -XX:+UseUnalignedLoadStores -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
