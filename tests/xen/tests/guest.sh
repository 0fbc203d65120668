# shellcheck shell=bash disable=SC2154 # here, name, logs: the test's
# The guest of the tests: Debian's kernel with its stock drm_xen_front, busybox, and a program that flips through pictures.

# make_guest TYPE BE_ALLOC SIZE: ready to be created. (TYPE: pv or pvh; on arm64 there is one kind, arm.)
make_guest() {
    local root bin
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,dev,proc,sys,modules}
    cp /usr/bin/busybox "$here/frames" "$root/bin/"
    modprobe --show-depends drm_xen_front | sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r module; do
        cp "$module" "$root/modules/"
        echo "/modules/${module##*/}"
    done >"$root/modules/order"
    # It takes words on its console; its program begins again when its card has gone.
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in $(cat /modules/order); do insmod "$module"; done
mkfifo /go
exec 3<>/go
while :; do
    for card in /dev/dri/card*; do
        if [ -e "$card" ]; then
            echo >&3
            frames draw "$card" 1000000 <&3
        fi
    done
    sleep 1
done &
while read -r word; do
    case $word in
        unbind) killall frames; echo vdispl-0 >/sys/bus/xen/drivers/vdispl/unbind ;;
        bind) echo vdispl-0 >/sys/bus/xen/drivers/vdispl/bind ;;
    esac
done
sleep 100000
INIT
    chmod +x "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >/tmp/guest.cpio
    cat >/tmp/guest.cfg <<CFG
name = "guest"
$([[ $1 == arm ]] || echo "type = \"$1\"")
kernel = "$here/vmlinuz"
ramdisk = "/tmp/guest.cpio"
extra = "console=hvc0 quiet rdinit=/init"
memory = 384
vcpus = 1
on_crash = "destroy"
vdispl = ["backend=0,be-alloc=$2,connectors=id0:$3"]
CFG
    mkdir -p /var/log/xen/console
    bin=(/usr/lib/xen-*/bin)
    "${bin[0]}/xenconsoled" --log=guest
}

create_guest() { xl create /tmp/guest.cfg >"$logs/xl" 2>&1 || { cat "$logs/xl" /var/log/xen/xl-guest.log; fail "$name: xl create"; }; }

# tell_guest WORD: on its console.
tell_guest() { echo "$1" >"$(xenstore-read "/local/domain/$(xl domid guest)/console/tty")"; }

no_guest() { [[ $(xl list | wc -l) == 2 ]]; }
