import Glibc
import JSON
import Matrix
import Postgres
import Reactor
import Recomputation
import Storage
import Testing

@testable import Services

/// Random histories, with clients that sync in different ways at several engines. `BEAMLINE_SYNC_SEEDS=100` runs
/// more, `BEAMLINE_SYNC_SEED=7` the one that failed.
@Suite struct SyncPropertyTests {
    private static var seeds: Range<UInt64> {
        func number(_ name: String) -> UInt64? {
            getenv(name).flatMap { UInt64(String(cString: $0)) }
        }
        if let seed = number("BEAMLINE_SYNC_SEED") { return seed..<seed + 1 }
        return 1..<(number("BEAMLINE_SYNC_SEEDS") ?? 40) + 1
    }

    @Test(arguments: seeds)
    func everyClientEndsWithTheTruth(_ seed: UInt64) throws {
        try withWorld { world, loop in
            var history = RandomHistory(world, seed: seed)
            for _ in 0..<3 { try await history.createRoom(on: loop) }
            try await history.gather(on: loop)
            let trial = try await Trial(world, seed, &history, on: loop)
            for step in 0..<60 {
                trial.step = step
                try await trial.run(&history, on: loop)
            }
            try await trial.finish(on: loop)
            try await trial.compareWithTables(seed, on: loop)
            try await trial.compareWithFresh(on: loop)
            let live = trial.feeds.reduce(0) { $0 + $1.engine.metrics.deliveriesLive }
            #expect(live > 0, "seed \(seed): the live path was hardly taken")
            #expect(trial.compared > 20, "seed \(seed): there was little to compare")
        }
    }
}

/// The clients and engines of one run.
private final class Trial {
    let world: SyncWorld
    /// Two synchrotrons, and one that only judges.
    let feeds: [SyncFeed]
    let judge: SyncFeed
    var clients: [ModelClient] = []
    var step = 0
    let seed: UInt64
    /// How many live answers were compared with the general path's.
    var compared = 0

    private static let manners: [ModelClient.Manner] = [.waiting, .wandering, .waiting, .asking]

    init(
        _ world: SyncWorld, _ seed: UInt64, _ history: inout RandomHistory,
        on loop: isolated EventLoop
    ) async throws {
        self.world = world
        self.seed = seed
        feeds = [try await world.engine(on: loop), try await world.engine(on: loop)]
        judge = try await world.engine(on: loop)
        var tastes = ModelClient.Taste.all(history.rooms[0])
        tastes.shuffle(using: &history.generator)
        for (index, name) in (history.names + history.names).enumerated() {
            let device = "D\(index)"
            _ = try await Devices.add(
                userID: "@\(name):test", deviceID: device, displayName: nil, now: 1,
                in: world.pool, on: loop)
            history.devices.append((name, device))
            clients.append(
                ModelClient(
                    name: name, device: device, manner: Self.manners[index % 4],
                    taste: tastes[index], feed: feeds[index % 2]))
        }
        for client in clients { try await client.ask(client.feed, on: loop) }
    }

    func run(_ history: inout RandomHistory, on loop: isolated EventLoop) async throws {
        for client in clients where client.responder == nil {
            try await move(client, &history, on: loop)
        }
        for feed in feeds + [judge] { feed.isHeld = true }
        for _ in 0...history.number(4) { try await history.step(on: loop) }
        for feed in feeds + [judge] { feed.release(on: loop) }
        for feed in feeds + [judge] { await feed.settle(on: loop) }
        for client in clients { try await collect(client, on: loop) }
    }

    private func move(
        _ client: ModelClient, _ history: inout RandomHistory, on loop: isolated EventLoop
    ) async throws {
        switch client.manner {
        case .waiting: try await client.park(on: loop)
        case .asking:
            if history.number(3) == 0 { try await client.ask(client.feed, on: loop) }
        case .wandering:
            client.feed = history.pick(feeds)
            if history.number(2) == 0 {
                try await client.park(on: loop)
            } else {
                try await client.ask(client.feed, on: loop)
            }
        }
    }

