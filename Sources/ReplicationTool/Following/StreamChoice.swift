internal import ReplicationWire

/// Which streams are looked at, and where each begins.
public struct StreamChoice: Sendable {
    /// Why the options do not go together.
    public struct Mistake: Error, Hashable, CustomStringConvertible {
        /// What is wrong, in a sentence.
        public let description: String
    }

    let streams: [StreamName]
    let positions: [StreamName: Int64]

    /// Reads the options of a command line.
    ///
    /// - Parameters:
    ///   - names: The streams; none are all that every main offers.
    ///   - since: `STREAM=TOKEN`, or `TOKEN` alone where exactly one stream is named.
    ///   - isNamed: Whether the named dialect is spoken, which has more streams and cannot begin
    ///     anywhere but now.
    /// - Throws: A ``Mistake`` where they do not go together.
    public init(names: [String], since: [String], isNamed: Bool) throws(Mistake) {
        var streams = names.map { StreamName($0) }
        var positions: [StreamName: Int64] = [:]
        for text in since {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let last = parts.last, let token = Int64(last), token >= 0 else {
                throw Mistake(description: "--since takes TOKEN or STREAM=TOKEN, not '\(text)'.")
            }
            if parts.count == 2 {
                positions[StreamName(String(parts[0]))] = token
            } else if names.count == 1 {
                positions[streams[0]] = token
            } else {
                throw Mistake(
                    description: "Each stream has its own tokens: write --since STREAM=\(token), "
                        + "or name one --stream.")
            }
        }
        if streams.isEmpty { streams = isNamed ? Self.named : Self.classic }
        if let odd = positions.keys.first(where: { !streams.contains($0) }) {
            throw Mistake(description: "--since names the stream \(odd), which is not looked at.")
        }
        guard positions.isEmpty || !isNamed else {
            throw Mistake(
                description: "--since needs the classic dialect; in the named one rows come only "
                    + "from now on.")
        }
        self.streams = streams
        self.positions = positions
    }

    /// `federation` is not there where the main sends by itself, and asking for it would end the
    /// connection.
    static let classic = StreamName.classic.filter { $0 != .federation }

    /// A main of this dialect sends whatever it has; those of later releases are here by name.
    static let named =
        StreamName.known
        + [
            "presence_federation", "user_signature", "groups", "un_partial_stated_rooms",
            "un_partial_stated_events",
        ].map { StreamName.other($0) }
}
