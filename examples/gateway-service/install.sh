#!/bin/sh
# Makes a gateway of the rm-agent on this machine, as root: install.sh REFLECTOR
set -e
[ $# = 1 ] || { echo "usage: $0 https://REFLECTOR/" >&2; exit 64; }
command -v rm-agent >/dev/null || { echo 'rm-agent is not installed' >&2; exit 1; }
here=$(dirname "$0")
install -D -m 0644 "$here/gateway.conf" /etc/systemd/system/rm-agent.service.d/gateway.conf
install -D -m 0644 "$here/sysusers.conf" /etc/sysusers.d/rm-agent.conf
install -D -m 0644 "$here/tmpfiles.conf" /etc/tmpfiles.d/rm-agent.conf
systemd-sysusers rm-agent.conf
systemd-tmpfiles --create rm-agent.conf
umask 077
printf '{\n  "reflector": "%s",\n  "gateway": { "folder": "/etc/rm-gateway.d" }\n}\n' "$1" >/etc/rm-agent.json
systemctl daemon-reload
systemctl enable --quiet rm-agent
systemctl restart rm-agent
