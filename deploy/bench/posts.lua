-- wrk: sends the posts of a file in turn, each quantity made on the way.
-- A line of the file is a hash, a tab, and a body cut at its quantities by \1.
-- Arguments: file, first quantity, step a pass (0: the same again), milliseconds between a connection's posts (0: none).
local threads = {}

function setup(thread)
  thread:set("position", #threads)
  threads[#threads + 1] = thread
end

function init(args)
  quantity, step, pause = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  stride = tonumber(args[5])
  posts = {}
  local number = 0
  for line in io.lines(args[1]) do
    if number % stride == position then
      local hash, body = line:match("^(%S+)\t(.*)$")
      local parts = {}
      for part in (body .. "\1"):gmatch("(.-)\1") do parts[#parts + 1] = part end
      posts[#posts + 1] = { parts, { ["content-type"] = "application/json", ["jetti-webhook-hash"] = hash } }
    end
    number = number + 1
  end
  at = 0
  if pause == 0 then delay = nil end
  ready = os.clock() -- this process's CPU time; what reading the file took is not the load's
end

-- Spread around the mean, so that connections do not march in step.
function delay()
  return math.floor(pause * (0.5 + math.random()))
end

function request()
  at = at + 1
  if at > #posts then
    at = 1
    quantity = quantity + step
  end
  local post = posts[at]
  return wrk.format("POST", nil, post[2], table.concat(post[1], quantity))
end

function done(summary, latency)
  local errors = summary.errors
  local ready = 0
  for _, thread in ipairs(threads) do ready = math.max(ready, thread:get("ready")) end
  io.write(string.format(
    '\nRESULT {"posts": %d, "seconds": %.6f, "refused": %d, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "cpu_s": %.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3, os.clock() - ready))
end
