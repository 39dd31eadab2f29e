import JSON
import Matrix
import Testing

/// Where the formats of events differ by room version.
@Suite struct EventFormats {
    private let key = RoomFixture.key
    private let roomID = RoomID("!room:a")!

    /// A create event and a message that follows it.
    private func room(_ version: RoomVersion) throws -> (create: Event, message: Event) {
        var builder = EventBuilder(
            version: version, roomID: version.roomIDIsHash ? nil : roomID,
            type: EventType.create, stateKey: "", sender: "@u:a",
            content: ["room_version": .string(version.identifier), "creator": "@u:a"])
        let create = try builder.build(signingWith: key)
        builder = EventBuilder(
            version: version, roomID: create.roomID, type: EventType.message, sender: "@u:a",
            content: ["body": "x"])
        builder.follow([create], allowedBy: version.roomIDIsHash ? [] : [create])
        builder.originServerTimestamp = 5
        return (create, try builder.build(signingWith: key))
    }

    @Test(arguments: RoomVersion.allCases)
    func builtEventsAreReadAgainWithTheirIdentifierHashAndSignature(version: RoomVersion) throws {
        let room = try room(version)
        for event in [room.create, room.message] {
            let read = try Event(
                parsing: event.json.canonicalBytes.span.bytes, version: version)
            #expect(read.eventID == event.eventID)
            #expect(read.roomID == event.roomID)
            #expect(read.previousEventIDs == event.previousEventIDs)
            #expect(read.authEventIDs == event.authEventIDs)
            #expect(read.redacted().eventID == event.eventID)
            #expect(EventHash.matchesContent(of: read.json))
            let servers = EventSignature.requiredServers(for: read)
            #expect(servers == ["a"])
            for copy in [read, read.redacted()] {
                let signers = EventSignature.servers(signing: copy, among: servers) { _, _ in
                    key.verifyKey
                }
                #expect(signers == servers)
            }
            try read.checkLimits()
        }
        #expect(room.message.previousEventIDs == [room.create.eventID])
        #expect(room.message.depth == room.create.depth + 1)
        try AuthRules.check(room.create, against: [:])
    }

    /// Room versions 1 to 4, "Event IDs".
    @Test(arguments: RoomVersion.allCases)
    func identifiers(version: RoomVersion) throws {
        let event = try room(version).message
        #expect((event.json["event_id"] != nil) == (version < .v3))
        if version < .v3 {
            #expect(event.eventID.server == "a")
            return
        }
        #expect(event.eventID.text.utf8.count == 44)
        let hash = Base64.decode(event.eventID.text.dropFirst())
        #expect(hash == event.referenceHash)
        #expect(event.eventID.server == nil)
    }

    @Test(arguments: [RoomVersion.v1, .v2])
    func referencesHaveHashesUntilTwo(version: RoomVersion) throws {
        let room = try room(version)
        let pair: JSON = [
            room.create.eventID.json,
            ["sha256": .string(Base64.encode(room.create.referenceHash))],
        ]
        #expect(room.message.json["prev_events"] == [pair])
        #expect(room.message.json["auth_events"] == [pair])
        for wrong in [
            ["$x:a"], [["$x:a"]], [["$x:a", "hash"]], [[1, [:]]], [["x", [:]]],
            [["$x:a", [:], 1]],
        ] as [JSON] {
            var json = room.message.json
            json["prev_events"] = wrong
            #expect(throws: EventError.malformed(field: "prev_events")) {
                try Event(json: json, version: version)
            }
        }
        var builder = EventBuilder(
            version: version, roomID: roomID, type: "m.x", sender: "@u:a", content: [:])
        builder.previousEventIDs = ["$unknown:a"]
        #expect(throws: EventError.missingReferenceHash(of: "$unknown:a")) {
            try builder.build(signingWith: key)
        }
    }

    @Test(arguments: [nil, 1, "x", "$x", "$x:", "$:"] as [JSON?])
    func chosenIdentifiersNameAServer(eventID: JSON?) throws {
        var json = try room(.v1).message.json
        json["event_id"] = eventID
        #expect(throws: EventError.self) { try Event(json: json, version: .v1) }
    }

    /// Room version 12, "Event format".
    @Test func theRoomIsTheCreateEventFromTwelveOn() throws {
        let room = try room(.v12)
        #expect(room.create.json["room_id"] == nil)
        #expect(room.create.roomID.text.dropFirst() == room.create.eventID.text.dropFirst())
        #expect(room.create.roomID.createEventID == room.create.eventID)
        #expect(room.create.roomID.server == nil)
        #expect(RoomID(room.create.roomID.text) == room.create.roomID)
        #expect(room.message.json["room_id"] == room.create.roomID.json)
        #expect(roomID.createEventID == nil)
        var json = room.message.json
        json["room_id"] = nil
        #expect(throws: EventError.missing(field: "room_id")) {
            try Event(json: json, version: .v12)
        }
        // Clients are told the room of a create event too, whichever way it is rendered.
        let rendered = ClientEvent.render(room.create)
        #expect(try JSON(parsing: rendered)["room_id"] == room.create.roomID.json)
        let stored = try ClientEvent.render(
            stored: room.create.json.canonicalBytes.span.bytes, eventID: room.create.eventID,
            version: .v12)
        #expect(try JSON(parsing: stored) == JSON(parsing: rendered))
    }

    @Test(arguments: [(RoomVersion.v5, Int64.max), (.v6, (1 << 53) - 1), (.v12, (1 << 53) - 1)])
    func depthStopsAtItsLimit(version: RoomVersion, depthMax: Int64) throws {
        var builder = EventBuilder(
            version: version, roomID: RoomID("!r:a")!, type: "m.x", sender: "@u:a", content: [:])
        builder.depth = .max
        let event = try builder.build(signingWith: key)
        #expect(event.depth == depthMax)
        builder.follow([event], allowedBy: [])
        #expect(builder.depth == depthMax)
        builder.depth = -1
        #expect(throws: EventError.malformed(field: "depth")) {
            try builder.build(signingWith: key)
        }
        var json = event.json
        json["depth"] = .integer(.max)
        let deep = try Event(json: json, version: version)
        if version < .v6 {
            try deep.checkLimits()
        } else {
            #expect(throws: EventError.malformed(field: "depth")) { try deep.checkLimits() }
        }
    }

    /// Room versions 1 to 5 take what canonical JSON does not, later ones do not.
    @Test(arguments: RoomVersion.allCases)
    func canonicalJSONIsEnforcedFromSixOn(version: RoomVersion) throws {
        for value in [0.5, .integer(1 << 53), 1e300] as [JSON] {
            let builder = EventBuilder(
                version: version, roomID: roomID, type: "m.x", sender: "@u:a",
                content: ["v": value])
            if version < .v6 {
                let event = try builder.build(signingWith: key)
                let read = try Event(
                    parsing: event.json.canonicalBytes.span.bytes, version: version)
                #expect(read.eventID == event.eventID)
            } else {
                #expect(throws: EventError.notCanonical) { try builder.build(signingWith: key) }
            }
        }
    }
}

