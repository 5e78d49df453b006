# shellcheck shell=bash
#
# What the tests of the package share. To be sourced in a release of Debian that holds the source in
# /src, as tests/lib/releases.sh makes it, by a script that may change all of it. The last line that
# such a script prints is "N passed, M failed".
# shellcheck disable=SC2034 # Those that source this use them.

set -uo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
readonly packages=/packages	# what was built
passed=0
failed=0

say() {
	printf '%s\n' "$*"
}

# One result. What the command printed is told if it failed, and is in $output.
check() { # what, command
	local begin=$SECONDS
	output=$("${@:2}" 2>&1 </dev/null)
	case $? in
	0)
		say "ok: $1 ($((SECONDS - begin)) s)"
		passed=$((passed + 1))
		;;
	*)
		say "FAILED: $1: ${*:2}"
		# shellcheck disable=SC2001 # Each line.
		sed 's/^/    /' <<<"$output"
		failed=$((failed + 1))
		return 1
		;;
	esac
}

finish() {
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

# Ends with the next result, since the others hang on it.
need() {
	check "$@" || finish
}

# Runs a part that counts for itself, and adds what it counted.
inside() { # command
	local log=/srv/inside.log counts
	"$@" 2>&1 </dev/null | tee "$log" | sed '$d'
	counts=$(tail -n 1 "$log")
	[[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || {
		say "$counts"
		counts="0 passed, 1 failed"
	}
	passed=$((passed + ${counts%% *}))
	counts=${counts#*, }
	failed=$((failed + ${counts%% *}))
}

apt() {
	timeout 900 apt-get -o DPkg::Lock::Timeout=300 -q "$@"
}

# Scripts of packages may start services (0) or may not (101).
services() { # exit code
	printf '#!/bin/sh\nexit %d\n' "$1" >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
}

# Repeats a command until it succeeds, 20 s at most.
within() {
	local deadline=$((SECONDS + 20))
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.2
	done
}

# Prints a block of commands of a document, as tests/functional/harness/guide.py finds it.
commands() { # document, name
	awk -v head="<!-- test: $2 -->" '
		inside && /^ *```$/ { exit }
		inside { sub("^" indent, ""); print }
		found && /^ *```sh$/ { inside = 1; indent = $0; sub(/`.*/, "", indent) }
		index($0, head) { found = 1 }
		' "/src/$1" | grep . || say "no commands '$2' in $1: expected a block"
}

says() { # text, words in it
	grep -qF -- "$2" <<<"$1" || { printf 'expected "%s", got:\n%s\n' "$2" "$1"; return 1; }
}

# An authority for the targets, knotd as well, which nothing but its end stops.
readonly target=192.0.2.80
start_authority() { # address@port, zone, owner of an A record
	local home=/srv/authority
	mkdir -p "$home"
	cat >"$home/knot.conf" <<-END
		server:
		    rundir: $home
		    listen: $1
		    udp-workers: 1
		    tcp-workers: 1
		database:
		    storage: $home
		zone:
		  - domain: $2
		    file: $home/zone
	END
	printf '@ 300 SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.53\n' >"$home/zone"
	printf '%s 3600 A %s\n' "$3" "$target" >>"$home/zone"
	knotd -c "$home/knot.conf" >"$home/log" 2>&1 </dev/null &
	echo $! >"$home/pid"
	within knotc -s "$home/knot.sock" -c "$home/knot.conf" zone-status "$2" >/dev/null 2>&1
}

stop() { # file with the number of a process
	local pid
	pid=$(cat "$1")
	kill "$pid" && within gone "$pid"
}

gone() { # process
	! kill -0 "$1" 2>/dev/null
}
