# shellcheck shell=bash disable=SC2034,SC2154 # here, name, logs, round, route, output: the tests'
# The guest of the tests: Debian's kernel with its stock drm_xen_front, busybox, and a program that flips through pictures.

# make_guest TYPE BE_ALLOC SIZE: ready to be created. (TYPE: pv or pvh; on arm64 there is one kind, arm. BE_ALLOC none: without
# a display. $guest_arguments: other arguments for its kernel, of which buffers=3 is for its program.)
make_guest() {
    local root display=''
    root=$(mktemp -d)
    guest_root "$root" "$here/frames" drm_xen_front
    [[ ! -e $here/evtchn_gone.ko ]] || cp "$here/evtchn_gone.ko" "$root/"
    # It takes words on its console; its program begins again when its card has gone.
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in $(cat /modules/order); do insmod "$module"; done
echo the guest runs
mkfifo /go
exec 3<>/go
while :; do
    for card in /dev/dri/card*; do
        if [ -e "$card" ]; then
            echo >&3
            frames draw "$card" 1000000 "${buffers:-2}" <&3
        fi
    done
    sleep 1
done &
while read -r word; do
    case $word in
        unbind) killall frames; echo vdispl-0 >/sys/bus/xen/drivers/vdispl/unbind ;;
        evtchn) insmod /evtchn_gone.ko && rmmod evtchn_gone && echo the channels are closed ;;
        bind) echo vdispl-0 >/sys/bus/xen/drivers/vdispl/bind ;;
    esac
done
sleep 100000
INIT
    [[ $2 == none ]] || display="vdispl = [\"backend=0,be-alloc=$2,connectors=id0:$3\"]"
    guest_config "$root" "$1" "${guest_arguments:-quiet}" "$display"
}

# guest_root DIR PROGRAM MODULE...: busybox, a program of ours, and modules with all that they need, in the order to load them.
guest_root() {
    local root=$1 module
    mkdir -p "$root"/{bin,dev,proc,sys,modules}
    cp /usr/bin/busybox "$2" "$root/bin/"
    modprobe --show-depends -a "${@:3}" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r module; do
        cp "$module" "$root/modules/"
        echo "/modules/${module##*/}"
    done >"$root/modules/order"
}

# guest_config DIR TYPE ARGUMENTS LINE: ready to be created, with these arguments for its kernel and a line in its configuration.
guest_config() {
    local bin
    chmod +x "$1/init"
    (cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null) >/tmp/guest.cpio
    cat >/tmp/guest.cfg <<CFG
name = "guest"
$([[ $2 == arm ]] || echo "type = \"$2\"")
kernel = "$here/vmlinuz"
ramdisk = "/tmp/guest.cpio"
extra = "console=hvc0 rdinit=/init mitigations=off $3"
memory = 384
vcpus = 1
on_crash = "destroy"
$4
CFG
    mkdir -p /var/log/xen/console
    bin=(/usr/lib/xen-*/bin)
    pgrep -x xenconsoled >/dev/null || "${bin[0]}/xenconsoled" --log=guest
}

create_guest() { xl create /tmp/guest.cfg >"$logs/xl" 2>&1 || { cat "$logs/xl" /var/log/xen/xl-guest.log; fail "$name: xl create"; }; }

# tell_guest WORD: on its console.
tell_guest() { echo "$1" >"$(xenstore-read "/local/domain/$(xl domid guest)/console/tty")"; }

no_guest() { [[ $(xl list | wc -l) == 2 ]]; }

# For the tests that go round: $round is the round.
java_options='' run_options=()
start_guestcam() {
    : >"$logs/guestcam.json"
    GUESTCAM_JAVA_OPTS=$java_options guestcam --debug run --json "${run_options[@]}" "xen:guest?route=$route" "v4l2:$output" >"$logs/guestcam.json" 2>"$logs/guestcam.log" &
    guestcam=$!
}

# With many rounds to come guestcam begins with its classes in an archive, which halves its start. The first one lists them.
list_classes() { java_options="-Xshare:off -XX:DumpLoadedClassList=$logs/classes"; }
archive_classes() {
    java_options=''
    if java -XX:+UseSerialGC -Xshare:dump -XX:SharedClassListFile="$logs/classes" -XX:SharedArchiveFile="$logs/classes.jsa" \
        -cp '/opt/guestcam/lib/*' >"$logs/archive" 2>&1; then
        java_options="-XX:SharedArchiveFile=$logs/classes.jsa"
    else
        echo "# no archive of classes: $(tail -n 1 "$logs/archive")"
    fi
}

# Ten more frames than there are now.
goes_on() {
    local now
    now=$(number frames_in)
    await 600 "$name, round $round: $1" more_than "$((${now:-0} + 10))"
}
more_than() { (($(number frames_in) + 0 >= $1)); }

# How many grants of all domains are in use, in $used. (Of very many Xen keeps the last lines only.)
count_grants() {
    xl dmesg -c >/dev/null
    xl debug-keys g
    await 60 "$name: Xen lists its grants" sh -c "xl dmesg >$logs/grants; grep -q 'usage_print_all . done' $logs/grants"
    used=$(grep -c '^(XEN) .*\[0x' "$logs/grants" || true)
}

# mark STEP: how long it took, for the round's line.
mark() { steps+=" $1 $((SECONDS - marked))" marked=$SECONDS; }

# The guest's driver lets go of its display and takes it again.
rebind_driver() {
    tell_guest unbind
    await 120 "$name, round $round: the display waits for a driver" sh -c "xenstore-read /local/domain/0/backend/vdispl/$(xl domid guest)/0/state | grep -qx 2"
    mark unbind
    tell_guest bind
    goes_on "frames for a driver that went and came"
    mark bind
}

# With it guestcam ends.
destroy_guest() {
    local status=0
    xl destroy guest
    wait "$guestcam" || status=$?
    guestcam=''
    ((status == 0)) || fail "$name, round $round: guestcam ends with status $status after the guest's end"
    await 60 "$name, round $round: no zombie is left ($(xl list | tail -n 1))" no_guest
}