@Suite struct RequiredSignatures {
    private func event(
        _ version: RoomVersion, _ content: JSON.Object, as server: ServerName? = nil
    ) throws -> Event {
        try EventBuilder(
            version: version, roomID: RoomID("!r:a")!, type: "m.room.member", stateKey: "@u:b",
            sender: "@u:b", content: content
        ).build(signingWith: RoomFixture.key, as: server)
    }

    @Test func whoMustHaveSigned() throws {
        let join: JSON.Object = ["membership": "join"]
        #expect(EventSignature.requiredServers(for: try event(.v11, join)) == ["b"])
        // In the first versions the server that chose the identifier must sign too.
        #expect(EventSignature.requiredServers(for: try event(.v2, join, as: "c")) == ["b", "c"])
        #expect(EventSignature.requiredServers(for: try event(.v3, join, as: "c")) == ["b"])
        let vouched = join.merging(["join_authorised_via_users_server": "@v:d"])
        #expect(EventSignature.requiredServers(for: try event(.v8, vouched)) == ["b", "d"])
        #expect(EventSignature.requiredServers(for: try event(.v7, vouched)) == ["b"])
        let invite: JSON.Object = ["membership": "invite", "third_party_invite": [:]]
        #expect(EventSignature.requiredServers(for: try event(.v11, invite)) == [])
    }

    @Test func allSignaturesByKnownKeysMustHold() throws {
        let event = try event(.v11, ["membership": "join"])
        let key = RoomFixture.key
        func signers(_ event: Event, knows: Set<String> = ["ed25519:1"]) -> Set<ServerName> {
            EventSignature.servers(signing: event, among: ["b", "c"]) { _, identifier in
                knows.contains(identifier) ? key.verifyKey : nil
            }
        }
        #expect(signers(event) == ["b"])
        // Of unknown and expired keys nothing is known.
        #expect(signers(event, knows: []) == [])
        var json = event.json
        json["signatures"]!["b"]!["ed25519:2"] = "AAAA"
        let other = try Event(json: json, version: .v11)
        #expect(signers(other) == ["b"])
        #expect(signers(other, knows: ["ed25519:1", "ed25519:2"]) == [])
        json = event.json
        json["origin_server_ts"] = 1
        #expect(signers(try Event(json: json, version: .v11)) == [])
        // What a redaction removes may change, as may what is not signed.
        json = event.json
        json["content"]!["displayname"] = "U"
        json["unsigned"] = ["age": 1]
        #expect(signers(try Event(json: json, version: .v11)) == ["b"])
        json["signatures"] = ["b": ["rsa:1": "AAAA", "ed25519:1": 1]]
        #expect(signers(try Event(json: json, version: .v11)) == [])
    }
}
