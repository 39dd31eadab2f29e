/// Why no address of a host could be connected to: everything that was tried, in one error.
public struct ConnectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Hashable {
        /// No address is known.
        case unresolved
        /// Every address failed.
        case failed
        /// The time was up.
        case timedOut
        /// The loop stopped or the task was cancelled.
        case cancelled
    }

    /// An address that was tried.
    public struct Attempt: Sendable, Hashable {
        /// Where to.
        public var address: SocketAddress
        /// What came of it: what connect(2) said, ETIMEDOUT or ECANCELED where it was still under
        /// way at the end, EACCES where the caller did not allow it.
        public var error: SystemError
    }

    /// The name that was asked for.
    public var host: String
    /// The port that was asked for.
    public var port: UInt16
    /// What kind of failure it was.
    public var code: Code
    /// What failed of the look-ups, of which there is one per family.
    public var resolution: [ResolutionError]
    /// What was tried, in order.
    public var attempts: [Attempt]

    /// Everything in one line, such as `example.org:80: timed out ([2001:db8::1]:80: connect:
    /// Network is unreachable; 192.0.2.1:80: connect: Connection timed out)`.
    public var description: String {
        let what =
            switch code {
            case .unresolved: "the name could not be resolved"
            case .failed: "no address could be connected to"
            case .timedOut: "timed out"
            case .cancelled: "cancelled"
            }
        var details = attempts.map { "\($0.address): \($0.error)" }
        for message in resolution.map(\.message) where !details.contains(message) {
            details.append(message)
        }
        let list = details.isEmpty ? "" : " (\(details.joined(separator: "; ")))"
        return "\(host):\(port): \(what)\(list)"
    }
}
