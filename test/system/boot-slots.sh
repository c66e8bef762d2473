# Boots one of two root file systems as PID 1, in namespaces that `unshare -mpf` has made: boot-slots.sh FOLDER
# What a boot loader does on a board: the first slot of `order` that has an attempt left, and one attempt less.
# FOLDER has the slots `a` and `b`, the disk `data`, and an empty directory `root`.
set -e
folder=$1
root=$folder/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir "$root/data"
mount -t ext4 -o loop "$folder/data" "$root/data"
boot=$root/data/boot
slot=
for each in $(cat "$boot/order"); do
	left=$(cat "$boot/$each.left")
	if [ "$left" -gt 0 ]; then
		slot=$each
		echo $((left - 1)) >"$boot/$each.left"
		break
	fi
done
sync
[ -n "$slot" ]
mkdir "$root/slot"
mount -t squashfs -o loop,ro "$folder/$slot" "$root/slot"
mount --move "$root/data" "$root/slot/data"
cd "$root/slot"
mount -t proc proc proc
mount -t sysfs sys sys
for directory in dev run var; do mount -t tmpfs tmpfs $directory; done
for name in null urandom loop-control loop0 loop1 loop2 loop3 loop4 loop5 loop6 loop7; do
	: >dev/$name
	mount --bind /dev/$name dev/$name
done
mkdir -p dev/slots run/dbus var/lib/rm-agent var/tmp
ln -s /run var/run
mount --bind "$folder" dev/slots
mount --bind data/rm-agent var/lib/rm-agent
echo "$slot" >run/slot
pivot_root . mnt
umount -l /mnt
exec chroot . /sbin/init </dev/null >/dev/null 2>&1
