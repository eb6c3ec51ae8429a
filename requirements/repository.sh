#!/bin/sh
# Says at once where DVC would say it after minutes: the project must lie in a Git repository, or DVC
# must know that it does not.
set -eu

grep -qs '^ *no_scm *= *[Tt]rue' .dvc/config .dvc/config.local && exit 0
words=$(LC_ALL=C git rev-parse --git-dir 2>&1 >/dev/null) && exit 0
case $words in
*"not a git repository (or any"* | *"not found"*)
    words="this folder is in no Git repository" ;;
esac
echo "avemo: $words" >&2
cat >&2 <<'END'
avemo: models record the commit that made them, so take the project by git clone; or here:
avemo:   git init && git add . && git commit -m start
avemo: or go on without Git, with models that carry no commit and cannot be promoted:
avemo:   printf '[core]\n    no_scm = true\n' >> .dvc/config.local
END
exit 1
