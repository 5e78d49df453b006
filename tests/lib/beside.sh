# shellcheck shell=bash
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # tests/run sets them; they are added up in the end.
#
# Stages of tests/run that go on beside others, at a lower priority. To be sourced, after report.sh.

# The processes, by the names of what they do.
declare -A beside=()

# Runs a function that is made of stages.
beside_start() { # name, function, arguments
	local name=$1
	say "beside what follows: build/logs/beside-$name.log"
	(
		renice -n 10 -p "$BASHPID" >/dev/null
		summary=()
		passed=0
		failed=0
		"${@:2}"
		printf 'summary+=(%s)\npassed=$((passed + %d))\nfailed=$((failed + %d))\n' \
			"${summary[*]@Q}" "$passed" "$failed" >"$temporary/beside-$name.sums"
	) >"$logs/beside-$name.log" 2>&1 </dev/null &
	beside[$name]=$!
}

# Has it come so far that a file is there? Waits until it has, or has ended without.
beside_waits_for() { # name, file
	until [ -e "$2" ]; do
		kill -0 "${beside[$1]}" 2>/dev/null || [ -e "$2" ] || return
		sleep 0.5
	done
}

# Waits for its end, and takes its results for those of the whole.
beside_end() { # name
	local code=0
	wait "${beside[$1]}" || code=$?
	unset "beside[$1]"
	cat "$logs/beside-$1.log"
	if [ $code -eq 0 ]; then
		# shellcheck disable=SC1090 # It was written just now.
		. "$temporary/beside-$1.sums"
	else
		summary+=("$1, beside the others: ended with $code, see build/logs/beside-$1.log")
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

# At the end of everything, however it came: of what goes on in front, too.
beside_stop() {
	local name child
	for name in "${!beside[@]}"; do
		_beside_kill "${beside[$name]}"
		wait "${beside[$name]}" 2>/dev/null || true
		unset "beside[$name]"
	done
	for child in $(cat "/proc/$$/task/"*/children 2>/dev/null); do
		_beside_kill "$child"
	done
}
