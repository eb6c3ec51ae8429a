#!/bin/sh
# The whole way on the sample corpus; a second time nothing is left to do.
set -eu

before=$(cksum dvc.lock 2>/dev/null || true)
echo "avemo: dvc repro runs every stage that is not up to date (some minutes the first time)"
dvc repro
if [ "$before" = "$(cksum dvc.lock)" ]; then
    echo "avemo: nothing was left to do"
fi
echo
avemo status --next
