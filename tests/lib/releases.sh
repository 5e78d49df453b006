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

# A stage of tests/run: the same there. Its numbers are those of the last line that is said there.
release_tests() { # release, pytest arguments
	local name="release $1" dir=$temporary/$1 kept=$logs/release-$1 code=0 counts=
	local log=$kept.log knot
	begin "$name"
	if ! release_make "$1" "$dir" "$root" >"$log" 2>&1; then
		end "not made: FAILED"
		show_tail "$log"
		summary+=("$name: not made, see ${log#"$root"/}")
		failed=$((failed + 1))
		rm -rf "$dir"
		return
	fi
	release_run "$dir" 2400 /src/tests/run --release "${@:2}" >>"$log" 2>&1 </dev/null || code=$?
	if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		counts="${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
	fi
	knot=$(chroot "$dir" knotd -V 2>/dev/null | sed -n '1s/.*Knot DNS/Knot DNS/p')
	rm -rf "$kept"
	if [ $code -ne 0 ] || [ -z "$counts" ]; then
		cp -r "$dir/src/build/logs" "$kept" 2>/dev/null || true
	fi
	end_stage "$name, $knot" "$counts" $code "$log" "$kept"
	rm -rf "$dir"
}
