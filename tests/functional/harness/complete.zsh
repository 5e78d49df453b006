# Prints what zsh offers to complete a line: complete.zsh DIRECTORY-OF-COMPLETIONS LINE FILE
#
# An interactive zsh on a terminal of its own has the line, and a Tab. What its completions add is
# written to the file, which ends with a line of its own.
zmodload zsh/zpty || exit 1
completions=$1 line=$2 file=$3
zpty shell zsh -f -i
zpty -w shell "PROMPT=; fpath=($completions \$fpath); autoload -Uz compinit; compinit -u -D"
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
bindkey "^I" complete-word
PROMPT=ready
'
zpty -r -m shell seen '*ready*' 
zpty -w -n shell "$line"$'\t'
for ((i = 0; i < 200; i++)); do
	grep -qx -- --end-- $file 2>/dev/null && break
	sleep 0.05
done
zpty -d shell
