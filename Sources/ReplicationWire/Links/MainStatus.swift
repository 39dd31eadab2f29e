/// What our main says of itself behind the time in each `PING`, where the protocol allows anything:
/// `run=<hexadecimal> events=30 typing=4`.
///
/// The run tells a worker whether it is the same process as before, and so whether what it knows of
/// streams in memory still holds; the heads tell it how far behind it is.
public struct MainStatus: Sendable, Hashable {
    /// A number that another process, or the same one started again, does not have.
    public var run: UInt64
    /// The newest token of each stream.
    public var heads: [StreamName: Int64]

    /// A main's state.
    public init(run: UInt64, heads: [StreamName: Int64] = [:]) {
        self.run = run
        self.heads = heads
    }

    /// How many streams a worker reads the heads of.
    private static let headsMax = 64

    /// Reads what follows a `PING`; nil if its sender is a main of another make.
    init?(pingText text: String) {
        let words = text.split(separator: " ", maxSplits: Self.headsMax + 2)
        guard words.count >= 2, words[1].hasPrefix("run="),
            let run = UInt64(words[1].dropFirst(4), radix: 16)
        else { return nil }
        self.init(run: run)
        for word in words.dropFirst(2) {
            guard let equals = word.firstIndex(of: "="),
                let token = Int64(word[word.index(after: equals)...])
            else { continue }
            heads[StreamName(String(word[..<equals]))] = token
        }
    }

    /// What a `PING` says at a time.
    func pingText(at now: LinkTime) -> String {
        var text = "\(now.unixMilliseconds) run=\(String(run, radix: 16))"
        for (stream, token) in heads.sorted(by: { $0.key.name < $1.key.name }) {
            text += " \(stream.name)=\(token)"
        }
        return text
    }
}
