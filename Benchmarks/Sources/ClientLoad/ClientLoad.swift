import Glibc
import HTTPClient
import Reactor

/// Asks one URL again and again, so many times at once, over kept connections, and prints requests per
/// second and the processor time per request: `ClientLoad URL [requests [at-once]]`.
@main
struct ClientLoad {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("usage: ClientLoad URL [requests [at-once]]")
            exit(2)
        }
        let url = arguments[1]
        let total = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 200_000
        let atOnce = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 64
        let loop = try EventLoop()
        loop.submit { loop in
            do {
                let client = try HTTPClient(on: loop)
                _ = try await run(client, url, atOnce * 10, atOnce, on: loop)
                let (wall, cpu) = (time(CLOCK_MONOTONIC), time(CLOCK_PROCESS_CPUTIME_ID))
                let failed = try await run(client, url, total, atOnce, on: loop)
                let elapsed = time(CLOCK_MONOTONIC) - wall
                let used = time(CLOCK_PROCESS_CPUTIME_ID) - cpu
                print(
                    "\(loop.backend.rawValue): \(Int(Double(total) / elapsed)) requests/s,",
                    "\(Double(Int(used / Double(total) * 1e7)) / 10) µs CPU per request,",
                    "\(client.connectionCount) connections, \(failed) failed")
                client.close(on: loop)
            } catch {
                print(error)
            }
            loop.stop()
        }
        loop.run()
    }

    /// Returns how many requests failed.
    static func run(
        _ client: HTTPClient, _ url: String, _ total: Int, _ atOnce: Int,
        on loop: isolated EventLoop
    ) async throws -> Int {
        let tasks = (0..<atOnce).map { _ in
            loop.spawn {
                var failed = 0
                for _ in 0..<(total / atOnce) {
                    do {
                        _ = try await client.send(HTTPClientRequest(.get, url), on: loop)
                    } catch {
                        failed += 1
                    }
                }
                return failed
            }
        }
        var failed = 0
        for task in tasks { failed += await task.value }
        return failed
    }

    static func time(_ clock: clockid_t) -> Double {
        var value = timespec()
        clock_gettime(clock, &value)
        return Double(value.tv_sec) + Double(value.tv_nsec) / 1e9
    }
}
