# shellcheck shell=bash
# The host: its packages, and the Debian mirror that its own apt is set up to use.

suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Where each program that the lab calls comes from in Debian.
host_programs=(
    mmdebstrap:mmdebstrap qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs busybox:busybox-static
    cpio:cpio modprobe:kmod depmod:kmod xz:xz-utils zstd:zstd setpriv:util-linux flock:util-linux perl:perl-base
)

# install_host_packages: makes sure that every program is there and that the keyring knows the suite.
install_host_packages() {
    local pair missing=() id version
    for pair in "${host_programs[@]}"; do
        # The superuser's directories may be missing in an ordinary user's PATH.
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [[ -e /usr/share/keyrings/debian-archive-$suite-stable.gpg ]] || missing+=(debian-archive-keyring)
    ((${#missing[@]})) || return 0

    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    # shellcheck disable=SC1091
    id=$(. /etc/os-release && echo "${ID-}") version=$(. /etc/os-release && echo "${VERSION_ID-}")
    [[ $id == debian && $version =~ ^1[23]$ ]] || die 3 \
        "the lab installs its programs by itself on Debian 12 and 13 only; here, install: ${missing[*]} (Debian's package names)"
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends "${missing[@]}" >&2 ||
        die 3 "apt-get could not install ${missing[*]} (is 'apt-get update' due?)"
    [[ -e /usr/share/keyrings/debian-archive-$suite-stable.gpg ]] ||
        die 3 "the package debian-archive-keyring does not know $suite, even after an upgrade: run 'apt-get update' and try again"
}

# host_mirror LABEL: the address that the host's apt gets Debian's (or Debian-Security's) packages from.
host_mirror() {
    apt-get indextargets --format "\$(ORIGIN)|\$(LABEL)|\$(REPO_URI)" 'Created-By: Packages' |
        awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# sources [SUITE...]: lines for sources.list of the lab's suite, with its updates, and further suites.
sources() {
    local mirror=${GUESTCAM_DEBIAN_MIRROR-} security='' extra
    if [[ -z $mirror ]]; then
        mirror=$(host_mirror Debian)
        security=$(host_mirror Debian-Security)
        [[ -n $mirror ]] || die 3 "apt knows no Debian mirror here: run 'apt-get update', or set GUESTCAM_DEBIAN_MIRROR to one's URL"
    fi
    for extra in "$suite" "$suite-updates" "$@"; do
        echo "deb [signed-by=$keyring] $mirror $extra main"
    done
    [[ -z $security ]] || echo "deb [signed-by=$keyring] $security $suite-security main"
}

# bootstrap DIR PACKAGES SOURCES [OPTION...]: a minimal Debian with these packages, without its manuals.
# The host's way to the net (proxies and so on) and its view of dates hold in there as well.
bootstrap() {
    local dir=$1 packages=$2 lines=$3 options
    shift 3
    options=$(mktemp)
    apt-config dump | grep -E '^Acquire::(http|https|Check-Date|Check-Valid-Until|Retries)\b.*"[^"]+"' >"$options" || true
    # shellcheck disable=SC2016 # the hook's shell expands it
    as_root mmdebstrap --mode=root --variant=apt --include="$packages" --aptopt="$options" \
        --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='force-unsafe-io' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --essential-hook='mkdir -p "$1/usr/share/man/man1"' "$@" "$suite" "$dir" - <<<"$lines"
    rm "$options"
}
