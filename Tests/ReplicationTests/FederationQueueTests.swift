import JSON
import Reactor
import Replication
import ReplicationWire
import Testing

@Suite("The queue of the federation stream")
struct FederationQueueTests {
    private static func row(_ number: Int64) -> FederationStreamRow {
        FederationStreamRow(kind: "k", data: .integer(number))
    }

    private static func numbers(_ updates: [ReplicationUpdate]) -> [Int64] {
        updates.map { update in
            guard case .federation(let row) = update.row, case .integer(let number) = row.data
            else {
                return -1
            }
            // Rows are numbered like their tokens.
            return number == update.token ? number : -1
        }
    }

    private func withQueue(
        rowsMax: Int,
        _ body:
            @escaping @Sendable (FederationQueue, isolated EventLoop) async throws
            -> Void
    ) throws {
        try onLoop { loop in
            let server = ReplicationServer(options: .init(serverName: "example.org"))
            let queue = FederationQueue(server, rowsMax: rowsMax)
            try await body(queue, loop)
            // The server keeps it, and not the other way about.
            #expect(server.streams == [.federation])
        }
    }

    @Test("keeps what nobody has acknowledged, and gives it out by token")
    func keeps() throws {
        try withQueue(rowsMax: 100) { queue, loop in
            for number in 1...10 { queue.append(Self.row(Int64(number)), on: loop) }
            #expect(queue.currentToken == 10 && queue.count == 10)
            queue.acknowledge(upTo: 4, on: loop)
            #expect(queue.count == 6)
            let all = try await queue.rows(from: 0, upTo: 10, limit: 100, on: loop)
            #expect(Self.numbers(all) == [5, 6, 7, 8, 9, 10])
            let page = try await queue.rows(from: 6, upTo: 9, limit: 2, on: loop)
            #expect(Self.numbers(page) == [7, 8])
            let none = try await queue.rows(from: 10, upTo: 10, limit: 5, on: loop)
            #expect(none.isEmpty)
            let rest = try await queue.rows(from: 7, upTo: 99, limit: 100, on: loop)
            #expect(rest.count == 3)
        }
    }

    @Test("takes acknowledgements in any order, twice, and of what it has not given")
    func acknowledgements() throws {
        try withQueue(rowsMax: 100) { queue, loop in
            queue.acknowledge(upTo: 7, on: loop)
            for number in 1...6 { queue.append(Self.row(Int64(number)), on: loop) }
            #expect(queue.count == 6)
            queue.acknowledge(upTo: 3, on: loop)
            queue.acknowledge(upTo: 3, on: loop)
            queue.acknowledge(upTo: 1, on: loop)
            queue.acknowledge(upTo: -5, on: loop)
            #expect(queue.count == 3)
            // More than was ever given is all of it.
            queue.acknowledge(upTo: 1000, on: loop)
            #expect(queue.count == 0)
            queue.append(Self.row(7), on: loop)
            #expect(queue.currentToken == 7)
            let kept = try await queue.rows(from: 0, upTo: 7, limit: 9, on: loop)
            #expect(Self.numbers(kept) == [7])
        }
    }

    @Test("drops the oldest where too many gather, and counts them")
    func overflow() throws {
        try withQueue(rowsMax: 3) { queue, loop in
            for number in 1...1000 {
                queue.append(Self.row(Int64(number)), on: loop)
                #expect(queue.count <= 3)
            }
            #expect(queue.rowsDropped == 997)
            let kept = try await queue.rows(from: 0, upTo: 1000, limit: 9, on: loop)
            #expect(Self.numbers(kept) == [998, 999, 1000])
        }
    }

    @Test("agrees with a plain list whatever happens", arguments: 0..<50 as Range<UInt64>)
    func model(seed: UInt64) throws {
        try withQueue(rowsMax: 20) { queue, loop in
            var random = Seeded(seed)
            var list: [Int64] = []
            var last: Int64 = 0
            for _ in 0..<400 {
                switch random.below(3) {
                case 0, 1:
                    last += 1
                    list.append(last)
                    if list.count > 20 { list.removeFirst() }
                    queue.append(Self.row(last), on: loop)
                default:
                    let token = Int64(random.below(Int(last) + 3))
                    list.removeAll { $0 <= token }
                    queue.acknowledge(upTo: token, on: loop)
                }
                #expect(queue.count == list.count)
                let from = Int64(random.below(Int(last) + 1))
                let rows = try await queue.rows(from: from, upTo: last, limit: 5, on: loop)
                #expect(Self.numbers(rows) == Array(list.filter { $0 > from }.prefix(5)))
            }
        }
    }
}
