# SPDX-License-Identifier: GPL-2.0-or-later
# bench.pl N: words, patterns, hashes, sorting, arithmetic.
use strict; use warnings;
my ($n, $seed, %count, @list, $sum) = ($ARGV[0], 42);
for my $i (1 .. $n) {
    $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    my $word = sprintf '%x-%d', $seed % 5000, $i % 10;
    $count{$word}++;
    $sum += length($word) * ($i % 3) + ($word =~ /([a-f]+)(\d*)-/ ? length $1 : 0);
    push @list, $seed if $i % 4 == 0;
}
@list = sort { $a <=> $b } @list;
my $text = join ',', map { "$_=$count{$_}" } (sort keys %count)[0 .. 20];
$text =~ s/(\w+)=(\d)/$2:$1/g;
print "$sum $list[7] $list[-1] $text\n";