    /// Takes in what a waiting client was told, after holding it against the general path's answer to the same question.
    private func collect(_ client: ModelClient, on loop: isolated EventLoop) async throws {
        guard let responder = client.responder, let since = client.since else { return }
        // An answer that has to be computed comes a little later.
        let user = judge.engine.users[client.userID] ?? TrackedUser(userID: client.userID)
        judge.engine.users[client.userID] = user
        user.told[client.device] = client.told?.copied()
        let expected = try await judge.sync(
            client.name, since: since, filter: client.filter, device: client.device,
            stateKind: client.taste.stateKind, on: loop)
        let isNews = expected != Self.nothing(like: expected)
        if responder.result == nil, !isNews { return }
        while responder.result == nil { await loop.sleep(for: .milliseconds(1)) }
        let answer = try await responder.json(on: loop)
        #expect(
            answer == expected,
            "seed \(seed), step \(step), \(client.device) \(client.name) since \(since)")
        compared += 1
        client.responder = nil
        try client.take(answer)
    }

    private static func nothing(like answer: JSON) -> JSON {
        var nothing = answer
        nothing["rooms"] = ["join": [:], "invite": [:], "knock": [:], "leave": [:]]
        for part in ["account_data", "presence", "to_device"] { nothing[part] = ["events": []] }
        nothing["device_lists"] = ["changed": [], "left": []]
        return nothing
    }

    func finish(on loop: isolated EventLoop) async throws {
        for client in clients {
            client.responder?.leave()
            client.responder = nil
            try await client.ask(judge, on: loop)
        }
    }

    // MARK: The truth

    func compareWithTables(_ seed: UInt64, on loop: isolated EventLoop) async throws {
        let (unread, _) = try await PushRecomputation.counts(in: world.pool, on: loop)
        for client in clients {
            let memberships = try await Memberships.memberships(
                userID: client.userID, in: world.pool, on: loop)
            let joined = Set(memberships.filter { $0.membership == "join" }.map(\.roomID))
            let told = Set(client.rooms.filter { $0.value.isJoined }.map(\.key))
            let hidden = client.filter["room"]?["not_rooms"]?.arrayValue?.compactMap(\.stringValue)
            #expect(
                told == joined.subtracting(hidden ?? []), "seed \(seed), \(client.device)")
            #expect(client.strangers == [], "seed \(seed), \(client.device) \(client.name)")
            #expect(
                client.messages == client.messages.sorted()
                    && Set(client.messages).count == client.messages.count,
                "seed \(seed), \(client.device): messages twice or out of order")
            for (roomID, room) in client.rooms {
                let place: Comment = "seed \(seed), \(client.device) \(client.name) in \(roomID)"
                if room.isJoined {
                    try await compareState(room, roomID, client, place, on: loop)
                    // What is unread is told with news, which filters may keep out.
                    let told = room.unread
                    if client.taste.hidesNothing {
                        #expect(told == expectedUnread(unread, roomID, client), place)
                    }
                }
                try await compareTimeline(room, roomID, client, place, on: loop)
                if room.isJoined {
                    try await comparePersonal(room, roomID, client, place, on: loop)
                }
            }
        }
    }

    /// What a client must have been told last of what is unread in a room.
    private func expectedUnread(
        _ counts: [PushRecomputation.Place: PushRecomputation.Tally], _ roomID: String,
        _ client: ModelClient
    ) -> [String: JSON] {
        var tallies = ["main": PushRecomputation.Tally()]
        for (place, tally) in counts
        where place.roomID == roomID && place.userID == client.userID {
            let thread = client.wantsThreads ? place.threadID : "main"
            tallies[thread, default: .init()].notifications += tally.notifications
            tallies[thread, default: .init()].highlights += tally.highlights
        }
        return tallies.mapValues { tally in
            [
                "notification_count": .integer(tally.notifications),
                "highlight_count": .integer(tally.highlights),
            ] as JSON
        }
    }

    private func compareState(
        _ room: ModelClient.Room, _ roomID: String, _ client: ModelClient, _ place: Comment,
        on loop: isolated EventLoop
    ) async throws {
        var state: [String: String] = [:]
        for entry in try await CurrentState.entries(roomID: roomID, in: world.pool, on: loop) {
            state["\(entry.type) \(entry.stateKey)"] = entry.eventID
        }
        if client.taste.isLazy {
            // Those who never spoke are not told.
            state = state.filter {
                !$0.key.hasPrefix("m.room.member ") || room.state[$0.key] != nil
            }
        }
        #expect(room.state == state, place)
    }

    private func compareTimeline(
        _ room: ModelClient.Room, _ roomID: String, _ client: ModelClient, _ place: Comment,
        on loop: isolated EventLoop
    ) async throws {
        let truth = try await Truth(roomID, client.userID, world.pool, on: loop)
        let positions = room.shown.compactMap { truth.positions[$0] }
        #expect(positions.count == room.shown.count, place)
        let isInOrder = zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }
        #expect(isInOrder, place)
        let hidden = room.shown.filter { !truth.visible.contains($0) }
        #expect(hidden.isEmpty, place)
        guard client.taste.isComplete, !room.wasLimited else { return }
        let wanted = truth.whileJoined.filter { (truth.positions[$0] ?? 0) > client.firstPosition }
        let missing = Set(wanted).subtracting(room.shown)
        #expect(missing.isEmpty, place)
    }

    private func comparePersonal(
        _ room: ModelClient.Room, _ roomID: String, _ client: ModelClient, _ place: Comment,
        on loop: isolated EventLoop
    ) async throws {
        guard client.taste.showsEphemera else { return }
        let typing = Set(world.services.typing.userIDs(in: roomID, on: loop))
        #expect(room.typing == typing, place)
        let rows = try await world.pool.query(
            Statement(
                unprepared: """
                    SELECT receipt_type, user_id, event_id FROM receipts_linearized
                    WHERE room_id = $1 AND thread_id IS NULL AND (receipt_type = 'm.read' OR user_id = $2)
                    """), [.text(roomID), .text(client.userID)], on: loop)
        var receipts: [String: String] = [:]
        for row in rows { receipts["\(try row.text(0)) \(try row.text(1))"] = try row.text(2) }
        #expect(room.receipts == receipts, place)
        let rules = try await world.services.pushRules.ruleset(of: client.userID, on: loop)
        let shown = rules.json(for: UserID(trusted: client.userID))
        #expect(client.accountData["m.push_rules"]?["global"] == shown, place)
        for (type, content) in client.accountData where type != "m.push_rules" {
            let stored = try await world.services.accountData.content(
                type: type, userID: client.userID, roomID: nil, on: loop)
            #expect(content == (try JSON(parsing: stored)), place)
        }
    }
}

