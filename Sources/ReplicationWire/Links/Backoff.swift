/// How long to wait before the next attempt to connect: 0.1 s doubling to 5 s.
struct Backoff: Sendable {
    static let shortest = Duration.milliseconds(100)
    static let longest = Duration.seconds(5)

    private var current = Backoff.shortest

    mutating func next() -> Duration {
        defer { current = min(current * 2, Self.longest) }
        return current
    }

    mutating func reset() { current = Self.shortest }
}
