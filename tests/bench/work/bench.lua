-- SPDX-License-Identifier: GPL-2.0-or-later
-- bench.lua JOB N: programs for lua5.4 and luajit; both print the same.
local job, n = arg[1], tonumber(arg[2])
local jobs = {}

local function fib(k) if k < 2 then return k end return fib(k - 1) + fib(k - 2) end

function jobs.fib()
    local sum = 0
    for _ = 1, n do sum = sum + fib(20) end
    return string.format("%d", sum)
end

function jobs.nbody()
    local at, speed = {0, 5, -7, 3}, {0.1, -0.2, 0.3, 0.05}
    for _ = 1, n do
        for i = 1, 4 do
            for j = 1, 4 do
                local d = at[j] - at[i]
                local square = d * d + 0.5
                speed[i] = speed[i] + d / (square * math.sqrt(square)) * 0.001
            end
        end
        for i = 1, 4 do at[i] = at[i] + speed[i] * 0.001 end
    end
    return string.format("%.9g %.9g", at[1], at[4])
end

function jobs.strings()
    local count, words = 0, {}
    for i = 1, n do
        local word = string.format("%d:%s", i % 1000, string.rep("ab", i % 7))
        words[word] = (words[word] or 0) + 1
        count = count + #word:gsub("a", "xy") + (word:find("bab", 1, true) or 0)
    end
    local keys = {}
    for key in pairs(words) do keys[#keys + 1] = key end
    table.sort(keys)
    return string.format("%d %d", count, #keys) .. keys[1] .. keys[#keys]
end

print(job, jobs[job]())
