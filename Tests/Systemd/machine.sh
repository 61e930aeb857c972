#!/bin/bash
# A machine of its own for one command: systemd as PID 1, journald, loopback, nothing else. Everything is in namespaces (processes,
# mounts, network, IPC, host name, cgroups) and on a file system in memory over this machine's own, so nothing outside changes and
# nothing is left when the command ends.
#
#   machine.sh COMMAND...   the command runs inside, in the directory it was called from; its exit code is ours
#   machine.sh --possible   says why not, and fails, where that cannot be done
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# Why there can be no machine here; nothing where there can.
obstacle() {
  if [ "$(id -u)" != 0 ]; then echo "only root can start a systemd of its own"; return; fi
  for program in /lib/systemd/systemd unshare nsenter setpriv pivot_root; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; return; }
  done
  # shellcheck disable=SC2016
  unshare --fork --pid --mount --uts --ipc --net --cgroup sh -c '
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work /mnt/root /mnt/group &&
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root && mount -t cgroup2 cgroup2 /mnt/group' \
    2>/dev/null || echo "this host lets nobody make namespaces, an overlay or a cgroup2 mount"
}

# In the new namespaces, as their PID 1: makes the file system and becomes systemd. `$1`: an empty directory.
become_machine() {
  local base=$1 unit device
  mount --make-rprivate /
  mkdir "$base/up" "$base/work" "$base/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" "$base/root"
  cd "$base/root"
  mount -t proc proc proc
  # systemd would set kernel parameters of the whole machine.
  mount --bind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t tmpfs tmpfs sys/fs/cgroup
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  for unit in tmp run dev; do mount -t tmpfs -o mode=755 tmpfs "$unit"; done
  chmod 1777 tmp
  # An overlay shows nothing of what is mounted below it, and the repository may be on a disk of its own, or in /tmp.
  mkdir -p "./$root"
  mount --bind "$root" "./$root"
  mount -o remount,bind,ro "./$root"
  for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  # What has no business in a machine without hardware, network and users.
  for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-timesyncd.service systemd-random-seed.service systemd-update-utmp.service systemd-sysctl.service \
    systemd-modules-load.service systemd-logind.service systemd-remount-fs.service systemd-binfmt.service \
    proc-sys-fs-binfmt_misc.automount dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-kernel-config.mount sys-fs-fuse-connections.mount dev-mqueue.mount apparmor.service kmod-static-nodes.service \
    systemd-journal-flush.service timers.target; do
    ln -sfn /dev/null "etc/systemd/system/$unit"
  done
  printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' > etc/systemd/system/machine.target
  mkdir -p etc/systemd/journald.conf.d
  printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' > etc/systemd/journald.conf.d/machine.conf
  tr -d - < /proc/sys/kernel/random/uuid > etc/machine-id
  echo machine > etc/hostname
  # An image made for containers forbids packages to start their services.
  rm -f usr/sbin/policy-rc.d
  pivot_root . mnt
  umount -l /mnt
  # As systemd itself does outside of containers: credentials are mounted beside a service and propagate into it.
  mount --make-rshared /
  exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=machine.target --log-target=journal --show-status=no
}

# Beside this machine's processes: starts the other one, runs the command in it, and takes it apart.
run_in_machine() {
  local base=$1 inside code=0 directory=$PWD
  shift
  mount -t tmpfs tmpfs "$base"
  mkdir "$base/cgroup" "$base/machine"
  mount -t cgroup2 cgroup2 "$base/cgroup"
  group=$base/cgroup/pilotlight-machine-$$
  # Left by one that was killed; what is in use cannot be removed.
  find "$base/cgroup" -depth -type d -path '*/pilotlight-machine-*' -mmin +5 -exec rmdir {} + 2>/dev/null || true
  mkdir "$group"
  # shellcheck disable=SC2016
  setpriv --pdeathsig KILL bash -c 'echo $$ > "$1/cgroup.procs" || exit; shift; exec "$@"' - "$group" \
    unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup "$0" --become "$base/machine" &
  # Not local: the trap runs when this function is over.
  outside=$!
  trap 'take_apart "$outside" "$group"' EXIT
  inside=$(wait_for_systemd "$outside")
  cd /
  # shellcheck disable=SC2016
  nsenter --target "$inside" --all --root --wd -- sh -c 'cd "$0" && exec "$@"' "$directory" "$@" || code=$?
  return "$code"
}

# Prints the PID of the other machine's systemd when it has come up.
wait_for_systemd() {
  local inside='' state=''
  for _ in $(seq 300); do
    inside=$(cat "/proc/$1/task/$1/children" 2>/dev/null || true)
    inside=${inside%% *}
    if [ -n "$inside" ]; then
      state=$(nsenter --target "$inside" --all --root --wd -- systemctl is-system-running 2>/dev/null || true)
      case $state in running | degraded) echo "$inside"; return ;; esac
    fi
    sleep 0.1
  done
  echo "machine.sh: systemd did not come up within 30 s (${state:-no answer})" >&2
  [ -z "$inside" ] || nsenter --target "$inside" --all --root --wd -- journalctl --no-pager --lines=50 >&2 || true
  return 1
}

take_apart() {
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  # All its processes died with its PID 1; the kernel may still be at it.
  for _ in $(seq 100); do
    find "$2" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$2" ] || return 0
    sleep 0.05
  done
  echo "machine.sh: $2 is not empty" >&2
}

case ${1-} in
  --become) become_machine "$2" ;;
  --beside)
    shift
    run_in_machine "$@"
    ;;
  --possible)
    why=$(obstacle)
    [ -z "$why" ] || { echo "$why"; exit 1; }
    ;;
  *)
    base=$(mktemp -d /tmp/pilotlight-machine.XXXXXX)
    trap 'rmdir "$base"' EXIT
    setpriv --pdeathsig KILL unshare --mount "$0" --beside "$base" "$@"
    ;;
esac
