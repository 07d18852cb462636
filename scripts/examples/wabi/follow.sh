#!/bin/sh
# ./follow.sh: prints each reading as it comes: who reads what, and where.
xord listen wabi readings m since=$(($(date +%s) - 600)) |
    jq --unbuffered -r 'select(.event == "value").value | select(.p.slot == "latest") |
        .sig_user as $who | .p.v | objects | [.lvl_percent, .lat, .long] |
        select(all(type == "number")) | "\($who) \(.[0]) % at \(.[1]), \(.[2])"'
