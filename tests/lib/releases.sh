# shellcheck shell=bash
# shellcheck disable=SC2154 # tests/run sets them.
#
# Other releases of Debian, each in a directory. To be sourced, with report.sh and what that needs.

# Makes one, with a copy of a source tree in /src.
release_make() { # release, directory, source tree
	debootstrap --variant=minbase "$1" "$2" \
		"${DEBIAN_MIRROR:-http://deb.debian.org/debian}" || return 1
	# A mirror may lag; what is wanted here is any state of that release.
	echo 'Acquire::Check-Valid-Until "false";' >"$2/etc/apt/apt.conf.d/90test"
	# Nothing of it has to survive a power failure.
	echo force-unsafe-io >"$2/etc/dpkg/dpkg.cfg.d/90test"
	cp /etc/resolv.conf "$2/etc/resolv.conf"
	mkdir "$2/src"
	tar -C "$3" --exclude=./build --exclude=./.git -cf - . | tar -C "$2/src" -xf -
}

# Runs a command in it, for so long at most, in a mount namespace that ends with it.
release_run() { # directory, seconds, command
	# shellcheck disable=SC2016 # Expanded by the inner shell.
	timeout "$2" env -u PYTEST_ADDOPTS LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		unshare --mount --propagation private sh -euc '
			dir=$1
			shift
			mount --bind "$dir" "$dir"
			mount -t proc proc "$dir/proc"
			mount --rbind /sys "$dir/sys"
			mount --rbind /dev "$dir/dev"
			mount -t tmpfs tmpfs "$dir/run"
			exec chroot "$dir" "$@"
		' sh "$1" "${@:3}"
}

# "passed failed" of the last line of a log, or nothing.
_release_counts() { # log
	if [[ $(tail -n 1 "$1") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		printf '%s\n' "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
	fi
}

# Makes one for a stage that has begun, or ends that.
_release_made() { # name of the stage, release, directory, log
	if release_make "$2" "$3" "$root" >"$4" 2>&1; then
		return
	fi
	end "not made: FAILED"
	show_tail "$4"
	summary+=("$1: not made, see ${4#"$root"/}")
	failed=$((failed + 1))
	rm -rf "$3"
	return 1
}

# A script of tests/packages there, as a stage.
_release_script() { # name of the stage, directory, script, arguments
	local code=0 log=$logs/${1// /-}.log
	begin "$1"
	release_run "$2" 3600 "/src/tests/packages/$3" "${@:4}" >"$log" 2>&1 </dev/null || code=$?
	end_stage "$1" "$(_release_counts "$log")" $code "$log" "$log"
}

# The package there; what it has built is kept for others.
_release_package() { # release, directory, arguments of tests/packages/run
	_release_script "package $1" "$2" run "${@:3}"
	mkdir -p "$temporary/packages"
	cp "$2"/packages/*.deb "$temporary/packages" || true
	rm -rf "$2"
}

# A part of tests/run there, as a stage; the log may have begun.
_release_part() { # name of the stage, directory, log, arguments of tests/run
	local code=0 kept=${3%.log}
	release_run "$2" 2400 /src/tests/run "${@:4}" >>"$3" 2>&1 </dev/null || code=$?
	rm -rf "$kept"
	if [ $code -ne 0 ] || [ -z "$(_release_counts "$3")" ]; then
		cp -r "$2/src/build/logs" "$kept" 2>/dev/null || true
	fi
	end_stage "$1" "$(_release_counts "$3")" $code "$3" "$kept"
}

# Stages beside others: all that comes before the functional tests there, then its package in a copy,
# and on Debian 13 the README in a fresh one.
release_prepare() { # release
	local dir=$temporary/$1 log=$logs/release-$1-begin.log
	begin "release $1, begin"
	_release_made "release $1, begin" "$1" "$dir" "$log" || return 0
	[ "$1" != trixie ] || cp -a "$dir" "$dir.fresh"
	_release_part "release $1, begin" "$dir" "$log" --release-begin
	cp -a "$dir" "$dir.package"
	touch "$dir.ready"
	if [ "$1" = trixie ]; then
		_release_package "$1" "$dir.package" --example
		_release_script "README on a fresh $1" "$dir.fresh" readme
		rm -rf "$dir.fresh"
	else
		_release_package "$1" "$dir.package"
	fi
}

# Stage: the functional tests there.
release_tests() { # release, pytest arguments
	local dir=$temporary/$1 log=$logs/release-$1.log knot
	# What went wrong is told there.
	beside_waits_for checks "$dir.ready" || return 0
	begin "release $1"
	knot=$(chroot "$dir" knotd -V 2>/dev/null | sed -n '1s/.*Knot DNS/Knot DNS/p') || true
	: >"$log"
	_release_part "release $1, $knot" "$dir" "$log" --release-end "${@:2}"
	rm -rf "$dir"
}

# Stages beside others: the package of Debian 12, and the upgrade to 13, whose package is there.
release_upgrade() {
	local dir=$temporary/bookworm log=$logs/release-bookworm.log
	begin "make bookworm"
	_release_made "make bookworm" bookworm "$dir" "$log" || return 0
	cp -a "$dir" "$dir.fresh"
	end ok
	_release_package bookworm "$dir" --example
	mkdir "$dir.fresh/packages"
	cp "$temporary"/packages/*.deb "$dir.fresh/packages"
	_release_script "upgrade bookworm to trixie" "$dir.fresh" upgrade
	rm -rf "$dir.fresh"
}
