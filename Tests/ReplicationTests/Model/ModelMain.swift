import Reactor
import ReplicationWire

@testable import Replication

/// One run of a main process: transactions that end in any order, and the server under test.
final class ModelMain: ReplicationServerDelegate {
    private struct Transaction {
        let stream: StreamName
        let updates: [ReplicationUpdate]
        var token: Int64 { updates.first?.token ?? 0 }
    }

    let server: ReplicationServer
    let run: Int
    private(set) var federation: FederationQueue?
    private(set) var federationRows: [ReplicationRow] = []
    private(set) var typing: [String: [String]] = [:]
    fileprivate var typingSerials: [String: Int64] = [:]
    fileprivate var typingSerial: Int64 = 0
    /// Who syncs, by connection.
    private(set) var syncing: [Int: Set<String>] = [:]

    private let database: ModelDatabase
    private var sequences: [ModelSequence]
    private var transactions: [Transaction] = []

    init(_ database: ModelDatabase, run: Int, _ options: ReplicationServer.Options, seed: UInt64) {
        self.database = database
        self.run = run
        sequences = (0..<3).map { ModelSequence(position: database.maximum(of: $0)) }
        server = ReplicationServer(options: options)
        server.delegate = self
        var random = Seeded(seed)
        for stream in ModelDatabase.streams + [.typing] {
            server.register(ModelSource(stream, self, seed: random.next()))
        }
        federation = FederationQueue(server)
    }

    // MARK: Writing

    func begin(_ stream: StreamName, rows: [Int], gap: Int64) {
        let sequence = ModelDatabase.sequences[stream] ?? 0
        let token = database.nextToken(of: sequence, skipping: gap)
        sequences[sequence].begin(token)
        let updates = rows.map {
            ReplicationUpdate(token: token, row: numberedRow(stream, $0))
        }
        transactions.append(Transaction(stream: stream, updates: updates))
    }

    var openTransactions: Int { transactions.count }

    func end(_ index: Int, commits: Bool, on loop: isolated EventLoop) {
        let transaction = transactions.remove(at: index)
        let (stream, updates) = (transaction.stream, transaction.updates)
        if commits { database.commit(updates, of: stream) }
        let sequence = ModelDatabase.sequences[stream] ?? 0
        let before = sequences[sequence].position
        for (stream, updates) in sequences[sequence].finish(
            transaction.token, stream, commits ? updates : [])
        {
            server.publish(stream, updates, on: loop)
        }
        let position = sequences[sequence].position
        guard position > before else { return }
        for other in ModelDatabase.streams where ModelDatabase.sequences[other] == sequence {
            server.advance(other, to: position, on: loop)
        }
    }

    /// The process dies. What was about to be committed may or may not be.
    func die(_ random: inout Seeded, on loop: isolated EventLoop) {
        for transaction in transactions where random.below(2) == 0 {
            database.commit(transaction.updates, of: transaction.stream)
        }
        transactions = []
        server.abort(on: loop)
    }

    func type(_ users: [String], in room: String, on loop: isolated EventLoop) {
        typing[room] = users.isEmpty ? nil : users
        typingSerial += 1
        typingSerials[room] = typingSerial
        let row = TypingStreamRow(roomID: room, userIDs: users)
        server.publish(.typing, [.init(token: typingSerial, row: .typing(row))], on: loop)
    }

    func sendOut(_ number: Int, on loop: isolated EventLoop) {
        guard case .federation(let row) = numberedRow(.federation, number) else { return }
        federationRows.append(.federation(row))
        federation?.append(row, on: loop)
    }

    // MARK: Reading

    func position(of stream: StreamName) -> Int64 {
        guard stream != .typing else { return typingSerial }
        return sequences[ModelDatabase.sequences[stream] ?? 0].position
    }

    fileprivate func rows(
        of stream: StreamName, from: Int64, upTo: Int64, limit: Int
    ) -> [ReplicationUpdate] {
        let all: [ReplicationUpdate]
        if stream == .typing {
            all = typingSerials.sorted { $0.value < $1.value }.map { room, serial in
                let row = TypingStreamRow(roomID: room, userIDs: typing[room] ?? [])
                return ReplicationUpdate(token: serial, row: .typing(row))
            }
        } else {
            all = database.rows[stream] ?? []
        }
        return Array(all.lazy.filter { $0.token > from && $0.token <= upTo }.prefix(limit))
    }

    // MARK: Delegate

    func userSync(_ sync: UserSync, at peer: ReplicationPeer, on loop: isolated EventLoop) {
        if sync.isSyncing {
            syncing[peer.id, default: []].insert(sync.userID)
        } else {
            syncing[peer.id]?.remove(sync.userID)
        }
    }

    func usersGone(_ users: [String], at peer: ReplicationPeer, on loop: isolated EventLoop) {
        syncing[peer.id]?.subtract(users)
    }

    func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        guard case .federationAck(let ack) = command else { return }
        federation?.acknowledge(upTo: ack.token, on: loop)
    }
}

/// A stream of a main as replication reads it: slowly, and not always with success.
private final class ModelSource: ReplicationSource {
    let stream: StreamName
    private unowned let main: ModelMain
    private var random: Seeded

    init(_ stream: StreamName, _ main: ModelMain, seed: UInt64) {
        self.stream = stream
        self.main = main
        random = Seeded(seed)
    }

    var currentToken: Int64 { main.position(of: stream) }

    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        // A dead process' task may still be about; its source outlives the model's main.
        let main = main
        if random.below(3) == 0 { await loop.sleep(for: .milliseconds(random.below(8))) }
        if random.below(40) == 0 { throw SystemError("read", code: 5) }
        let page = main.rows(of: stream, from: from, upTo: upTo, limit: limit)
        if random.below(3) == 0 { await loop.sleep(for: .milliseconds(random.below(8))) }
        return page
    }
}
