-- wrk … -s post.lua URL -- BODY-FILE CONTENT-TYPE ACCEPT
-- Posts one body over and over. The last line on standard output, in microseconds where it is a time:
-- result requests duration p50 p99 status-errors socket-errors

function init(args)
   local file = assert(io.open(args[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   wrk.headers["Content-Type"] = args[2]
   wrk.headers["Accept"] = args[3]
   file:close()
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format("result %d %d %d %d %d %d\n", summary.requests, summary.duration,
                          latency:percentile(50), latency:percentile(99), errors.status,
                          errors.connect + errors.read + errors.write + errors.timeout))
end
