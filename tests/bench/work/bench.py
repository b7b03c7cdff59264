# SPDX-License-Identifier: GPL-2.0-or-later
"""bench.py N: objects, dictionaries, comprehensions, strings, sorting."""
import sys


class Account:
    def __init__(self, name):
        self.name, self.sum, self.log = name, 0, []

    def add(self, amount):
        self.sum += amount
        if amount % 5 == 0:
            self.log.append(f"{self.name}{amount}")
        return self


def main(n):
    accounts, seed, words = {}, 1, {}
    for i in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        account = accounts.setdefault(seed % 97, Account(str(seed % 97)))
        account.add(i % 13).add(seed % 7)
        word = "%x" % (seed & 0xfff)
        words[word] = words.get(word, 0) + len(word)
    total = sum(a.sum * k for k, a in accounts.items())
    best = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:5]
    lines = [line for a in accounts.values() for line in a.log if line.endswith("5")]
    return total, best, len(lines), "".join(sorted(lines)[:3])


print(main(int(sys.argv[1])))
