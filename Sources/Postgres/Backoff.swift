/// Growing pauses between attempts, with chance in them lest all processes return at once.
struct Backoff {
    private(set) var failureCount = 0
    var lastError: PostgresError?

    mutating func fail(_ error: PostgresError) -> Duration {
        let step = min(failureCount, 6)
        failureCount += 1
        lastError = error
        let milliseconds = min(5_000, 50 << step)
        return .milliseconds(milliseconds / 2 + Int.random(in: 0...milliseconds / 2))
    }

    mutating func succeed() {
        self = Backoff()
    }
}
