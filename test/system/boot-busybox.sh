# Boots BusyBox init as PID 1, in namespaces that `unshare -mpf` has made: boot-busybox.sh ROOT
# ROOT.files holds what is added to a root file system of BusyBox alone; with a second word, it is mounted read-only.
# With ROOT.packages, the unpacked packages of SysV init, that is PID 1.
set -e
root=$1
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p bin sbin usr/bin usr/sbin etc/init.d proc dev run var/lib tmp lib lib64 old
cp -L "$(command -v busybox)" bin/busybox
for applet in $(busybox --list); do [ -e bin/$applet ] || ln -s busybox bin/$applet; done
ln -s ../bin/busybox sbin/init
echo root:x:0:0:root:/:/bin/sh >etc/passwd
echo root:x:0: >etc/group
printf '#!/bin/sh\nfor script in /etc/init.d/S??*; do $script start; done\n' >etc/init.d/rcS
chmod 755 etc/init.d/rcS
if [ -d "$root.packages" ]; then cp -a --remove-destination "$root.packages/." .; fi
cp -a "$root.files/." .
for library in $(ldd bin/busybox sbin/init 2>/dev/null | grep -o '/[^ :]* (' | sort -u); do
	if [ "$library" = "(" ]; then continue; fi
	mkdir -p ".${library%/*}"
	cp -L "$library" ".$library"
done
mount -t proc proc proc
for name in null urandom; do
	: >dev/$name
	mount --bind /dev/$name dev/$name
done
mount -t tmpfs tmpfs run
if [ -n "$2" ]; then mount -o remount,ro "$root"; fi
pivot_root . old
umount -l /old
exec chroot . /sbin/init </dev/null >/dev/null 2>&1
