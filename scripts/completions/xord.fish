# Completion of xord, dhtget, dhtput and dhtlisten for fish. The lists are made from the program's
# own tables; names of keys and contacts are asked from the running daemon.

# Options whose value is the next word.
set -g __xord_valued \
@fish-valued@

# The method and the values given by place, a line each: what is no option, nor names a parameter.
function __xord_given
    set -l words (commandline -opc)
    set -l is_value 0
    for word in $words[2..]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word $__xord_valued
            set is_value 1
        else if not string match -qr -- '^-[^0-9.]|^[a-z0-9_]+=' $word
            echo -- $word
        end
    end
end

function __xord_has_no_method
    test -z "$(__xord_given)"
end

function __xord_is
    set -l given (__xord_given)
    test "$given[1]" = $argv[1]
end

# Of this method, at this place from 1.
function __xord_is_at
    set -l given (__xord_given)
    test "$given[1]" = $argv[1] -a (count $given) -eq $argv[2]
end

# What the daemon answers to listkeys or listcontacts, the names alone.
function __xord_ask
    set -l words (commandline -opc)
    set -l program (string replace -r '[^/]*$' xord -- $words[1])
    for index in (seq 2 (count $words))
        switch $words[$index]
            case '--rpc-socket=*' '--datadir=*'
                set -a program $words[$index]
            case --rpc-socket --datadir
                set -a program $words[$index] $words[(math $index + 1)]
        end
    end
    set program[1] (string replace -r '^~/' $HOME/ -- $program[1])
    timeout 1 $program $argv[1] 2>/dev/null </dev/null | string replace -rf '^ *"([^"]*)": .*' '$1'
end

function __xord_keys
    __xord_ask listkeys
end

function __xord_contacts
    __xord_ask listcontacts
end

function __xord_names
    __xord_keys
    __xord_contacts
end

function __xord_methods
    complete -C 'xord ' | string replace -rf '\t.*' ''
end

function __xord_settings
    string split -n ' ' \
@fish-keys@
end

function __xord_none
end

function __xord_kinds
    string split ' ' 's m'
end

function __xord_bools
    string split ' ' 'true false'
end

function __xord_roles
    string split ' ' 'auto server client'
end

function __xord_levels
    string split ' ' 'error warn info debug'
end

function __xord_classes
    string split ' ' 'lookups nodes store rpc'
end

# @file
function __xord_files
    set -l last (commandline -ct)
    if string match -q -- '@*' $last
        complete -C "__xord_nothing "(string sub -s 2 -- $last) |
            string replace -rf '^([^\t]*).*' '@$1'
    end
end

# A parameter by its name, as name=value and --name=value: first the name, then its values. What is
# true or false is an option already.
function __xord_by_name
    set -l last (commandline -ct)
    for name in --$argv[1]= $argv[1]=
        if string match -q -- "$name*" $last
            printf "$name%s\n" (__xord_$argv[2])
        else if test -n "$last"; and string match -q -- "$last*" $name
            test $argv[2] = bools; and string match -q -- '-*' $name; or echo $name
        end
    end
end

complete -c xord -f
complete -c dhtget -w 'xord dhtget'
complete -c dhtput -w 'xord dhtput'
complete -c dhtlisten -w 'xord listen'
@fish-methods@
@fish-params@
@fish-options@
@fish-settings@
