#!/bin/sh
# ./follow.sh [SECONDS]: asks so often, and prints what is not as before: who reads what, and where.
while before=$now; do
    now=$(xord dhtget wabi readings m slot=latest since=$(($(date +%s) - 600)) | jq -r '.[] |
        .sig_user as $who | .p.v | objects | [.lvl_percent, .lat, .long] |
        select(all(type == "number")) | "\($who) \(.[0]) % at \(.[1]), \(.[2])"')
    printf '%s\n' "$now" | grep -vxF -e '' -e "$before"
    sleep "${1:-5}"
done