extension Trial {
    /// The sum of what a client was told is what it is told when it asks for everything.
    func compareWithFresh(on loop: isolated EventLoop) async throws {
        for client in clients {
            let fresh = ModelClient(
                name: client.name, device: client.device, manner: .asking, taste: client.taste,
                feed: judge)
            try await fresh.ask(judge, on: loop)
            #expect(fresh.strangers == [], "seed \(seed), \(client.device) afresh")
            for (type, content) in fresh.accountData {
                #expect(client.accountData[type] == content, "seed \(seed), \(client.device)")
            }
            for (roomID, room) in fresh.rooms where room.isJoined {
                let place: Comment = "seed \(seed), \(client.device) in \(roomID), afresh"
                let told = try #require(client.rooms[roomID], place)
                #expect(told.typing == room.typing, place)
                #expect(told.receipts == room.receipts, place)
                #expect(told.accountData == room.accountData, place)
                for (key, eventID) in room.state {
                    guard !client.taste.isLazy || told.state[key] != nil else { continue }
                    #expect(told.state[key] == eventID, place)
                }
                if !client.taste.isLazy { #expect(told.state.count == room.state.count, place) }
            }
        }
    }
}

/// What a user may see of a room, told in another way than the general path tells it.
private struct Truth {
    var positions: [String: Int64] = [:]
    var visible: Set<String> = []
    var whileJoined: [String] = []

    init(
        _ roomID: String, _ userID: String, _ pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        let rows = try await pool.query(
            Statement(
                unprepared: """
                    SELECT e.event_id, e.stream_ordering, e.type, e.state_key, j.json
                    FROM events e JOIN event_json j USING (event_id)
                    WHERE e.room_id = $1 ORDER BY e.stream_ordering
                    """), [.text(roomID)], on: loop)
        var membership = "leave"
        var setting = "shared"
        var untilJoin: [String] = []
        for row in rows {
            let id = try row.text(0)
            positions[id] = try row.integer(1)
            let content = try JSON(parsing: row.bytes(4))["content"]
            let before = setting
            let isOwn = try row.text(2) == "m.room.member" && row.optionalText(3) == userID
            if isOwn { membership = content?["membership"]?.stringValue ?? "leave" }
            if try row.text(2) == "m.room.history_visibility" {
                setting = content?["history_visibility"]?.stringValue ?? "shared"
            }
            if membership == "join" {
                whileJoined.append(id)
                visible.insert(id)
                visible.formUnion(untilJoin)
                untilJoin.removeAll()
            }
            if isOwn { visible.insert(id) }
            for setting in [before, setting] {
                switch setting {
                case "world_readable": visible.insert(id)
                case "shared": untilJoin.append(id)
                case "invited": if membership == "invite" { visible.insert(id) }
                default: break
                }
            }
        }
    }
}
