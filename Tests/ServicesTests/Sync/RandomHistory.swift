import JSON
import Reactor

@testable import Services

/// Users who do things at random. What is forbidden they try all the same.
struct RandomHistory {
    let world: SyncWorld
    var generator: SeededGenerator
    let names = ["a", "b", "c", "d"]
    var rooms: [String] = []
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
        switch number(20) {
        case 0: try await world.join(name, room, on: loop)
        case 1: try await world.join(name, room, on: loop)
        case 2: try await world.leave(name, room, on: loop)
        case 3: try await world.invite(pick(names), to: room, by: name, on: loop)
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
        default:
            let id = try await world.say("\(count)", by: name, in: room, on: loop)
            events[room, default: []].append(id)
        }
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
        try await world.read(
            pick(all), by: name, in: room, type: pick(["m.read", "m.read", "m.read.private"]),
            on: loop)
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
