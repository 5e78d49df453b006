# Writes down what zsh offers to complete a line: complete.zsh COMPLETIONS LINE FILE SECONDS
#
# An interactive zsh on a terminal of its own has the line in its editor, and completes it. What its
# completions add is written to the file, which ends with a line of its own, within so many seconds.
zmodload zsh/zpty || exit 1
completions=$1 line=$2 file=$3 seconds=$4
zpty -b shell zsh -f -i
zpty -w shell "fpath=($completions \$fpath); autoload -Uz compinit; compinit -u -D; line=${(q)line}"
zpty -w shell '
compadd() {
	local -a hits
	if [[ ${argv[(I)-[OAD]]} -gt 0 ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	print -rl -- $hits >>'$file'
	builtin compadd "$@"
}
finished() { compstate[list]= compstate[insert]=; print -r -- "--end--" >>'$file' }
comppostfuncs=(finished)
zstyle ":completion:*" list-grouped false
zstyle ":completion:*" force-list always
LISTMAX=0
complete-it() { zle -D zle-line-init; BUFFER=$line CURSOR=$#line; zle complete-word }
zle -N zle-line-init complete-it'
for ((i = 0; i < 20 * seconds; i++)); do
	grep -qx -- --end-- $file 2>/dev/null && break
	# What nobody reads of a terminal holds up who writes to it.
	while zpty -r shell seen; do :; done
	sleep 0.05
done
zpty -d shell
