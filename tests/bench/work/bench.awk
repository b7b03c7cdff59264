# SPDX-License-Identifier: GPL-2.0-or-later
# bench.awk TEXT...: counts words, adds numbers, prints the most frequent ones.
{
    for (i = 1; i <= NF; i++) {
        word = tolower($i)
        gsub(/[^a-z0-9]/, "", word)
        count[word]++
        if (word ~ /^[0-9]+$/) sum += word
        letters += length(word)
    }
}
END {
    for (word in count) if (count[word] > most) most = count[word]
    print NR, letters, sum, most
}
