# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# What JUnit's XML reports say, be they Surefire's or the console launcher's.

# junit_count FILE...: 'passed failed skipped', 0 of each where there is no report.
junit_count() {
  cat /dev/null "$@" 2>/dev/null | perl -ne '
    next unless /<testsuite /;
    for my $name (qw(tests failures errors skipped)) { $sum{$name} += $1 if / $name="(\d+)"/ }
    END { my $bad = ($sum{failures} || 0) + ($sum{errors} || 0); my $left = $sum{skipped} || 0;
          print(join(" ", ($sum{tests} || 0) - $bad - $left, $bad, $left), "\n") }'
}

# junit_named ELEMENT FILE...: 'Class#method: the first line of the message' of each test that holds an element of that name
# (failure and error; Surefire: flakyFailure and flakyError, of a test that passed when it was run again).
junit_named() {
  local element=$1
  shift
  cat /dev/null "$@" 2>/dev/null | perl -ne '
    BEGIN { $element = shift }
    if (/<testcase /) { ($name) = / name="([^"]*)"/; ($class) = / classname="(?:[^"]*\.)?([^".]*)"/; $name =~ s/\(\).*// }
    if (defined $name && /<(?:$element)\b(?:[^>]*? message="([^"]*))?/) {
      my $why = $1 // ""; $why =~ s/&#10;.*//s; $why = substr($why, 0, 200);
      print "$class#$name", $why eq "" ? "" : ": $why", "\n"; undef $name }' "$element"
}
