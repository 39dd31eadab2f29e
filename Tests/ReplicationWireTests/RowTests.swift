import Bytes
import JSON
import ReplicationWire
import Testing

@Suite("Rows")
struct RowTests {
    @Test(
        "Both shapes of a row are read, and the shape of April 2017 is written",
        arguments: [
            (
                StreamName.receipts, "[\"!r\", \"m.read\", \"@a\", \"$e\", {\"ts\": 1}]",
                "[\"!r\",\"m.read\",\"@a\",\"$e\",\"{\\\"ts\\\": 1}\"]"
            ),
            (.accountData, "[\"@a\",null,\"m.x\"]", "[\"@a\",null,\"m.x\",null]"),
            (.accountData, "[\"@a\",null,\"m.x\",\"\"]", "[\"@a\",null,\"m.x\",null]"),
            (
                .events,
                "[\"ev\", [\"$e\", \"!r\", \"m/t\", \"\", null, null, \"join\", false, false]]",
                "[\"$e\",\"!r\",\"m\\/t\",\"\",null]"
            ),
            (.events, "[\"$e\",\"!r\",\"t\",null,\"$x\"]", "[\"$e\",\"!r\",\"t\",null,\"$x\"]"),
            (.currentStateDeltas, "[\"!r\",\"t\",\"é\",null]", "[\"!r\",\"t\",\"\\u00e9\",null]"),
            (.deviceLists, "[\"@a\"]", "[\"@a\",null]"),
            (.deviceLists, "[\"@a\",true]", "[\"@a\",null]"),
            (.publicRooms, "[\"!r\",true,null,null]", "[\"!r\",true,null,null]"),
            (.caches, "[\"c\",null,5]", "[\"c\",null,5]"),
            (.caches, "[\"c\",[],5.0]", "[\"c\",[],5]"),
            (.typing, "[\"!r\", [ ] ]", "[\"!r\",[]]"),
            (
                .pushers, "[\"@a\",\"app\",\"k \\ud83d\\ude00\",false]",
                "[\"@a\",\"app\",\"k \\ud83d\\ude00\",false]"
            ),
            (.pushRules, "[\"\\ud83d\"]", "[\"\\ufffd\"]"),
            (.toDevice, "[\"a\\tb\\\"\\\\\"]", "[\"a\\tb\\\"\\\\\"]"),
        ])
    func shapes(stream: StreamName, read: String, written: String) throws {
        let row = try ReplicationRow(stream, json: Array(read.utf8).span.bytes)
        if case .other = row { Issue.record("not understood") }
        var bytes: [UInt8] = []
        row.write(to: &bytes, stream: stream)
        #expect(String(decoding: bytes, as: UTF8.self) == written)
    }

    @Test(
        "Text that is not JSON throws",
        arguments: ["", "[", "[\"a\"", "[\"a\",]", "[\"a\"]]", "[\"a\" \"b\"]", "[\"\\x\"]", "a"])
    func notJSON(text: String) {
        #expect(throws: JSON.ParseError.self) {
            _ = try ReplicationRow(.pushRules, json: Array(text.utf8).span.bytes)
        }
    }

    @Test("A row too long for old receivers is shortened without losing its meaning")
    func shortened() {
        let row = ReplicationRow.accountData(
            AccountDataStreamRow(userID: "@a", roomID: nil, type: "t", data: "{}"))
        guard case .accountData(let short)? = row.shortened else {
            Issue.record("not shortened")
            return
        }
        #expect(short.data == nil && short.type == "t")
        #expect(ReplicationRow.pushRules(PushRulesStreamRow(userID: "@a")).shortened == nil)
    }

    @Test("Stream names are those of the wire")
    func names() {
        for stream in StreamName.known { #expect(StreamName(stream.name) == stream) }
        #expect(StreamName.classic.count == 14)
        #expect(StreamName("tea") == .other("tea"))
    }
}
