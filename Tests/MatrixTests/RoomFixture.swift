import JSON
import Matrix

/// A room in memory whose state tests arrange at will, without asking the auth rules.
struct RoomFixture {
    static let key = SigningKey(version: "1", seed: [UInt8](repeating: 7, count: 32))!

    let version: RoomVersion
    /// From room version 12 on what the create event says.
    private(set) var roomID = RoomID("!room:a")!
    let creator: UserID = "@creator:a"
    var state: StateMap<Event> = [:]

    /// A room with its create event, its creator joined, by invitation, default levels.
    init(version: RoomVersion = .v10) {
        self.version = version
        set(
            EventType.create, sender: creator,
            ["creator": creator.json, "room_version": .string(version.identifier)])
        join(creator)
        set(
            EventType.powerLevels, sender: creator,
            RoomCreation.defaultPowerLevels(
                users: version.creatorsOutrankAll ? [:] : [creator.text: 100], version: version))
        joinRule("invite")
    }

    func event(
        _ type: String, key: String? = nil, sender: UserID, _ content: JSON.Object = [:],
        after previous: [EventID] = ["$previous"]
    ) -> Event {
        let namesRoom = type != EventType.create || !version.roomIDIsHash
        var builder = EventBuilder(
            version: version, roomID: namesRoom ? roomID : nil, type: type, stateKey: key,
            sender: sender, content: content)
        builder.previousEventIDs = previous
        for event in previous { builder.referenceHashes[event] = [] }
        guard let event = try? builder.build(signingWith: Self.key) else {
            fatalError("the test's event is malformed")
        }
        return event
    }

    mutating func set(_ type: String, key: String = "", sender: UserID, _ content: JSON.Object) {
        let previous: [EventID] = type == EventType.create ? [] : ["$previous"]
        let event = event(type, key: key, sender: sender, content, after: previous)
        if type == EventType.create { roomID = event.roomID }
        state[StateKey(type, key)] = event
    }

    mutating func member(_ user: UserID, _ membership: String) {
        set(EventType.member, key: user.text, sender: user, ["membership": .string(membership)])
    }

    mutating func join(_ user: UserID) { member(user, "join") }

    mutating func joinRule(_ rule: String) {
        set(EventType.joinRules, sender: creator, ["join_rule": .string(rule)])
    }

    /// Changes the room's power levels.
    mutating func levels(_ change: (inout JSON.Object) -> Void) {
        var content = state[.powerLevels]!.content
        change(&content)
        set(EventType.powerLevels, sender: creator, content)
    }

    mutating func level(of user: UserID, _ level: Int64) {
        levels { $0["users"]![user.text] = .integer(level) }
    }
}

extension UserID: ExpressibleByStringLiteral {
    init(stringLiteral text: String) { self.init(text)! }
}

extension EventID: ExpressibleByStringLiteral {
    init(stringLiteral text: String) { self.init(text)! }
}

extension ServerName: ExpressibleByStringLiteral {
    init(stringLiteral text: String) { self.init(text)! }
}
