# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh N: what scripts do: small programs, pipes, substitutions. Run by busybox sh.
b=$PWD/bin/busybox
i=0 sum=0
while [ $i -lt "$1" ]; do
    word=$($b expr $i + 1)
    case $word in *7*) sum=$((sum + word)) ;; esac
    line=$(echo "a b $word" | $b sed 's/b/x/' | $b cut -d' ' -f2,3)
    [ "$line" = "x $word" ] || echo "wrong: $line"
    i=$((i + 1))
done
echo $i $sum
