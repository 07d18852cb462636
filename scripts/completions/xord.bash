# Completion of xord, dhtget, dhtput and dhtlisten for bash. The lists are made from the program's
# own tables; names of keys and contacts are asked from the running daemon.

_xord_methods=(
@sh-methods@
)
# Each 'option:words:help'; without words it takes no value.
_xord_options=(
@sh-options@
)
_xord_settings=(
@sh-settings@
)

# The parameters of a method, each 'name:words:help'; after '*' by name only.
_xord_params() {
    params=()
    case $1 in
@sh-params@
    esac
}

# What the daemon answers to listkeys or listcontacts, the names alone.
_xord_ask() {
    timeout 1 "${program[@]}" "$1" 2>/dev/null </dev/null | sed -n 's/^ *"\([^"]*\)": .*/\1/p'
}

# The words that a parameter or an option takes.
_xord_words() {
    local entry
    case $1 in
    keys) _xord_ask listkeys ;;
    contacts) _xord_ask listcontacts ;;
    names) _xord_ask listkeys; _xord_ask listcontacts ;;
    methods) printf '%s\n' "${_xord_methods[@]%%:*}" ;;
    settings)
        for entry in "${_xord_settings[@]%%:*}"; do
            printf '%s\n' "${entry#--}"
        done
        ;;
    kinds) printf '%s\n' s m ;;
    bools) printf '%s\n' true false ;;
    roles) printf '%s\n' auto server client ;;
    levels) printf '%s\n' error warn info debug ;;
    classes) printf '%s\n' lookups nodes store rpc ;;
    esac
}

# The words of the line, where bash has split them at = : and @ put together again.
_xord_split() {
    local line=$COMP_LINE index
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        if [[ $index -eq 0 || $line == [[:blank:]]* ]]; then
            line=${line#"${line%%[![:blank:]]*}"}
            words+=("")
        fi
        words[-1]+=${COMP_WORDS[index]}
        line=${line#"${COMP_WORDS[index]}"}
    done
}

# What an option takes, in $taken; false when there is no such option.
_xord_option() {
    local entry
    for entry in "${_xord_options[@]}" "${_xord_settings[@]}"; do
        if [[ ${entry%%:*} == "$1" ]]; then
            entry=${entry#*:}
            taken=${entry%%:*}
            return 0
        fi
    done
    return 1
}

# From the words before the last one: the method, how many of its parameters are given by place,
# the option that waits for its value, and how the daemon is called.
_xord_read() {
    local word name=${words[0]##*/} taken index
    method= place=0 pending=
    program=("${words[0]%"$name"}xord")
    case $name in
    dhtget | dhtput) method=$name ;;
    dhtlisten) method=listen ;;
    esac
    for ((index = 1; index < ${#words[@]} - 1; index++)); do
        word=${words[index]}
        if [[ -n $pending ]]; then
            [[ $pending != --rpc-socket && $pending != --datadir ]] ||
                program+=("$pending" "${word/#\~\//$HOME/}")
            pending=
        elif [[ $word == --rpc-socket=* || $word == --datadir=* ]]; then
            program+=("$word")
        elif [[ $word == -?* && $word != -[0-9.]* ]]; then
            taken=
            _xord_option "$word" && [[ -n $taken ]] && pending=$word
        elif [[ -z $method ]]; then
            method=$word
        elif [[ ! $word =~ ^[a-z0-9_]+= ]]; then
            place=$((place + 1))
        fi
    done
}

# Offers what begins as the last word does; what stands before $1 in it stays as it is.
_xord_offer() {
    local word last=$1
    shift
    for word in "$@"; do
        [[ $word != "$last"* ]] || COMPREPLY+=("${kept}$word")
    done
}

# Files, quoted here: bash would quote the @ before them too.
_xord_files() {
    local file
    while IFS= read -r file; do
        if [[ -d $file ]]; then
            COMPREPLY+=("$kept$(printf %q "$file")/")
            compopt -o nospace 2>/dev/null
        else
            COMPREPLY+=("$kept$(printf %q "$file")")
        fi
    done < <(compgen -f -- "$1")
}

# The value of a parameter or an option: after a comma the next of a list, after @ a file.
_xord_value() {
    local words_of=$1 last=$2 word
    if [[ $words_of == paths ]]; then
        _xord_files "$last"
    elif [[ $words_of == files && $last == @* ]]; then
        kept+=@
        _xord_files "${last#@}"
    else
        if [[ $words_of == @(names|classes) && $last == *,* ]]; then
            kept+=${last%,*},
            last=${last##*,}
        fi
        while IFS= read -r word; do
            _xord_offer "$last" "$word"
        done < <(_xord_words "$words_of")
    fi
}

# By name: `name=value` and `--name`.
_xord_named() {
    local last=$1 entry name words_of
    for entry in "${params[@]}"; do
        [[ $entry != '*' ]] || continue
        name=${entry%%:*}
        entry=${entry#*:}
        words_of=${entry%%:*}
        if [[ $last == "$name="* || $last == "--$name="* ]]; then
            kept=${last%%=*}=
            _xord_value "$words_of" "${last#*=}"
        elif [[ $last == -* && $words_of == bools ]]; then
            _xord_offer "$last" "--$name"
        elif [[ $last == -* ]]; then
            _xord_offer "$last" "--$name="
        elif [[ -n $last ]]; then
            _xord_offer "$last" "$name="
        fi
    done
}

_xord_by_place() {
    local entry index=0
    for entry in "${params[@]}"; do
        [[ $entry != '*' ]] || return 0
        if [[ $index -eq $place ]]; then
            entry=${entry#*:}
            _xord_value "${entry%%:*}" "$1"
            return 0
        fi
        index=$((index + 1))
    done
}

_xord() {
    local words program method place pending taken params kept= last index
    COMPREPLY=()
    _xord_split
    _xord_read
    last=${words[-1]}
    if [[ -n $pending ]]; then
        _xord_option "$pending"
        _xord_value "$taken" "$last"
    elif [[ $last == --*=* ]] && _xord_option "${last%%=*}"; then
        kept=${last%%=*}=
        _xord_value "$taken" "${last#*=}"
    else
        _xord_params "$method"
        if [[ $last == -* ]]; then
            _xord_offer "$last" "${_xord_options[@]%%:*}"
            [[ -n $method ]] || _xord_offer "$last" "${_xord_settings[@]%%:*}"
        elif [[ -z $method ]]; then
            _xord_offer "$last" "${_xord_methods[@]%%:*}"
        else
            _xord_by_place "$last"
        fi
        _xord_named "$last"
    fi
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
    # Bash replaces what follows the last = or :, or begins with the last @.
    local shown=${COMP_WORDS[COMP_CWORD]}
    [[ $shown != [=:@] ]] || shown=
    local before=${last%"$shown"}
    before=${before%@}
    for index in "${!COMPREPLY[@]}"; do
        COMPREPLY[index]=${COMPREPLY[index]#"$before"}
    done
}

complete -F _xord xord dhtget dhtput dhtlisten
