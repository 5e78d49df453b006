# Completion of kaname(1) for bash.
#
# Commands and options are those that `kaname --help` and `kaname COMMAND --help` print. Zones,
# owners and targets are those of `kaname list`, as far as a server answers at once.

_kaname_commands() {
	"$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The options of a command, "option" or "option value" a line.
_kaname_options() { # kaname, command
	"$1" "$2" --help 2>/dev/null | awk '
		/^Options:/ { options = 1 }
		/^$/ { options = 0 }
		options && /^  -/ {
			split(substr($0, 1, 28), word, /[ ,]+/)
			value = ""
			for (i in word) { if (word[i] ~ /^[A-Z]/) value = " " word[i] }
			for (i in word) { if (word[i] ~ /^-/) print word[i] value }
		}'
}

_kaname_has_value() { # kaname, command, option
	_kaname_options "$1" "$2" | grep -Eq -- "^$3 "
}

# What a server has; nothing, and quietly, if none answers at once.
_kaname_listed() { # kaname, what: zones, targets, owners; socket, zone
	timeout 2 "$1" list -t 1 ${3:+-s "$3"} ${4:+"$4"} 2>/dev/null | awk -v wanted="$2" '
		{ zone = $(NF - 1) == ";" ? $NF : $1 }
		wanted ~ /zones/ { print zone }
		wanted ~ /owners/ { print $1 }
		wanted ~ /targets/ && $3 !~ /^TYPE/ { print $4 }' | sort -u | head -n 5000
}

_kaname() {
	local kaname=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} command="" socket="" zone=""
	local -i i arguments=0
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) socket=${COMP_WORDS[++i]} ;;
		-*) _kaname_has_value "$kaname" "${command:-status}" "${COMP_WORDS[i]}" && i+=1 ;;
		*)
			if [ -z "$command" ]; then
				command=${COMP_WORDS[i]}
			else
				zone=${zone:-${COMP_WORDS[i]}}
				arguments+=1
			fi
			;;
		esac
	done
	# What the option before takes.
	local before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	-s | --socket | -S | --status-socket | --output | --key | --journal)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--catalog)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_kaname_listed "$kaname" zones "$socket")" -- "$word")
		return
		;;
	--owner)
		if [ -n "$zone" ]; then
			mapfile -t COMPREPLY < <(compgen -W \
				"$(_kaname_listed "$kaname" owners "$socket" "$zone")" -- "$word")
		fi
		return
		;;
	--type)
		mapfile -t COMPREPLY < <(compgen -W "ANAME ALIAS" -- "$word")
		return
		;;
	-*)
		if ((COMP_CWORD > 1)) && _kaname_has_value "$kaname" "${command:-status}" "$before"; then
			return
		fi
		;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_kaname_options "$kaname" "${command:-help}" | cut -d" " -f1)" -- "$word")
		return
	fi
	local words=""
	case $command:$arguments in
	:* | help:0) words=$(_kaname_commands "$kaname") ;;
	set:0 | get:0 | unset:0 | status:0 | check:0 | watch:0 | warm:* | follow:*)
		words=$(_kaname_listed "$kaname" zones "$socket")
		;;
	unset:1 | force:0) words=$(_kaname_listed "$kaname" targets "$socket") ;;
	list:* | refresh:*) words=$(_kaname_listed "$kaname" zones,targets "$socket") ;;
	force:1) words="down up auto" ;;
	zone:*)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _kaname kaname
