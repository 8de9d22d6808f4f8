"""What the Lua scripts of the pace and the gate share: Redis's clock, counts by the second, and the rate of calls
that an endpoint is believed to bear after it refused some.

That rate follows a curve over the time since the last refusal. It begins a tenth below the rate of calls that were
answered, is back there after `PLATEAU_S`, leaves it slowly for as long again, and grows quickly from then on: so a
limit that lasts is touched gently, now and then, and one that ends is forgotten within half a minute.
"""

PLATEAU_S = 9.0
DECREASE = 0.1
"""How far below the rate that was answered the curve begins."""
GROWTH_A_S = 1.35
"""By what the rate is multiplied every second, once the curve has been above the plateau for long."""
ANSWERED_OVER_S = 5
"""Seconds over which answered calls are counted for that rate."""
FORGOTTEN_AFTER_S = 45.0

CLOCK = """
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
"""

# A ring of 64 slots in a hash, each a second and its count.
RING = """
local function ring_add(key, second, more)
  local slot = second % 64
  local at, count = string.match(redis.call('HGET', key, slot) or '', '(%d+) (%d+)')
  redis.call('HSET', key, slot, second .. ' ' .. (tonumber(at) == second and count + more or more))
  redis.call('EXPIRE', key, 120)
end
local function ring_sum(key, second, span)  -- of the last full seconds: the one that is under way does not count
  local sum = 0
  for _, slot in ipairs(redis.call('HVALS', key)) do
    local at, count = string.match(slot, '(%d+) (%d+)')
    local age = second - at
    if age >= 1 and age <= span then sum = sum + count end
  end
  return sum
end
local function ring_age(key, second, span)  -- full seconds since the oldest count of the last `span`; 0 without any
  local oldest = 0
  for _, slot in ipairs(redis.call('HVALS', key)) do
    local age = second - string.match(slot, '(%d+) ')
    if age >= 1 and age <= span and age > oldest then oldest = age end
  end
  return oldest
end
"""

# What the endpoint refused (refused_rpm, since_us, hold_until_us), and the calls a minute that it is believed to bear
# since then; nil when nothing is known.
BEARABLE = """
local function slowed_by(key)
  return redis.call('HMGET', key, 'refused_rpm', 'since_us', 'hold_until_us')
end
local function bearable_rpm(slowed, now)
  if not slowed[1] then return nil end
  local since = (now - tonumber(slowed[2])) / 1000000
  if since > %(forgotten)s then return nil end
  local x = math.min(1, since / %(plateau)s - 1)
  local late = math.max(0, since - 2 * %(plateau)s)
  return tonumber(slowed[1]) * (1 + %(decrease)s * x * x * x) * %(growth)s ^ late
end
""" % {"forgotten": FORGOTTEN_AFTER_S, "plateau": PLATEAU_S, "decrease": DECREASE, "growth": GROWTH_A_S}  # noqa: UP031
