import JSON
import Testing

@testable import Services

@Suite struct SyncFilterTests {
    @Test func anEmptyFilterIsPlain() throws {
        let filter = try SyncFilter([:])
        #expect(filter.isPlain)
        #expect(filter.timelineLimit == 10)
    }

    @Test func whatClientsUsuallySendIsPlain() throws {
        let filter = try SyncFilter([
            "room": [
                "timeline": ["limit": 20], "state": ["lazy_load_members": true],
            ], "presence": ["not_types": ["*"]],
        ])
        #expect(filter.isPlain)
        #expect(filter.timelineLimit == 20)
    }

    @Test func theLimitIsBounded() throws {
        let json: JSON = ["room": ["timeline": ["limit": 100_000]]]
        #expect(try SyncFilter(json).timelineLimit == SyncFilter.timelineLimitMax)
    }

    @Test func leavingThingsOutIsNotPlain() throws {
        let filters: [JSON] = [
            ["room": ["timeline": ["types": ["m.room.message"]]]],
            ["room": ["rooms": ["!a:b"]]], ["room": ["not_rooms": ["!a:b"]]],
            ["room": ["ephemeral": ["not_types": ["m.typing"]]]],
            ["room": ["timeline": ["not_senders": ["@a:b"]]]],
            ["event_fields": ["type"]], ["event_format": "federation"],
            ["presence": ["senders": ["@a:b"]]], ["room": ["timeline": ["rooms": ["!a:b"]]]],
            ["room": ["timeline": ["related_by_rel_types": ["m.thread"]]]],
            ["room": ["state": ["lazy_load_members": true, "types": ["m.room.name"]]]],
        ]
        for json in filters {
            let isPlain = try SyncFilter(json).isPlain
            #expect(!isPlain, "\(json)")
        }
    }

    @Test(arguments: [
        #"[]"#, #""x""#, #"{"room":[]}"#, #"{"room":{"timeline":{"limit":"1"}}}"#,
        #"{"room":{"timeline":{"limit":-1}}}"#, #"{"room":{"rooms":"!a:b"}}"#,
        #"{"room":{"timeline":{"types":[1]}}}"#, #"{"account_data":7}"#,
        #"{"room":{"include_leave":"yes"}}"#, #"{"event_fields":[1]}"#,
        #"{"event_format":"xml"}"#, #"{"room":{"state":{"lazy_load_members":1}}}"#,
        #"{"presence":{"types":["********* "]}}"#,
    ])
    func refusesNonsense(_ text: String) throws {
        let json = try JSON(parsing: text)
        #expect(throws: MatrixError.self) { try SyncFilter(json) }
    }
}
