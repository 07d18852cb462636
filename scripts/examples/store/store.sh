#!/bin/sh
# Keeps a value for each target in a file of DIR, for `xord handle store --exec "./store.sh DIR"`:
# what bears a token is a commit and is written; the answer is what is there.
set -eu
file=$1/${XORD_TARGET:?a target is needed}
if [ "$XORD_TOKEN" = 1 ]; then
    cat > "$file.$XORD_REQUEST"
    mv "$file.$XORD_REQUEST" "$file"
fi
if [ -e "$file" ]; then
    cat "$file"
fi
