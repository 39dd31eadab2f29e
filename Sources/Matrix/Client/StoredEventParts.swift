import Bytes
import JSON

/// Where the parts of a stored event are in its text.
struct StoredEventParts {
    var content: Range<Int>?
    var timestamp: Range<Int>?
    var redacts: Range<Int>?
    var roomID: Range<Int>?
    var sender: Range<Int>?
    var stateKey: Range<Int>?
    var type: Range<Int>?
    var unsigned: Range<Int>?

    init(_ text: RawSpan) throws(JSON.ParseError) {
        var parts = StoredEventParts()
        try JSON.forEachMember(of: text) { key, range in
            switch key {
            case "content": parts.content = range
            case "origin_server_ts": parts.timestamp = range
            case "redacts": parts.redacts = range
            case "room_id": parts.roomID = range
            case "sender": parts.sender = range
            case "state_key": parts.stateKey = range
            case "type": parts.type = range
            case "unsigned": parts.unsigned = range
            default: break
            }
        }
        self = parts
    }

    private init() {}

    func isRedaction(in text: RawSpan) -> Bool { hasType("\"m.room.redaction\"", in: text) }

    func isCreation(in text: RawSpan) -> Bool { hasType("\"m.room.create\"", in: text) }

    private func hasType(_ quoted: StaticString, in text: RawSpan) -> Bool {
        guard let type else { return false }
        return text.extracting(type).equals(quoted)
    }
}
