# shellcheck shell=bash
# Reads a kernel's console log.

# last_lines LOG: for a failure that the log does not explain by itself.
last_lines() {
    say "the console's last lines:"
    tail -n 25 "$1" | tr -d '\r' >&2
}

# failure LOG: prints the oops or panic, from the first sign of it to the end. Fails if there is none.
failure() {
    tr -d '\r' <"$1" | awk '
        /\[ cut here \]/ { held = $0; next }
        /BUG: |Oops: |Kernel panic|general protection fault|Unable to handle|sysrq: Trigger a crash|kernel BUG at|hung_task: blocked|blocked for more than/ {
            if (!found && held != "") print held
            found = 1
        }
        found
        END { exit !found }' >&2
}

# warning_splats LOG: prints each of the kernel's warnings. Fails if there is none.
warning_splats() {
    tr -d '\r' <"$1" | awk '
        /\[ cut here \]/ { inside = found = 1 }
        inside
        /\[ end trace/ { inside = 0 }
        END { exit !found }' >&2
}
