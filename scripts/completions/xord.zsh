#compdef xord dhtget dhtput dhtlisten
# Completion of xord, dhtget, dhtput and dhtlisten for zsh. The lists are made from the program's
# own tables; names of keys and contacts are asked from the running daemon.

# The parameters of a method, each 'name:words:help'; after '*' by name only.
_xord_params() {
    params=()
    case $1 in
@sh-params@
    esac
}

# What the daemon answers to listkeys or listcontacts, the names alone.
_xord_ask() {
    timeout 1 $program $1 2>/dev/null </dev/null | sed -n 's/^ *"\([^"]*\)": .*/\1/p'
}

# The words that a parameter or an option takes.
_xord_words() {
    local -a found
    case $1 in
    keys) found=(${(f)"$(_xord_ask listkeys)"}) ;;
    contacts) found=(${(f)"$(_xord_ask listcontacts)"}) ;;
    names) found=(${(f)"$(_xord_ask listkeys; _xord_ask listcontacts)"}) ;;
    methods) found=(${methods%%:*}) ;;
    settings) found=(${${settings%%:*}#--}) ;;
    kinds) found=(s m) ;;
    bools) found=(true false) ;;
    roles) found=(auto server client) ;;
    levels) found=(error warn info debug) ;;
    classes) found=(lookups nodes store rpc) ;;
    esac
    (( ! $#found )) || compadd -a found
}

# The value of a parameter or an option: after a comma the next of a list, after @ a file.
_xord_value() {
    case $1 in
    paths) _files ;;
    files) compset -P @ && _files ;;
    *)
        [[ $1 != (names|classes) ]] || compset -P '*,'
        _xord_words $1
        ;;
    esac
}

# What an option takes, in $taken; false when there is no such option.
_xord_option() {
    local entry
    for entry in $options $settings; do
        if [[ ${entry%%:*} == $1 ]]; then
            taken=${${entry#*:}%%:*}
            return 0
        fi
    done
    return 1
}

# From the words before the current one: the method, how many of its parameters are given by place,
# the option that waits for its value, and how the daemon is called.
_xord_read() {
    local word
    case ${words[1]:t} in
    dhtget | dhtput) method=${words[1]:t} ;;
    dhtlisten) method=listen ;;
    esac
    program=(${words[1]%${words[1]:t}}xord)
    for word in ${words[2,CURRENT - 1]}; do
        if [[ -n $pending ]]; then
            [[ $pending != --(rpc-socket|datadir) ]] ||
                program+=($pending ${${(Q)word}/#\~\//$HOME/})
            pending=
        elif [[ $word == --(rpc-socket|datadir)=* ]]; then
            program+=(${(Q)word})
        elif [[ $word == -?* && $word != -[0-9.]* ]]; then
            taken=
            _xord_option $word && [[ -n $taken ]] && pending=$word
        elif [[ -z $method ]]; then
            method=$word
        elif [[ ! $word =~ '^[a-z0-9_]+=' ]]; then
            (( place++ ))
        fi
    done
}

# By name: `name=value` and `--name`.
_xord_named() {
    local entry name kind
    local -a flags valued pairs
    for entry in $params; do
        [[ $entry != '*' ]] || continue
        name=${entry%%:*}
        entry=${entry#*:}
        kind=${entry%%:*}
        if [[ $PREFIX == (--|)$name=* ]]; then
            compset -P '*='
            _xord_value $kind
            return
        fi
        [[ $kind == bools ]] && flags+=("--$name:${entry#*:}") || valued+=("--$name=:${entry#*:}")
        pairs+=("$name=:${entry#*:}")
    done
    if [[ $PREFIX == -* ]]; then
        _describe -o option flags
        _describe -o option valued -S ''
    elif [[ -n $PREFIX ]]; then
        _describe parameter pairs -S ''
    fi
}

# Options as _describe wants them: without what they take.
_xord_describe_options() {
    local entry
    local -a shown
    for entry in $@; do
        shown+=("${entry%%:*}:${${entry#*:}#*:}")
    done
    _describe -o option shown
}

_xord() {
    local method pending taken entry
    local -i place=0
    local -a methods options settings params program
    methods=(
@sh-methods@
    )
    options=(
@sh-options@
    )
    settings=(
@sh-settings@
    )
    _xord_read
    if [[ -n $pending ]]; then
        _xord_option $pending
        _xord_value $taken
        return
    fi
    if [[ $PREFIX == --*=* ]] && _xord_option ${PREFIX%%=*}; then
        compset -P '*='
        _xord_value $taken
        return
    fi
    _xord_params "$method"
    if [[ $PREFIX == -* ]]; then
        _xord_describe_options $options ${method:-$settings}
    elif [[ -z $method ]]; then
        _describe method methods
    elif (( place < ${params[(i)\*]} - 1 )); then
        entry=${params[place + 1]#*:}
        _xord_value "${entry%%:*}"
    fi
    _xord_named
}

_xord "$@"
