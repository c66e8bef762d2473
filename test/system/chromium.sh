#!/bin/sh
# Chromium, or what RM_CHROMIUM names. Where it may, as root may, it raises its own priority (nice -8), and takes the processor
# from the servers and agents that it is tested with, and from all tests beside it.
set -- "${RM_CHROMIUM:-/usr/bin/chromium}" "$@"
[ "$(id -u)" != 0 ] || set -- setpriv --bounding-set -sys_nice --inh-caps -sys_nice "$@"
exec "$@"
