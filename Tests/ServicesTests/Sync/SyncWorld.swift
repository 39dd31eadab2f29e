import Bytes
import JSON
import Matrix
import Postgres
import PostgresCluster
import Reactor
import ReplicationWire
import Storage
import Synchronization
import Testing

@testable import Services

/// A main process's services over a database of their own, and engines that listen to them as synchrotrons do.
final class SyncWorld {
    let services: MainServices
    let pool: PostgresPool
    private(set) var feeds: [SyncFeed] = []
    private var transactions = 0

    init(pool: PostgresPool, on loop: isolated EventLoop) async throws {
        self.pool = pool
        services = try await MainServices(
            settings: .test,
            pool: pool, clock: SyncWorld.clock, on: loop)
    }

    /// Stands still, so that ages do not differ.
    static let clock = WallClock { 1_700_000_000_000 }

    /// An engine that has just started.
    func engine(
        _ options: SyncOptions = SyncOptions(), on loop: isolated EventLoop
    ) async throws -> SyncFeed {
        var position = try await StreamToken.stored(in: pool, on: loop)
        position.typing = services.typing.serial
        let engine = SyncEngine(
            pool: pool, position: position, clock: Self.clock, options: options)
        let feed = SyncFeed(engine)
        feeds.append(feed)
        services.streams.subscribe(feed, on: loop)
        return feed
    }

    // MARK: What users do

    func user(_ name: String) -> EventSender {
        EventSender(userID: "@\(name):test", deviceID: "\(name.uppercased())DEVICE", tokenID: 1)
    }

    func createRoom(
        by name: String, _ request: JSON = ["preset": "public_chat"], on loop: isolated EventLoop
    ) async throws -> String {
        try await services.rooms.create(request, creator: user(name), on: loop).roomID
    }

    func join(_ name: String, _ roomID: String, on loop: isolated EventLoop) async throws {
        _ = try await services.rooms.join(roomID, reason: nil, sender: user(name), on: loop)
    }

    func leave(_ name: String, _ roomID: String, on loop: isolated EventLoop) async throws {
        try await services.rooms.leave(roomID, reason: nil, sender: user(name), on: loop)
    }

    func invite(
        _ name: String, to roomID: String, by inviter: String, on loop: isolated EventLoop
    ) async throws {
        try await services.rooms.change(
            .invite, of: "@\(name):test", in: roomID, reason: nil, sender: user(inviter), on: loop)
    }

    @discardableResult
    func say(
        _ text: String, by name: String, in roomID: String, transaction: String? = nil,
        on loop: isolated EventLoop
    ) async throws -> String {
        transactions += 1
        var sender = user(name)
        sender.transactionID = transaction ?? "t\(transactions)"
        return try await services.rooms.send(
            type: "m.room.message", stateKey: nil,
            content: ["msgtype": "m.text", "body": .string(text)], to: roomID, sender: sender,
            on: loop)
    }

    /// Sends a message that relates to an event.
    @discardableResult
    func relate(
        _ type: String, to eventID: String, by name: String, in roomID: String,
        on loop: isolated EventLoop
    ) async throws -> String {
        try await services.rooms.send(
            type: "m.room.message", stateKey: nil,
            content: [
                "msgtype": "m.text", "body": .string(type),
                "m.new_content": ["msgtype": "m.text", "body": "edited"],
                "m.relates_to": ["rel_type": .string(type), "event_id": .string(eventID)],
            ], to: roomID, sender: user(name), on: loop)
    }

    @discardableResult
    func setState(
        _ type: String, key: String = "", _ content: JSON, by name: String, in roomID: String,
        on loop: isolated EventLoop
    ) async throws -> String {
        try await services.rooms.send(
            type: type, stateKey: key, content: content, to: roomID, sender: user(name), on: loop)
    }

    func read(
        _ eventID: String, by name: String, in roomID: String, type: String = "m.read",
        on loop: isolated EventLoop
    ) async throws {
        try await services.receipts.receive(
            type: type, roomID: roomID, userID: "@\(name):test", eventID: eventID,
            threadID: nil, on: loop)
    }
}

/// What stands between the announcements and an engine: replication that can be held up.
final class SyncFeed: StreamPublisher {
    let engine: SyncEngine
    var isHeld = false
    private var held: [StreamBatch] = []

    init(_ engine: SyncEngine) {
        self.engine = engine
    }

