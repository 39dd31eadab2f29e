import Bytes
import JSON
import Matrix
import Storage

/// Writes stored events as clients see them.
///
/// The parts that stay are copied from the stored text without being parsed into values.
enum EventRenderer {
    /// Appends an event as timelines show it; false, with nothing appended, if the stored text is broken.
    ///
    /// The text ends with the members of `unsigned` and two closing braces, before which
    /// ``insertTransaction(_:into:)`` can put the sender's transaction id.
    static func appendTimelineEvent(
        _ event: SyncEvent, now: Int64, to output: inout [UInt8]
    ) -> Bool {
        guard var text = clientText(of: event) else { return false }
        let age = max(0, now - (text.originServerTimestamp ?? now))
        text.bytes.append(contentsOf: Array(",\"unsigned\":{\"age\":".utf8))
        text.bytes.appendDecimal(age)
        if let replaced = event.replaced, event.redaction == nil {
            text.bytes.append(contentsOf: Array(",\"replaces_state\":".utf8))
            text.bytes.appendJSONString(replaced.eventID)
            appendMember("content", of: replaced.json, as: "prev_content", to: &text.bytes)
            appendMember("sender", of: replaced.json, as: "prev_sender", to: &text.bytes)
        }
        if let redaction = event.redaction, let because = redactionText(redaction) {
            text.bytes.append(contentsOf: Array(",\"redacted_because\":".utf8))
            text.bytes.append(contentsOf: because)
        }
        text.bytes.append(contentsOf: Array("}}".utf8))
        output.append(contentsOf: text.bytes)
        return true
    }

    /// Puts a transaction id into the text of one event.
    static func insertTransaction(_ id: String, into event: [UInt8]) -> [UInt8] {
        var bytes = Array(event.dropLast(2))
        bytes.append(contentsOf: Array(",\"transaction_id\":".utf8))
        bytes.appendJSONString(id)
        bytes.append(contentsOf: Array("}}".utf8))
        return bytes
    }

    /// Appends what people who are not members see of state: no id, no time.
    static func appendStripped(_ event: SyncEvent, to output: inout [UInt8]) -> Bool {
        guard let json = prunedIfRedacted(event) else { return false }
        var writer = JSONWriter(reserving: json.count)
        writer.beginObject()
        guard copy(["type", "sender", "state_key", "content"], from: json, to: &writer) else {
            return false
        }
        writer.endObject()
        output.append(contentsOf: writer.bytes)
        return true
    }

    // MARK: Parts

    private struct Text {
        /// The object's text without its closing brace.
        var bytes: [UInt8]
        var originServerTimestamp: Int64?
    }

    private static let shown: Set<String> = [
        "type", "sender", "content", "state_key", "origin_server_ts", "redacts",
    ]

    private static func clientText(of event: SyncEvent) -> Text? {
        guard let json = prunedIfRedacted(event) else { return nil }
        return clientText(eventID: event.eventID, json: json)
    }

    private static func clientText(eventID: String?, json: [UInt8]) -> Text? {
        var writer = JSONWriter(reserving: json.count + 160)
        writer.beginObject()
        var timestamp: Int64?
        guard copy(shown, from: json, to: &writer, timestamp: &timestamp) else { return nil }
        if let eventID { writer.member("event_id", string: eventID) }
        return Text(bytes: writer.bytes, originServerTimestamp: timestamp)
    }

    /// The text of the event that redacts another. Its own id is not in its text in later room versions.
    private static func redactionText(_ json: [UInt8]) -> [UInt8]? {
        guard var text = clientText(eventID: nil, json: json) else { return nil }
        text.bytes.append(UInt8(ascii: "}"))
        return text.bytes
    }

    private static func copy(
        _ keys: Set<String>, from json: [UInt8], to writer: inout JSONWriter
    ) -> Bool {
        var timestamp: Int64?
        return copy(keys, from: json, to: &writer, timestamp: &timestamp)
    }

    private static func copy(
        _ keys: Set<String>, from json: [UInt8], to writer: inout JSONWriter,
        timestamp: inout Int64?
    ) -> Bool {
        let bytes = json.span.bytes
        do {
            try JSON.forEachMember(of: bytes) { key, range in
                guard keys.contains(key) else { return }
                let value = bytes.extracting(range)
                if key == "origin_server_ts" { timestamp = parseSigned(value) }
                writer.member(key, raw: value)
            }
            return true
        } catch {
            return false
        }
    }

    private static func appendMember(
        _ key: String, of json: [UInt8], as name: StaticString, to output: inout [UInt8]
    ) {
        let bytes = json.span.bytes
        var found: Range<Int>?
        // A stored event that does not parse has nothing to show here; the event itself is shown.
        try? JSON.forEachMember(of: bytes) { if $0 == key { found = $1 } }
        guard let found else { return }
        output.append(contentsOf: Array(",\"\(name)\":".utf8))
        output.append(contentsOf: json[found])
    }

    private static func prunedIfRedacted(_ event: SyncEvent) -> [UInt8]? {
        guard event.redaction != nil else { return event.json }
        guard let json = try? JSON(parsing: event.json).objectValue,
            // A version that this release does not know keeps the least.
            let version = RoomVersion(rawValue: event.roomVersion) ?? RoomVersion.allCases.first
        else { return nil }
        return JSON.object(Redaction.redact(json, version: version)).bytes
    }
}
