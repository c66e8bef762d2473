# Boots systemd as PID 1, in namespaces that `unshare -mpfCui` has made: boot-systemd.sh ROOT
# ROOT is an empty directory; ROOT.files holds what is added to this machine's /usr, and to an otherwise empty root.
set -e
root=$1
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p usr etc run var/lib var/log proc sys dev tmp root .usr old
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
mount -t tmpfs tmpfs .usr
mkdir .usr/upper .usr/work
mount -t overlay -o lowerdir=/usr,upperdir=.usr/upper,workdir=.usr/work overlay usr
echo root:x:0:0:root:/root:/bin/sh >etc/passwd
echo root:x:0: >etc/group
printf 'passwd: files systemd\ngroup: files systemd\n' >etc/nsswitch.conf
cp -r /etc/pam.d /etc/ld.so.cache /etc/alternatives etc/
: >etc/machine-id
mkdir -p etc/systemd/system
ln -s /usr/lib/systemd/system/multi-user.target etc/systemd/system/default.target
cp -a "$root.files/." .
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs dev
for name in null zero full random urandom tty; do
	: >dev/$name
	mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs run
pivot_root . old
umount -l /old
# systemd itself does that only where it is not in a container.
mount --make-rshared /
export container=rm-test
exec /usr/lib/systemd/systemd --system </dev/null >/dev/null 2>&1