    func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop
    ) {
        let batch = StreamBatch(stream: stream, token: token, rows: rows)
        if isHeld { held.append(batch) } else { engine.streamAdvanced(batch, on: loop) }
    }

    /// Lets everything through that was held, at once.
    func release(on loop: isolated EventLoop) {
        isHeld = false
        for batch in held { engine.streamAdvanced(batch, on: loop) }
        held.removeAll()
    }

    /// Waits until everything that came through has been delivered.
    func settle(on loop: isolated EventLoop) async {
        while engine.isDelivering { await loop.sleep(for: .milliseconds(1)) }
    }

    // MARK: Requests

    /// Asks and waits for the answer.
    func sync(
        _ name: String, since: String? = nil, timeout: Duration = .zero, filter: JSON? = nil,
        fullState: Bool = false, device: String? = nil, stateKind: SyncStateKind = .before,
        on loop: isolated EventLoop
    ) async throws -> JSON {
        let responder = try ask(
            name, since: since, timeout: timeout, filter: filter, fullState: fullState,
            device: device, stateKind: stateKind, on: loop)
        return try await responder.json(on: loop)
    }

    /// Asks.
    func ask(
        _ name: String, since: String?, timeout: Duration = .seconds(60), filter: JSON? = nil,
        fullState: Bool = false, device: String? = nil, stateKind: SyncStateKind = .before,
        on loop: isolated EventLoop
    ) throws -> TestResponder {
        let responder = TestResponder()
        var request = SyncRequest(
            userID: "@\(name):test", deviceID: device ?? "\(name.uppercased())DEVICE",
            since: try since.map { try StreamToken(parsing: $0) }, timeout: timeout,
            filter: try filter.map { try SyncFilter($0) } ?? .everything, fullState: fullState)
        request.stateKind = stateKind
        engine.sync(request, answering: responder, on: loop)
        return responder
    }

    /// Asks, and waits until the client is parked.
    func park(
        _ name: String, since: String, filter: JSON? = nil, device: String? = nil,
        stateKind: SyncStateKind = .before, on loop: isolated EventLoop
    ) async throws -> TestResponder {
        let before = engine.metrics.parked
        let responder = try ask(
            name, since: since, filter: filter, device: device, stateKind: stateKind, on: loop)
        while engine.metrics.parked == before, responder.result == nil {
            await loop.sleep(for: .milliseconds(1))
        }
        return responder
    }
}

/// A client of an engine.
final class TestResponder: SyncResponder {
    private(set) var answer: SyncAnswer?
    private(set) var result: Result<[UInt8], any Error>?
    private var waiting: UnsafeContinuation<Void, Never>?
    private var gone: (() -> Void)?
    private(set) var isGone = false

    func answer(_ answer: SyncAnswer, on loop: isolated EventLoop) {
        self.answer = answer
        var bytes: [UInt8] = []
        for piece in answer.pieces { piece.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        finish(.success(bytes))
    }

    func fail(_ error: any Error, on loop: isolated EventLoop) { finish(.failure(error)) }

    func whenGone(_ body: @escaping () -> Void) { gone = body }

    /// Goes away without waiting for the answer.
    func leave() {
        isGone = true
        gone?()
    }

    private func finish(_ result: Result<[UInt8], any Error>) {
        precondition(self.result == nil, "answered twice")
        self.result = result
        waiting?.resume()
        waiting = nil
    }

    func json(on loop: isolated EventLoop) async throws -> JSON {
        if result == nil { await withUnsafeContinuation(isolation: loop) { waiting = $0 } }
        let bytes = try #require(result).get()
        #expect(answer?.count == bytes.count)
        return try JSON(parsing: bytes, limits: JSON.Limits(bytesMax: 1 << 26))
    }
}

extension JSON {
    var nextBatch: String { self["next_batch"]?.stringValue ?? "" }

    func joined(_ roomID: String) -> JSON? { self["rooms"]?["join"]?[roomID] }
    func left(_ roomID: String) -> JSON? { self["rooms"]?["leave"]?[roomID] }
    func invited(_ roomID: String) -> JSON? { self["rooms"]?["invite"]?[roomID] }

    /// The events of a part such as `timeline`.
    func events(_ part: String) -> [JSON] { self[part]?["events"]?.arrayValue ?? [] }

    var timelineIDs: [String] { events("timeline").compactMap { $0["event_id"]?.stringValue } }
    var bodies: [String] {
        events("timeline").compactMap { $0["content"]?["body"]?.stringValue }
    }
    var isLimited: Bool? { self["timeline"]?["limited"]?.boolValue }

    /// The content of an event of a part, by its type.
    func content(of type: String, in part: String) -> JSON? {
        events(part).last { $0["type"]?.stringValue == type }?["content"]
    }
}

/// Runs `body` in a world of its own, on a loop that the calling thread drives.
func withWorld(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (SyncWorld, isolated EventLoop) async throws -> Void
) throws {
    let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
    let loop = try EventLoop()
    let failure = Mutex<(any Error)?>(nil)
    loop.submit { loop in
        let configuration = PostgresConfiguration(
            host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
            database: database, poolMax: 4)
        let pool = PostgresPool(configuration, on: loop)
        do {
            try await pool.start(on: loop)
            try await Schema.migrate(pool, on: loop)
            let world = try await SyncWorld(pool: pool, on: loop)
            try await body(world, loop)
            for feed in world.feeds { feed.engine.shutDown(on: loop) }
        } catch {
            failure.withLock { $0 = error }
        }
        await pool.close(on: loop)
        loop.stop()
    }
    loop.run()
    if let error = failure.withLock({ $0 }) { throw error }
}
