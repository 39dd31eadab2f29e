import JSON
import Matrix
import Reactor
import Storage

@testable import Services

/// Users who do things at random. What is forbidden they try all the same.
struct RandomHistory {
    let world: SyncWorld
    var generator: SeededGenerator
    let names = ["a", "b", "c", "d"]
    var rooms: [String] = []
    /// The devices there are.
    var devices: [(user: String, device: String)] = []
    private var events: [String: [String]] = [:]
    private var count = 0

    init(_ world: SyncWorld, seed: UInt64) {
        self.world = world
        generator = SeededGenerator(seed: seed)
    }

    mutating func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[number(elements.count)]
    }

    mutating func createRoom(on loop: isolated EventLoop) async throws {
        let visibility = pick(["shared", "joined", "invited", "world_readable", "shared"])
        let state: JSON = [
            "type": "m.room.history_visibility", "state_key": "",
            "content": ["history_visibility": .string(visibility)],
        ]
        let room = try await world.createRoom(
            by: pick(names),
            ["preset": .string(pick(["public_chat", "private_chat"])), "initial_state": [state]],
            on: loop)
        rooms.append(room)
    }

    /// Everybody comes who may.
    mutating func gather(on loop: isolated EventLoop) async throws {
        for room in rooms {
            for name in names {
                // Some rooms are private.
                do { try await world.join(name, room, on: loop) } catch is MatrixError {}
            }
        }
    }

    /// Something happens, or is refused.
    mutating func step(on loop: isolated EventLoop) async throws {
        do {
            try await act(on: loop)
        } catch is MatrixError {
            // Not allowed to whoever tried.
        }
    }

    private mutating func act(on loop: isolated EventLoop) async throws {
        count += 1
        let (name, room) = (pick(names), pick(rooms))
        switch number(31) {
        case 26: try await relate(name, room, on: loop)
        case 27:
            try await world.setState(
                "m.room.member", key: "@\(name):test",
                ["membership": "join", "displayname": "\(name) \(count)"], by: name, in: room,
                on: loop)
        case 28: try await sendToDevices(name, on: loop)
        case 29: try await changeDevice(name, on: loop)
        case 30:
            try await world.services.accountData.put(
                ["value": .integer(Int64(count))], type: "org.data\(number(3))",
                userID: "@\(name):test", roomID: room, on: loop)
        case 0: try await world.join(name, room, on: loop)
        case 1: try await world.join(name, room, on: loop)
        case 2: try await world.leave(name, room, on: loop)
        case 3: try await world.invite(pick(names), to: room, by: name, on: loop)
        case 4 where number(3) > 0: try await world.join(name, room, on: loop)
        case 4:
            try await world.services.rooms.change(
                pick([.kick, .ban, .unban]), of: "@\(pick(names)):test", in: room, reason: nil,
                sender: world.user(name), on: loop)
        case 5:
            try await world.setState(
                "m.room.topic", ["topic": "\(count)"], by: name, in: room, on: loop)
        case 6:
            let visibility = pick(["shared", "joined", "invited", "world_readable"])
            try await world.setState(
                "m.room.history_visibility", ["history_visibility": .string(visibility)], by: name,
                in: room, on: loop)
        case 7, 8: try await setTyping(name, room, on: loop)
        case 9, 10, 11: try await read(name, room, on: loop)
        case 12: try await setPersonal(name, room, on: loop)
        case 13: try await redact(name, room, on: loop)
        case 14: try await changeRules(name, room, on: loop)
        case 15, 16: try await talkInThread(name, room, on: loop)
        case 17:
            let id = try await world.say(
                "\(pick(names)), are you there?", by: name, in: room, on: loop)
            events[room, default: []].append(id)
        default:
            let id = try await world.say("\(count)", by: name, in: room, on: loop)
            events[room, default: []].append(id)
        }
    }

    private mutating func relate(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        guard let all = events[room], !all.isEmpty else { return }
        let id = try await world.relate(
            pick(["m.thread", "m.replace", "m.reference"]), to: pick(all), by: name, in: room,
            on: loop)
        events[room, default: []].append(id)
    }

    private mutating func sendToDevices(_ name: String, on loop: isolated EventLoop) async throws {
        let owner = AccessTokens.Owner(
            tokenID: 1, userID: "@\(name):test", deviceID: nil, validUntil: nil, isGuest: false)
        let content: JSON = ["number": .integer(Int64(count))]
        try await world.services.toDevice.send(
            ["messages": JSON(["@\(pick(names)):test": JSON(["*": content])])], type: "m.test",
            transactionID: "t\(count)", owner: owner, on: loop)
    }

    private mutating func changeDevice(_ name: String, on loop: isolated EventLoop) async throws {
        guard let device = devices.filter({ $0.user == name }).randomElement(using: &generator)
        else { return }
        try await world.services.devices.rename(
            device.device, userID: "@\(name):test", to: "Name \(count)", on: loop)
    }

    private mutating func setTyping(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        let userID = "@\(name):test"
        _ = try await world.services.rooms.joinedRoom(room, userID: userID, on: loop)
        if number(2) == 0 {
            world.services.typing.start(
                userID: userID, roomID: room, timeout: .seconds(100), on: loop)
        } else {
            world.services.typing.stop(userID: userID, roomID: room, on: loop)
        }
    }

    private mutating func read(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        guard let all = events[room], !all.isEmpty else { return }
        let userID = "@\(name):test"
        _ = try await world.services.rooms.joinedRoom(room, userID: userID, on: loop)
        let thread = number(4) == 0 ? pick(["main", all[0]]) : nil
        try await world.services.receipts.receive(
            type: pick(["m.read", "m.read", "m.read.private"]), roomID: room, userID: userID,
            eventID: pick(all), threadID: thread, on: loop)
    }

    private mutating func redact(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        guard let all = events[room], all.count > 1 else { return }
        _ = try await world.services.rooms.redact(
            pick(Array(all.dropFirst())), in: room, content: [:], sender: world.user(name),
            on: loop)
    }

    private mutating func talkInThread(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        guard let root = events[room]?.first else { return }
        let related = pick([root, pick(events[room] ?? [])])
        let relation: JSON =
            number(3) == 0
            ? ["rel_type": "m.annotation", "event_id": .string(related), "key": "\(count)"]
            : ["rel_type": "m.thread", "event_id": .string(root)]
        let id = try await world.services.rooms.send(
            type: relation["key"] == nil ? "m.room.message" : "m.reaction", stateKey: nil,
            content: [
                "msgtype": "m.text", "body": "\(pick(names)) \(count)", "m.relates_to": relation,
            ], to: room, sender: world.user(name), on: loop)
        if relation["key"] == nil { events[room, default: []].append(id) }
    }

    private mutating func changeRules(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        let rules = world.services.pushRules
        let userID = "@\(name):test"
        let rule = pick([
            PushRule.Name(.room, room), PushRule.Name(.content, "there"),
            PushRule.Name(.sender, "@\(pick(names)):test"),
        ])
        switch number(4) {
        case 0: try await rules.delete(rule, of: userID, on: loop)
        case 1:
            try await rules.setEnabled(
                ["enabled": .bool(number(2) == 0)],
                PushRule.Name(.underride, ".m.rule.message"), of: userID, on: loop)
        default:
            let choices: [JSON] = [[], ["notify"], ["notify", ["set_tweak": "highlight"]]]
            let actions = pick(choices)
            try await rules.put(
                rule, ["actions": actions, "pattern": "there"], before: nil, after: nil,
                of: userID, on: loop)
        }
    }

    private mutating func setPersonal(
        _ name: String, _ room: String, on loop: isolated EventLoop
    ) async throws {
        let data = world.services.accountData
        let userID = "@\(name):test"
        if number(2) == 0 {
            try await data.put(
                ["value": .integer(Int64(count))], type: "org.data\(number(3))", userID: userID,
                roomID: nil, on: loop)
        } else {
            try await data.setTag(
                "u.tag\(number(2))", content: number(3) == 0 ? nil : [:], userID: userID,
                roomID: room, on: loop)
        }
    }
}

/// The same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
