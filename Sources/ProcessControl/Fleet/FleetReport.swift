/// One line about a process, for people.
public struct FleetReport: Sendable, Hashable {
    /// How the line is meant.
    public enum Tone: Sendable, Hashable {
        /// Something went as wished.
        case good
        /// Nothing is wrong, but nothing was done either.
        case remark
        /// Something went wrong.
        case bad
        /// More about the line before.
        case detail
    }

    /// How the line is meant.
    public var tone: Tone
    /// The line.
    public var text: String

    /// A line.
    public init(_ tone: Tone, _ text: String) {
        self.tone = tone
        self.text = text
    }
}

/// How a process of a fleet is.
public enum ProcessHealth: Sendable, Hashable {
    /// It is running and listens wherever it should.
    case serving(pid: Int32)
    /// It is running, but nobody listens at these places.
    case silent(pid: Int32, [ListenProbe])
    /// It is not running; `isStale` if it left its pid file behind.
    case down(isStale: Bool)
    /// Nobody can tell.
    case unknown(String)
}
