# shellcheck shell=bash
#
# Progress and results of tests/run. To be sourced, with $root, the source tree, set.

summary=()
passed=0
failed=0
failures='^ *(\[ +(ERROR|FAILED) +\]|(FAILED|ERROR) test_|expected |VIOLATION |PROBLEM )|(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: '

say() {
	printf '%s\n' "$*"
}

begin() { # what
	printf '%-44s' "$1"
	started=$SECONDS
}

end() { # result
	printf ' %s (%d s)\n' "$1" $((SECONDS - started))
}

# What says which tests failed and why, by cmocka, pytest, a sanitizer or a script, and how the log ends.
show_tail() { # log
	if grep -Eq "$failures" "$1"; then
		say "--- failures in ${1#"$root"/}:"
		grep -Em 40 -A 4 "$failures" "$1" | sed 's/^/    /'
	fi
	say "--- the end of ${1#"$root"/}:"
	tail -n 50 "$1" | sed 's/^/    /'
	say "---"
}

# Adds the failed tests that a log names to the summary.
sum_up_failures() { # log
	local name names
	mapfile -t names < <(sed -En 's/^ *(FAILED|ERROR) (test_[^ ]+).*/\2/p
		s/^ *\[ +(FAILED|ERROR) +\] ([a-z_0-9A-Z]+)$/\2/p' "$1" | sort -u | head -n 30)
	for name in "${names[@]}"; do
		summary+=("  $name")
	done
}

# Ends a check that is no sum of tests.
end_check() { # name, exit code, log
	if [ "$2" -eq 0 ]; then
		end ok
		summary+=("$1: ok")
	else
		end FAILED
		show_tail "$3"
		summary+=("$1: FAILED, see ${3#"$root"/}")
		failed=$((failed + 1))
	fi
}

# Prints how many tests passed and failed, by a JUnit file if it is there.
count_junit() { # file
	[ -s "$1" ] || return 0
	/usr/bin/python3 - "$1" <<-'END'
		import sys
		import xml.etree.ElementTree as xml

		good = bad = 0
		for case in xml.parse(sys.argv[1]).iter("testcase"):
		    kinds = {child.tag for child in case}
		    if kinds & {"failure", "error"}:
		        bad += 1
		    elif "skipped" not in kinds:
		        good += 1
		print(good, bad)
	END
}

# Ends a stage and adds to the sums. One that failed without a failed test, or without a result at
# all, counts as one failure.
end_stage() { # name, "passed failed", exit code, log, where to see more
	local good bad
	read -r good bad <<<"$2"
	good=${good:-0}
	bad=${bad:-0}
	if [ "$bad" -eq 0 ] && { [ "$3" -ne 0 ] || [ "$good" -eq 0 ]; }; then
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" -eq 0 ]; then
		end "$good passed"
		summary+=("$1: $good passed")
	else
		end "$good passed, $bad FAILED"
		summary+=("$1: $good passed, $bad FAILED, see ${5#"$root"/}")
		sum_up_failures "$4"
		show_tail "$4"
	fi
}

# The end; the last line has the sums.
finish() {
	local line
	say
	say "Summary"
	for line in "${summary[@]}"; do
		say "  $line"
	done
	say
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || exit 1
	exit 0
}

# Stops everything: without a build there is nothing to test.
give_up() { # what, log
	end FAILED
	show_tail "$2"
	summary+=("$1: FAILED, nothing after it was run")
	failed=$((failed + 1))
	finish
}
