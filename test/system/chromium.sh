#!/bin/sh
# Chromium, or what RM_CHROMIUM names. Where it may, as root may, it raises its own priority (nice -8), and takes the processor
# from the servers and agents that it is tested with, and from all tests beside it.
set -- "${RM_CHROMIUM:-/usr/bin/chromium}" "$@"
# A container may forbid to give a capability up; then it rarely has this one.
if setpriv --bounding-set -sys_nice --inh-caps -sys_nice true 2>/dev/null; then
  set -- setpriv --bounding-set -sys_nice --inh-caps -sys_nice "$@"
fi
exec "$@"
