# Marks what is typed in an interactive bash, so that a terminal can tell prompt, command and output apart.
#
# Read by every interactive bash of the node: /etc/bash.bashrc ends with it, and /etc/profile reads that for a login. It
# prints escape sequences to the terminal, which one that does not know them ignores, and does one thing besides: what
# was begun with nohup is not hung up.
#
#   OSC 133 ; A|B|C|D   where a prompt, its input and the output of a command begin, and its end with the exit status,
#                       as terminals know them (FinalTerm)
#   OSC 7717 ; A ; SHELL ; USER ; HOST
#                       a prompt of this shell: 16 hex digits that no other shell has, whose it is, and where
#   OSC 7717 ; B ; SHELL
#                       the prompt is shown, also by a shell whose PROMPT_COMMAND was taken away
#   OSC 7717 ; C ; SHELL ; USER ; HOST ; SIZE ; TEXT
#                       a command begins: the bytes of its text, and the first 4096 of them in base64. SIZE 0: the
#                       text is not known, because the history does not have it. Without a prompt since the last one
#                       it is the next command of the same input.
#   OSC 7717 ; D ; SHELL ; STATUS
#                       the command has ended
#
# Each ends with BEL. After `exec sh` or `unset PROMPT_COMMAND` marks are missing. They prove nothing: whoever writes to
# the terminal can write them too.

__pghalab_at_prompt() {
    local status=$?
    {
        if ((__pghalab_ran)); then
            printf '\e]7717;D;%s;%d\a\e]133;D;%d\a' "${__pghalab_who%%;*}" $status $status
        fi
        printf '\e]133;A;redraw=0\a\e]7717;A;%s\a' "$__pghalab_who"
    } >/dev/tty
    ((__pghalab_ran = 0, __pghalab_entry = HISTCMD, 1))
    [[ -o history ]] || __pghalab_entry=0
    # The learner may have set other ones. Without promptvars ours would be shown as it stands.
    PS0=${PS0-}
    PS0=${PS0//"$__pghalab_ps0"/}
    ! shopt -q promptvars || PS0+=$__pghalab_ps0
    [[ ${PS1-} == *"$__pghalab_ps1"* ]] || PS1=${PS1-}$__pghalab_ps1
    [[ -z ${!-} ]] || __pghalab_keep
}

# nohup holds as long as a program leaves SIGHUP alone. Patroni takes it, to read its file again, so that initdb and
# pg_basebackup below it would be ended with the terminal, and a cluster given up that was being made.
__pghalab_keep() {
    local job
    while read -r job; do
        [[ ! $job =~ ^\[([0-9]+)\].*[[:space:]]nohup[[:space:]] ]] || disown -h "%${BASH_REMATCH[1]}"
    done <<<"$(builtin jobs -r)"
}

# A command has been read and is about to run; this is a subshell.
__pghalab_at_command() {
    local LC_ALL=C HISTTIMEFORMAT='' size=0 text
    # Without `builtin` an alias of the learner's would do: what is in parentheses is read anew each time.
    text=$(builtin history 1)
    if ((__pghalab_entry)) && [[ $text =~ ^\ *([0-9]+)[*\ ]\ (.*)$ ]]; then
        text=${BASH_REMATCH[2]}
        # What the history did not take leaves the entry before it as the last one, which may be another command.
        if ((BASH_REMATCH[1] >= __pghalab_entry)) || [[ ${HISTCONTROL-}:${HISTIGNORE-} == ignoredups: ]]; then
            size=${#text}
        fi
    fi
    ((size)) || text=''
    printf '\e]7717;C;%s;%d;%s\a\e]133;C\a' "$__pghalab_who" "$size" \
        "$(builtin printf %s "${text:0:4096}" | /usr/bin/base64 -w 0)" >/dev/tty
}

if [[ $- == *i* && -t 0 && -t 2 && ${TERM-dumb} != dumb ]]; then
    __pghalab_user='\u' __pghalab_host='\h'
    printf -v __pghalab_who '%08x%08x;%s;%s' "$SRANDOM" "$SRANDOM" "${__pghalab_user@P}" "${__pghalab_host@P}"
    ((__pghalab_ran = 0, __pghalab_entry = 0, 1))
    # Nothing of these is seen, and no trap, `set -e`, `set -u` or `set -x` of the learner's minds them. What is
    # assigned to PROMPT_COMMAND takes the place of its first element only.
    __pghalab_ps0='${__pghalab_who:(__pghalab_ran=1):0}$({ __pghalab_at_command || :; } 2>/dev/null)'
    __pghalab_ps1="\\[\\e]7717;B;${__pghalab_who%%;*}\\a\\e]133;B\\a\\]"
    PROMPT_COMMAND[7717]='{ __pghalab_at_prompt || :; } &>/dev/null'
fi
