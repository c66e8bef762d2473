#!/bin/sh

case "$1" in
rm-agent*) rm-agent --version | grep -F "$2" ;;
esac
