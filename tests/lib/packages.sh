# shellcheck shell=bash
# shellcheck disable=SC2034 # Those that source this use them.
#
# Debian packages: which ones something needs, and how they get here. To be sourced.

# To build the module.
packages_build=(gcc libc6-dev meson ninja-build pkgconf libknot-dev libuv1-dev zlib1g-dev
	libidn2-dev liblmdb-dev)
# To show it at work.
packages_example=("${packages_build[@]}" knot knot-dnsutils unbound iproute2)
# To show pools, too; and what is probed by TLS or HTTP, if somebody tries that in the shell.
packages_pools=(nginx libcurl4-gnutls-dev libgnutls28-dev)
# What the functional tests and the benchmarks share.
packages_harness=(
	"${packages_example[@]}" libc-ares-dev libcurl4-gnutls-dev libgnutls28-dev
	python3 python3-dnspython python3-cryptography
	procps util-linux valgrind ca-certificates
)
packages_test=(
	"${packages_harness[@]}" libcmocka-dev
	knot-module-geoip bind9 bind9-dnsutils nsd pdns-server pdns-backend-sqlite3 pdns-recursor
	dnsdist dnsmasq-base jq musl-tools groff-base zsh
	python3-pytest python3-pytest-xdist python3-docutils
	prometheus python3-prometheus-client
)
# The same, which Debian 12 has not.
packages_later=(knot-exporter python3-aioquic)
packages_bench=("${packages_harness[@]}" dnsperf)
# Who is compared with; those of one string belong together.
packages_peers=(knot-module-geoip "pdns-server pdns-backend-bind pdns-backend-sqlite3" nsd)
packages_tidy=(clang-tidy)
packages_fuzz=(clang libclang-rt-dev llvm)
packages_format=(clang-format)
packages_release=(debootstrap)

# Those that are not installed, one a line.
packages_missing() { # packages
	local package
	for package in "$@"; do
		if ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed
		then
			printf '%s\n' "$package"
		fi
	done
}

# Can it be installed? One that others only suggest has no candidate, and yet apt-cache shows it.
packages_there() { # package
	LC_ALL=C apt-cache policy "$1" | grep 'Candidate: [^(]' >/dev/null
}

_packages_apt() { # seconds, arguments of apt-get
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		timeout "$1" apt-get -o DPkg::Lock::Timeout=300 "${@:2}"
}

# The servers' own services start neither now ...
packages_install() ( # packages, none of them installed
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit
	fi
	install=(900 install -y --no-install-recommends "$@")
	if ! _packages_apt "${install[@]}"; then
		_packages_apt 300 update && _packages_apt "${install[@]}" || exit
	fi
	# ... nor at the next boot.
	declare -A services=(
		[knot]=knot [unbound]=unbound [bind9]=named [pdns-server]=pdns
		[pdns-recursor]=pdns-recursor [nsd]=nsd [nginx]=nginx [dnsdist]=dnsdist
		[prometheus]=prometheus [knot-exporter]=knot-exporter
	)
	for package in "$@"; do
		if [ -n "${services[$package]-}" ]; then
			update-rc.d "${services[$package]}" disable || true
		fi
	done
)
