# shellcheck shell=bash
# What the tests in the VM share.
cd /share || exit
ok() { echo "ok - $1: $2"; }
not_ok() { echo "not ok - $1: $2"; }
# is WHAT SEEN: by the status of the command before it. A $(command) in SEEN would be that command: put it into a variable first.
is() { if (($? == 0)); then ok "$1" "$2"; else not_ok "$1" "$2"; fi; }

# load [PARAMETER]...: the module, with one camera on video0 (producers) and video1 (readers).
load() {
    modprobe -a videobuf2-v4l2 videodev
    insmod guestcam_loopback.ko output_nr=0 capture_nr=1 "$@"
}

# left: how many dma-bufs of the module there are.
left() { grep -c guestcam_loopback /sys/kernel/debug/dma_buf/bufinfo; }

# holders: who may keep the module or memory of it, as far as the kernel tells.
holders() {
    local process
    echo "# the module's users: $(cat /sys/module/guestcam_loopback/refcnt 2>&1); cameras:"
    ./camera list 2>&1 | sed 's/^/#   /'
    echo '# dma-bufs:'
    sed 's/^/#   /' /sys/kernel/debug/dma_buf/bufinfo
    for process in /proc/[0-9]*; do
        find "$process"/fd -printf '%f -> %l\n' 2>/dev/null | grep -E 'dmabuf|/dev/video|guestcam' | sed "s|^|#   ${process#/proc/} $(cat "$process"/comm 2>/dev/null), open: |"
        grep -E 'dmabuf|/dev/video' "$process"/maps 2>/dev/null | sed "s|^|#   ${process#/proc/} mapped: |"
    done
    # Tasks that wait where no signal reaches them, and where.
    for process in /proc/[0-9]*/task/[0-9]*; do
        grep -q '^State:.D' "$process"/status 2>/dev/null || continue
        echo "#   $process $(cat "$process"/comm): $(tr '\n' ' ' <"$process"/stack)"
    done
}

# unload WHAT: it must go at once, and leave no memory.
unload() {
    local i memory
    for i in 1 2 3 4 5 6 7 8 9 10; do
        rmmod guestcam_loopback 2>/dev/null && break
        sleep 0.2 # a killed program's files are closed a little later
    done
    [[ ! -d /sys/module/guestcam_loopback ]]
    is "$1: the module unloads" "after $i tries"
    memory=$(left)
    [[ $memory == 0 && ! -d /sys/module/guestcam_loopback ]] || holders
    [[ $memory == 0 ]]
    is "$1: no dma-buf of it is left" "$memory"
}

counter() { v4l2-ctl -d "$1" -C "$2" | sed 's/.*: *//'; }

# counter_settled NODE CONTROL: the counters follow the truth a fifth of a second later.
counter_settled() {
    sleep 0.4
    counter "$@"
}

# until_counted NODE CONTROL LEAST: waits, by the control's events, until it is that much.
until_counted() {
    local i
    for ((i = 0; i < 200; i++)); do
        (($(counter "$1" "$2") < $3)) || return 0
        timeout 20 v4l2-ctl -d "$1" --wait-for-event=ctrl="$2" >/dev/null 2>&1
    done
    return 1
}

# until_produced NODE: waits until somebody produces there.
until_produced() { until_counted "$1" producer_present 1; }

# complies WHAT KNOWN ARGUMENT...: KNOWN is a pattern of failures that are by design, or -.
complies() {
    local what=$1 known=$2 failures total
    shift 2
    timeout 250 v4l2-compliance "$@" 2>&1 | tr '\r' '\n' >/tmp/log
    failures=$(grep -aE '^\s*(fail|warn):' /tmp/log | grep -avE -- "${known/#-/nothing at all}")
    total=$(grep -a '^Total' /tmp/log)
    [[ -n $total && -z $failures && $total == *'Warnings: 0' ]] && { [[ $known != - ]] || [[ $total == *'Failed: 0,'* ]]; }
    is "v4l2-compliance, $what" "${failures:+$failures; }$total"
}

# What the debug kernel (tests/lab --kernel debug) has seen: leaks, and reports of KASAN, lockdep, vb2's own counters and so on.
watchers() {
    [[ -e /sys/kernel/debug/kmemleak ]] || return 0
    local seen
    # What is young may still be in a register or on its way; a leak is there for good, in two scans.
    for _ in 1 2; do
        sleep 6
        echo scan >/sys/kernel/debug/kmemleak
    done
    seen=$(cat /sys/kernel/debug/kmemleak)
    [[ -z $seen ]]
    is "${0##*/}: kmemleak finds nothing" "$seen"
    seen=$(dmesg | grep -E -A60 'BUG: |WARNING: |INFO: .*(lock|task|rcu)|possible .* locking|UNBALANCED|counters for queue|DMA-API: .*device driver|ODEBUG' | head -n 300)
    [[ -z $seen ]]
    is "${0##*/}: no report of the kernel" "$seen"
    # Bit 12 is a module from elsewhere: this one. A report of lockdep would have turned it off.
    seen="tainted $(cat /proc/sys/kernel/tainted), $(tr -s ' ' </proc/lockdep_stats | grep debug_locks)"
    [[ $seen == 'tainted 4096, '*'debug_locks: 1' ]]
    is "${0##*/}: lockdep and the others still watch" "$seen"
}
trap watchers EXIT
