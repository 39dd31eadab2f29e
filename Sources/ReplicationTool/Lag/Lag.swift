internal import Glibc
internal import Reactor

/// `beamline replication lag`: where a main's streams are, and how far who is behind.
public enum Lag {
    /// Prints a table each `interval` until Ctrl-C, or `count` times.
    ///
    /// - Parameters:
    ///   - following: The main.
    ///   - interval: The time between two tables.
    ///   - count: How many tables; nil for no end.
    ///   - metrics: Where workers serve their metrics.
    /// - Returns: The exit code.
    public static func run(
        _ following: Following, interval: Duration, count: Int?, metrics: [String]
    ) -> Int32 {
        ToolLoop.run(following.name) { interruption, loop in
            let output = LineOutput(STDOUT_FILENO)
            do {
                let view = try LagView(following, output, metrics: metrics, on: loop)
                let follower = try Follower(following, output: view)
                output.onFailure = { follower.end($0.code == EPIPE ? 0 : 1) }
                interruption.onInterrupt = { follower.end(0) }
                loop.spawn {
                    await view.watch(follower, every: interval, count: count, on: loop)
                }
                let code = await follower.run(on: loop)
                view.stop(on: loop)
                output.flush()
                return code
            } catch {
                Notices.say("\(following.name): \(error)")
                return 1
            }
        }
    }
}
