import JSON
import Replication
import ReplicationWire

/// What outlives every process: committed rows, and where the sequences stand.
final class ModelDatabase {
    /// Streams with their sequences; two of them share one, as in the real schema.
    static let sequences: [StreamName: Int] = [
        .events: 0, .caches: 1, .accountData: 2, .tagAccountData: 2,
    ]
    static let streams: [StreamName] = [.events, .caches, .accountData, .tagAccountData]

    /// Committed rows of each stream in the order of their tokens.
    private(set) var rows: [StreamName: [ReplicationUpdate]] = [:]
    private var lastTokens = [Int64](repeating: 0, count: 3)

    func nextToken(of sequence: Int, skipping gap: Int64) -> Int64 {
        lastTokens[sequence] += 1 + gap
        return lastTokens[sequence]
    }

    /// Makes rows of one token visible, which may be lower than what is visible already.
    func commit(_ updates: [ReplicationUpdate], of stream: StreamName) {
        guard let token = updates.first?.token else { return }
        let all = rows[stream, default: []]
        let place = all.lastIndex { $0.token < token }.map { $0 + 1 } ?? 0
        rows[stream, default: []].insert(contentsOf: updates, at: place)
    }

    /// What a main that starts finds as the newest token of a sequence.
    func maximum(of sequence: Int) -> Int64 {
        Self.streams.filter { Self.sequences[$0] == sequence }
            .compactMap { rows[$0]?.last?.token }.max() ?? 0
    }
}

/// Hands out the tokens of one sequence in one run of the main, and knows what may be published.
struct ModelSequence {
    private(set) var position: Int64
    private var open: [(token: Int64, isFinished: Bool)] = []
    /// Committed but behind a transaction that is not.
    private var held: [(stream: StreamName, updates: [ReplicationUpdate])] = []

    init(position: Int64) { self.position = position }

    mutating func begin(_ token: Int64) { open.append((token, false)) }

    /// Ends a transaction. Returns what may be published now, in order.
    mutating func finish(
        _ token: Int64, _ stream: StreamName, _ updates: [ReplicationUpdate]
    ) -> [(stream: StreamName, updates: [ReplicationUpdate])] {
        if !updates.isEmpty { held.append((stream, updates)) }
        for index in open.indices where open[index].token == token { open[index].isFinished = true }
        while let first = open.first, first.isFinished {
            position = first.token
            open.removeFirst()
        }
        let ready = held.filter { ($0.updates.first?.token ?? 0) <= position }
        held.removeAll { ($0.updates.first?.token ?? 0) <= position }
        return ready.sorted { ($0.updates.first?.token ?? 0) < ($1.updates.first?.token ?? 0) }
    }
}

/// A row with a number of its own.
func numberedRow(_ stream: StreamName, _ number: Int) -> ReplicationRow {
    switch stream {
    case .caches:
        .cache(CachesStreamRow(cache: "c", keys: nil, invalidatedMilliseconds: Int64(number)))
    case .accountData:
        .accountData(AccountDataStreamRow(userID: "@u", roomID: nil, type: "\(number)", data: nil))
    case .tagAccountData:
        .tagAccountData(TagAccountDataStreamRow(userID: "@u", roomID: "!\(number)", data: nil))
    case .federation:
        .federation(FederationStreamRow(kind: "k", data: .integer(Int64(number))))
    default: .event(EventStreamRow(eventID: "$\(number)", roomID: "!r", type: "m"))
    }
}
