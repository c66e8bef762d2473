# Starts systemd as PID 1 of a Debian root, in namespaces of its own: unshare --pid --mount --uts --ipc --fork sh boot.sh LOWER WORK.
# LOWER is not changed; WORK gets `upper`, which has what is written. The network is that of this machine.
set -e
mount --make-rprivate /
mkdir -p "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
cd "$2/root"
# A service has 90 s to start, unless it says otherwise: not enough where a machine is busy with much else.
mkdir -p etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStartSec=10min\nDefaultTimeoutStopSec=10min\n' >etc/systemd/system.conf.d/patience.conf
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs sys
mkdir -p sys/fs/cgroup
mount -t tmpfs tmpfs sys/fs/cgroup
mkdir sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
  : >dev/$name
  mount --bind /dev/$name dev/$name
done
mkdir -p dev/pts dev/shm .old
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
# In a chroot, the kernel forbids user namespaces, which PrivateUsers= makes.
pivot_root . .old
umount -l .old
# systemd passes credentials to its services through propagation, which a container brings (container interface).
mount --make-rshared /
exec env -i container=rm-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd
