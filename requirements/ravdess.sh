#!/bin/sh
# The way to models of RAVDESS's published recordings. After an interruption it goes on where it was.
set -eu

case "${VIDEO:-0}" in
    0) films= ;;
    1) films=--video ;;
    *) echo "avemo: VIDEO=$VIDEO, expected VIDEO=1 (with films) or nothing" >&2; exit 2 ;;
esac
avemo corpus use zenodo $films
echo "avemo: dvc repro runs every stage that is not up to date"
avemo repro
echo
avemo status --next
