import JSON
import Matrix
import Testing

@Suite struct Filters {
    private let room = RoomID("!r:a")!

    @Test func anEmptyFilterLeavesAll() throws {
        let filter = try Filter([:])
        #expect(filter == .all)
        #expect(filter.format == .client)
        #expect(filter.eventFields == nil)
        #expect(filter.room.timeline.limit == nil)
        #expect(filter.room.timeline.passesAll)
        #expect(!filter.room.timeline.passesNothing)
        #expect(!filter.room.includesLeave)
        #expect(filter.room.shows(room: room))
        #expect(
            filter.presence.passes(type: "m.presence", sender: nil, room: nil, containsURL: false))
    }

    @Test func allFieldsAreRead() throws {
        let text = """
            {"event_fields":["type","content.body"],"event_format":"federation",
            "presence":{"not_types":["*"]},"account_data":{"types":["m.x"]},
            "room":{"rooms":["!r:a"],"not_rooms":["!s:a"],"include_leave":true,
            "timeline":{"limit":7,"types":["m.room.*"],"not_types":["m.room.x"],
            "senders":["@a:a"],"not_senders":["@b:a"],"rooms":["!r:a"],"not_rooms":["!t:a"],
            "contains_url":true,"unread_thread_notifications":true},
            "state":{"lazy_load_members":true,"include_redundant_members":true},
            "ephemeral":{"limit":0},"account_data":{"types":[]},"org.unknown":1}}
            """
        let json = try #require(try JSON(parsing: text).objectValue)
        let filter = try Filter(json)
        #expect(filter.json == json)
        #expect(filter.eventFields == ["type", "content.body"])
        #expect(filter.format == .federation)
        #expect(filter.presence.passesNothing)
        #expect(filter.accountData.types == ["m.x"])
        #expect(filter.room.includesLeave)
        #expect(filter.room.shows(room: room))
        #expect(!filter.room.shows(room: RoomID("!s:a")!))
        #expect(!filter.room.shows(room: RoomID("!u:a")!))
        #expect(filter.room.timeline.limit == 7)
        #expect(filter.room.timeline.countsThreadsApart)
        #expect(filter.room.state.lazyLoadsMembers)
        #expect(filter.room.state.includesRedundantMembers)
        #expect(filter.room.ephemeral.passesNothing)
        #expect(filter.room.accountData.passesNothing)
    }

    @Test(arguments: [
        (#"{"event_fields":"x"}"#, "event_fields"), (#"{"event_format":"x"}"#, "event_format"),
        (#"{"event_format":1}"#, "event_format"), (#"{"presence":[]}"#, "presence"),
        (#"{"room":1}"#, "room"), (#"{"room":{"rooms":[1]}}"#, "room.rooms"),
        (#"{"room":{"include_leave":1}}"#, "room.include_leave"),
        (#"{"room":{"timeline":{"limit":"10"}}}"#, "room.timeline.limit"),
        (#"{"room":{"timeline":{"limit":-1}}}"#, "room.timeline.limit"),
        (#"{"room":{"state":{"types":{}}}}"#, "room.state.types"),
        (#"{"room":{"state":{"lazy_load_members":"true"}}}"#, "room.state.lazy_load_members"),
    ])
    func wrongFieldsAreNamed(text: String, field: String) throws {
        let json = try #require(try JSON(parsing: text).objectValue)
        let error = #expect(throws: FilterError.self) { try Filter(json) }
        #expect(error?.field == field)
    }

    @Test func filtersHaveBounds() throws {
        let many = JSON.array(Array(repeating: "@a:a", count: 1001))
        let long = JSON.string(String(repeating: "x", count: 511))
        let stars = JSON.string(String(repeating: "*a", count: 9))
        let wrong: [JSON.Object] = [
            ["room": ["timeline": ["senders": many]]], ["room": ["rooms": [long]]],
            ["event_fields": [long]], ["presence": ["types": [stars]]],
            ["room": ["state": ["related_by_senders": many]]],
        ]
        for json in wrong { #expect(throws: FilterError.self) { try Filter(json) } }
    }

    @Test func eventsPass() throws {
        let filter = try EventFilter([
            "types": ["m.room.*", "m.x"], "not_types": ["*.secret"], "senders": ["@a:a"],
            "not_rooms": ["!no:a"], "contains_url": false,
        ])
        func passes(
            _ type: String, _ sender: String? = "@a:a", room: RoomID? = nil, url: Bool = false
        ) -> Bool {
            filter.passes(type: type, sender: sender, room: room ?? self.room, containsURL: url)
        }
        #expect(passes("m.room.message"))
        #expect(passes("m.x"))
        #expect(!passes("m.xy"))
        #expect(!passes("m.room.secret"))
        #expect(!passes("m.x", "@b:a"))
        #expect(!passes("m.x", nil))
        #expect(!passes("m.x", room: RoomID("!no:a")!))
        #expect(!passes("m.x", url: true))
    }

    @Test(arguments: [
        ("", "", true), ("", "*", true), ("a", "", false), ("abc", "abc", true),
        ("abc", "a*", true), ("abc", "*c", true), ("abc", "a*c", true), ("abc", "*b*", true),
        ("abc", "*x*", false), ("abc", "**", true), ("abc", "a*b", false), ("aXbXc", "a*X*c", true),
        ("abcabc", "*abc", true), ("a?c", "a?c", true), ("abc", "a?c", false),
    ])
    func globs(text: String, pattern: String, matches: Bool) {
        #expect(Glob.matches(text, pattern: pattern) == matches)
    }

    @Test func questionMarksMatchOneCharacterIfAsked() {
        #expect(Glob.matches("aéc", pattern: "a?c", questionMarkMatches: true))
        #expect(!Glob.matches("ac", pattern: "a?c", questionMarkMatches: true))
    }

    @Test func hostileGlobsEnd() {
        let text = String(repeating: "a", count: 2_000)
        let pattern = String(repeating: "*a", count: 500) + "*b"
        #expect(!Glob.matches(text, pattern: pattern))
    }
}
