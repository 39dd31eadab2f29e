import JSON
import Matrix
import Testing

private let alice: UserID = "@alice:a"

@Suite struct ClientEvents {
    private let room = RoomFixture()

    /// Renders both ways, which must agree.
    private func render(
        _ event: Event, _ options: ClientEvent.Options = .init()
    ) throws -> String {
        let parsed = ClientEvent.render(event, options)
        let stored = try ClientEvent.render(
            stored: event.json.canonicalBytes.span.bytes,
            eventID: event.eventID, version: event.version,
            options)
        #expect(stored == parsed)
        #expect(throws: Never.self) { try JSON(parsing: parsed) }
        return String(decoding: parsed, as: UTF8.self)
    }

    private func renderStored(_ text: [UInt8]) throws {
        _ = try ClientEvent.render(stored: text.span.bytes, eventID: "$e", version: .v10)
    }

    @Test func aMessage() throws {
        let event = room.event("m.room.message", sender: alice, ["body": "é/\n"])
        let id = event.eventID.text
        #expect(
            try render(event)
                == #"{"content":{"body":"é/\n"},"event_id":"\#(id)","origin_server_ts":0,"#
                + #""room_id":"!room:a","sender":"@alice:a","type":"m.room.message","#
                + #""unsigned":{"age":0}}"#)
    }

    @Test func aStateEventInASync() throws {
        let event = room.event("m.room.topic", key: "", sender: alice, ["topic": "t"])
        let text = try render(
            event,
            .init(includesRoomID: false, age: 12, unsigned: ["prev_content": ["topic": "s"]]))
        #expect(
            text
                == #"{"content":{"topic":"t"},"event_id":"\#(event.eventID.text)","#
                + #""origin_server_ts":0,"sender":"@alice:a","state_key":"","#
                + #""type":"m.room.topic","unsigned":{"prev_content":{"topic":"s"},"age":12}}"#)
    }

    @Test func storedUnsignedIsKeptButForItsAge() throws {
        var json = room.event("m.x", sender: alice).json
        json["unsigned"] = [
            "age": 5, "age_ts": 7, "transaction_id": "x", "replaces_state": "$r",
            "prev_sender": "@p:a",
        ]
        let event = try Event(json: json, version: .v10)
        let text = try render(event, .init(age: 1, unsigned: ["replaces_state": "$s"]))
        #expect(
            text.hasSuffix(
                #""unsigned":{"prev_sender":"@p:a","replaces_state":"$s","age":1}}"#))
    }

    @Test func theTransactionIDCanBeAddedLater() throws {
        let event = room.event("m.x", sender: alice)
        let direct = try render(event, .init(age: 3, transactionID: "t\"1"))
        let later = ClientEvent.adding(
            transactionID: "t\"1", to: ClientEvent.render(event, .init(age: 3)))
        #expect(String(decoding: later, as: UTF8.self) == direct)
        #expect(direct.hasSuffix(#","unsigned":{"age":3,"transaction_id":"t\"1"}}"#))
    }

    @Test func aRedactedEventSaysBecauseOfWhat() throws {
        let event = room.event("m.room.message", sender: alice, ["body": "x"]).redacted()
        let text = try render(event, .init(redactedBecause: Array(#"{"type":"r"}"#.utf8)))
        #expect(text.hasPrefix(#"{"content":{},"event_id":"#))
        #expect(text.hasSuffix(#""unsigned":{"redacted_because":{"type":"r"},"age":0}}"#))
    }

    @Test(arguments: [RoomVersion.v10, .v11])
    func aRedactionNamesItsTargetInBothPlaces(version: RoomVersion) throws {
        let event = try EventBuilder(
            version: version, roomID: room.roomID, type: "m.room.redaction", sender: alice,
            content: ["reason": "r"], redacts: "$target"
        ).build(signingWith: RoomFixture.key)
        let value = try JSON(parsing: try render(event))
        #expect(value["redacts"] == "$target")
        #expect(value["content"] == ["reason": "r", "redacts": "$target"])
        let redacted = try JSON(parsing: try render(event.redacted()))
        #expect(redacted["redacts"] == (version == .v11 ? "$target" : nil))
    }

    @Test func aForgedTargetInTheContentDoesNotCount() throws {
        let event = try EventBuilder(
            version: .v10, roomID: room.roomID, type: "m.room.redaction", sender: alice,
            content: ["redacts": "$forged"]
        ).build(signingWith: RoomFixture.key)
        #expect(event.redacts == nil)
        #expect(try JSON(parsing: try render(event))["redacts"] == nil)
    }

    @Test func storedTextMayHaveWhiteSpaceAndAnyOrder() throws {
        let text = Array(
            """
            { "type" : "m.x", "unsigned" : {}, "sender":"@a:a" , "room_id": "!r:a",
              "origin_server_ts": 5, "content": { "a" : [ 1 , 2 ] }, "hashes": {} }
            """.utf8)
        let rendered = try ClientEvent.render(
            stored: text.span.bytes, eventID: "$e", version: .v10)
        #expect(
            String(decoding: rendered, as: UTF8.self)
                == #"{"content":{ "a" : [ 1 , 2 ] },"event_id":"$e","origin_server_ts":5,"#
                + #""room_id":"!r:a","sender":"@a:a","type":"m.x","unsigned":{"age":0}}"#)
        #expect(throws: JSON.ParseError.self) { try renderStored(text.dropLast()) }
    }

    @Test func strippedState() {
        let event = room.event("m.room.name", key: "", sender: alice, ["name": "N"])
        #expect(
            ClientEvent.stripped(event)
                == [
                    "type": "m.room.name", "state_key": "", "sender": "@alice:a",
                    "content": ["name": "N"],
                ])
    }

    @Test func bothWaysAgreeOnRandomEvents() throws {
        for seed in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let isState = Bool.random(using: &generator)
            let event = room.event(
                "m.x", key: isState ? "k\"" : nil, sender: alice,
                JSON.randomObject(using: &generator))
            let text = try render(event, .init(includesRoomID: isState, age: Int64(seed)))
            #expect(try JSON(parsing: text)["content"] == .object(event.content))
        }
    }
}
