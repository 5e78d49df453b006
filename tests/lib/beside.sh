# shellcheck shell=bash
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # tests/run sets them; they are added up in the end.
#
# Stages of tests/run that go on beside others, at a lower priority. To be sourced, after report.sh.

beside=

# Runs a function that is made of stages.
beside_start() { # function
	say "beside what follows: build/logs/beside.log"
	(
		renice -n 10 -p "$BASHPID" >/dev/null
		summary=()
		passed=0
		failed=0
		"$1"
		printf 'summary+=(%s)\npassed=$((passed + %d))\nfailed=$((failed + %d))\n' \
			"${summary[*]@Q}" "$passed" "$failed" >"$temporary/beside.sums"
	) >"$logs/beside.log" 2>&1 </dev/null &
	beside=$!
}

# Has it come so far that a file is there? Waits until it has, or has ended without.
beside_waits_for() { # file
	until [ -e "$1" ]; do
		kill -0 "$beside" 2>/dev/null || [ -e "$1" ] || return
		sleep 0.5
	done
}

# Waits for its end, and takes its results for those of the whole.
beside_end() {
	local code=0
	wait "$beside" || code=$?
	beside=
	cat "$logs/beside.log"
	if [ $code -eq 0 ]; then
		# shellcheck disable=SC1091 # It was written just now.
		. "$temporary/beside.sums"
	else
		summary+=("beside the others: ended with $code, see build/logs/beside.log")
		failed=$((failed + 1))
	fi
}

_beside_kill() { # process, with all below it
	local children child
	kill -STOP "$1" 2>/dev/null || return 0
	children=$(cat "/proc/$1/task/"*/children 2>/dev/null) || true
	kill -KILL "$1" 2>/dev/null || true
	for child in $children; do
		_beside_kill "$child"
	done
}

# At the end of everything, however it came.
beside_stop() {
	[ -n "$beside" ] || return 0
	_beside_kill "$beside"
	wait "$beside" 2>/dev/null || true
	beside=
}
