import JSON
import Matrix
import Testing

@Suite struct Events {
    private let room = RoomFixture()

    @Test func aBuiltEventHasItsFields() throws {
        var builder = EventBuilder(
            version: .v10, roomID: room.roomID, type: "m.room.name", stateKey: "",
            sender: "@u:a", content: ["name": "N"])
        builder.previousEventIDs = ["$p1", "$p2"]
        builder.authEventIDs = ["$a"]
        builder.depth = 9
        builder.originServerTimestamp = 1_234
        builder.unsigned = ["replaces_state": "$old"]
        let event = try builder.build(signingWith: RoomFixture.key)
        #expect(event.roomID == room.roomID)
        #expect(event.statePlace == StateKey("m.room.name"))
        #expect(event.sender == "@u:a")
        #expect(event.content == ["name": "N"])
        #expect(event.previousEventIDs == ["$p1", "$p2"])
        #expect(event.authEventIDs == ["$a"])
        #expect(event.depth == 9)
        #expect(event.originServerTimestamp == 1_234)
        #expect(event.unsigned == ["replaces_state": "$old"])
        #expect(event.membership == nil)
        #expect(event.redacts == nil)
        #expect(event.json["event_id"] == nil)
    }

    /// The identifier was computed independently, with Python's hashlib.
    @Test func identifierVector() throws {
        let text = """
            {"auth_events":["$a"],"content":{"body":"héllo","msgtype":"m.text"},"depth":7,
            "hashes":{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"},
            "origin_server_ts":1700000000000,"prev_events":["$p"],"room_id":"!r:domain",
            "sender":"@u:domain","signatures":{"domain":{"ed25519:1":"x"}},
            "type":"m.room.message","unsigned":{"age":5},"redacts":"$z"}
            """
        let event = try Event(parsing: text, version: .v10)
        #expect(event.eventID == "$YtwdyN0aI2vvQWY05_u9MsQFIKHk4FhLNg0B6iorEG8")
        #expect(
            try Event(parsing: text, version: .v3).eventID
                == "$YtwdyN0aI2vvQWY05/u9MsQFIKHk4FhLNg0B6iorEG8")
        #expect(event.redacted().eventID == event.eventID)
        #expect(EventHash.eventID(of: event.redacted().json, version: .v10) == event.eventID)
    }

    @Test(
        arguments: [
            ("room_id", .missing(field: "room_id")), ("type", .missing(field: "type")),
            ("sender", .missing(field: "sender")), ("content", .missing(field: "content")),
            ("prev_events", .missing(field: "prev_events")), ("depth", .missing(field: "depth")),
            ("auth_events", .missing(field: "auth_events")),
            ("origin_server_ts", .missing(field: "origin_server_ts")),
        ] as [(String, EventError)])
    func fieldsThatMustBeThere(field: String, error: EventError) {
        var json = room.event("m.x", sender: "@u:a").json
        json[field] = nil
        #expect(throws: error) { try Event(json: json, version: .v10) }
    }

    @Test(
        arguments: [
            ("room_id", "x"), ("room_id", 1), ("type", 1), ("sender", "u"), ("sender", "@u"),
            ("content", []), ("content", .null), ("prev_events", [1]), ("prev_events", ["x"]),
            ("prev_events", [:]), ("auth_events", [["$a", [:]]]), ("depth", 1.5), ("depth", "1"),
            ("origin_server_ts", .null), ("state_key", 1), ("state_key", .null),
        ] as [(String, JSON)])
    func fieldsThatMustBeRight(field: String, value: JSON) {
        var json = room.event("m.x", sender: "@u:a").json
        json[field] = value
        #expect(throws: EventError.malformed(field: field)) {
            try Event(json: json, version: .v10)
        }
    }

    @Test func textsThatAreNoEvents() {
        #expect(throws: EventError.notAnObject) { try Event(parsing: "[]", version: .v10) }
        #expect(throws: EventError.json(.init(offset: 0, reason: .unexpectedEnd))) {
            try Event(parsing: "", version: .v10)
        }
    }

    @Test func sizesAreBounded() throws {
        func build(type: String = "m.x", key: String? = nil, body: Int = 0) throws -> Event {
            try EventBuilder(
                version: .v10, roomID: room.roomID, type: type, stateKey: key, sender: "@u:a",
                content: ["body": .string(String(repeating: "x", count: body))]
            ).build(signingWith: RoomFixture.key)
        }
        let long = String(repeating: "x", count: 256)
        #expect(throws: EventError.fieldTooLong(field: "type")) { try build(type: long) }
        #expect(throws: EventError.fieldTooLong(field: "state_key")) { try build(key: long) }
        #expect(throws: Never.self) { try build(type: String(long.dropLast())) }
        let overhead = try build().json.canonicalBytes.count
        #expect(throws: Never.self) { try build(body: 65_536 - overhead) }
        #expect(throws: EventError.tooLarge(bytes: 65_537)) { try build(body: 65_537 - overhead) }
    }

    @Test func whatTheServerAddsUnhashedDoesNotCountAsSize() throws {
        let big = JSON.Object(["body": .string(String(repeating: "x", count: 60_000))])
        var builder = EventBuilder(
            version: .v10, roomID: room.roomID, type: "m.x", stateKey: "", sender: "@u:a",
            content: big)
        let bare = try builder.build(signingWith: RoomFixture.key)
        builder.unsigned = ["prev_content": .object(big)]
        let event = try builder.build(signingWith: RoomFixture.key)
        #expect(event.unsigned == builder.unsigned)
        #expect(event.eventID == bare.eventID)
        #expect(event.json["signatures"] == bare.json["signatures"])
    }

    @Test(arguments: [0.5, 1.0, .integer(1 << 53), [["x": 1e3]]] as [JSON])
    func contentMustBeCanonical(value: JSON) {
        let builder = EventBuilder(
            version: .v10, roomID: room.roomID, type: "m.x", sender: "@u:a",
            content: ["v": value])
        #expect(throws: EventError.notCanonical) {
            try builder.build(signingWith: RoomFixture.key)
        }
    }

    @Test func redactsIsPlacedAsTheVersionWants() throws {
        func build(_ version: RoomVersion) throws -> Event {
            try EventBuilder(
                version: version, roomID: room.roomID, type: "m.room.redaction", sender: "@u:a",
                content: ["reason": "r"], redacts: "$target"
            ).build(signingWith: RoomFixture.key)
        }
        let old = try build(.v10)
        #expect(old.json["redacts"] == "$target")
        #expect(old.content == ["reason": "r"])
        #expect(old.redacts == "$target")
        let new = try build(.v11)
        #expect(new.json["redacts"] == nil)
        #expect(new.content == ["reason": "r", "redacts": "$target"])
        #expect(new.redacts == "$target")
    }

    @Test func aBuiltEventKeepsItsIdentifierAndSignature() throws {
        for seed in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let type =
                ["m.room.message", "m.room.member", "m.room.create", "m.room.power_levels"]
                .randomElement(using: &generator) ?? ""
            let content = JSON.randomObject(using: &generator)
            let event = room.event(type, key: "k", sender: "@u:a", content)
            let read = try Event(
                parsing: event.json.canonicalBytes.span.bytes, version: .v10)
            #expect(read.eventID == event.eventID, "seed \(seed)")
            #expect(read.json == event.json, "seed \(seed)")
            #expect(EventHash.matchesContent(of: read.json), "seed \(seed)")
            for json in [read.json, read.redacted().json] {
                #expect(EventHash.eventID(of: json, version: .v10) == event.eventID)
                #expect(
                    EventSignature.isValid(
                        json, version: .v10, by: "a",
                        keyIdentifier: RoomFixture.key.identifier,
                        key: RoomFixture.key.verifyKey), "seed \(seed)")
            }
        }
    }

    @Test func roomVersionsAreOrdered() {
        #expect(RoomVersion.v2 < .v10)
        #expect(RoomVersion(rawValue: "10") == .v10)
        #expect(RoomVersion(rawValue: "13") == nil)
        #expect(RoomVersion.allCases == RoomVersion.allCases.sorted())
        #expect(RoomVersion.v10.stateResolution == .v2)
        #expect(RoomVersion.v1.stateResolution == .v1)
        #expect(RoomVersion.v12.stateResolution == .v2Point1)
    }
}
