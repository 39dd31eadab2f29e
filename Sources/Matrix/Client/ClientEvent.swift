public import JSON

/// Events in the format that clients get.
///
/// Every rendering ends with the object `unsigned`, whose last member is `age`, so that the
/// one client that sent the event can be given its `transaction_id` without rendering again.
///
/// Specification: client-server, "Room event format"; room version 11, "Moving the redacts
/// property".
public enum ClientEvent {
    /// What the rendering adds or leaves out.
    public struct Options: Sendable {
        /// Whether `room_id` is written; /sync leaves it out.
        public var includesRoomID: Bool
        /// How many milliseconds ago the event was sent.
        public var age: Int64
        /// The transaction identifier, for the client that sent the event.
        public var transactionID: String?
        /// The rendered redaction event, for an event that was redacted.
        public var redactedBecause: [UInt8]?
        /// Further members of `unsigned`, such as `m.relations` or `membership`; they win over
        /// stored ones.
        public var unsigned: JSON.Object

        /// Makes options.
        public init(
            includesRoomID: Bool = true, age: Int64 = 0, transactionID: String? = nil,
            redactedBecause: [UInt8]? = nil, unsigned: JSON.Object = [:]
        ) {
            self.includesRoomID = includesRoomID
            self.age = age
            self.transactionID = transactionID
            self.redactedBecause = redactedBecause
            self.unsigned = unsigned
        }
    }

    /// Renders a parsed event.
    public static func render(_ event: Event, _ options: Options = Options()) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.beginObject()
        writer.member("content", .object(content(of: event)))
        writer.member("event_id", string: event.eventID.text)
        writer.key("origin_server_ts")
        writer.integer(event.originServerTimestamp)
        if let redacts = event.redacts { writer.member("redacts", string: redacts.text) }
        if options.includesRoomID { writer.member("room_id", string: event.roomID.text) }
        writer.member("sender", string: event.sender.text)
        if let stateKey = event.stateKey { writer.member("state_key", string: stateKey) }
        writer.member("type", string: event.type)
        write(unsigned: event.unsigned, options, to: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// Renders an event as it is stored, copying its parts without parsing them.
    ///
    /// - Parameters:
    ///   - text: The event as servers exchange it, from `event_json`. It may be a redacted one.
    ///   - eventID: Its identifier.
    ///   - version: The version of its room.
    ///   - options: What to add or leave out.
    /// - Returns: The rendered event.
    /// - Throws: Why the stored text is not JSON.
    public static func render(
        stored text: RawSpan, eventID: EventID, version: RoomVersion,
        _ options: Options = Options()
    ) throws(JSON.ParseError) -> [UInt8] {
        let parts = try StoredEventParts(text)
        var writer = JSONWriter(reserving: text.byteCount + 128)
        writer.beginObject()
        func copy(_ key: String, _ range: Range<Int>?) {
            if let range { writer.member(key, raw: text.extracting(range)) }
        }
        if parts.isRedaction(in: text) {
            let (content, redacts) = try redactionParts(parts, of: text, version: version)
            writer.member("content", .object(content))
            writer.member("event_id", string: eventID.text)
            copy("origin_server_ts", parts.timestamp)
            if let redacts { writer.member("redacts", redacts) }
        } else {
            copy("content", parts.content)
            writer.member("event_id", string: eventID.text)
            copy("origin_server_ts", parts.timestamp)
        }
        if options.includesRoomID {
            if version.roomIDIsHash, parts.isCreation(in: text) {
                // The event cannot name the room that its own hash names.
                writer.member("room_id", string: RoomID(createdBy: eventID).text)
            } else {
                copy("room_id", parts.roomID)
            }
        }
        copy("sender", parts.sender)
        copy("state_key", parts.stateKey)
        copy("type", parts.type)
        var unsigned: JSON.Object = [:]
        if let range = parts.unsigned {
            unsigned = try JSON(parsing: text.extracting(range)).objectValue ?? [:]
        }
        write(unsigned: unsigned, options, to: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// Adds `transaction_id` to an event that was rendered without.
    public static func adding(transactionID: String, to rendered: [UInt8]) -> [UInt8] {
        precondition(rendered.suffix(2) == Array("}}".utf8)[...])
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rendered.count + transactionID.utf8.count + 24)
        bytes.append(contentsOf: rendered.dropLast(2))
        bytes.append(contentsOf: ",\"transaction_id\":".utf8)
        bytes.appendJSONString(transactionID)
        bytes.append(contentsOf: "}}".utf8)
        return bytes
    }

    /// What someone who is not in the room learns of a state event, as with an invitation.
    ///
    /// Specification: client-server, "Stripped state".
    public static func stripped(_ event: Event) -> JSON {
        [
            "content": .object(event.content), "sender": event.sender.json,
            "state_key": .string(event.stateKey ?? ""), "type": .string(event.type),
        ]
    }

    /// Clients of either age find the target of a redaction, in the content and beside it.
    private static func content(of event: Event) -> JSON.Object {
        var content = event.content
        if let redacts = event.redacts { content["redacts"] = redacts.json }
        return content
    }

    private static func redactionParts(
        _ parts: StoredEventParts, of text: RawSpan, version: RoomVersion
    ) throws(JSON.ParseError) -> (JSON.Object, JSON?) {
        var content: JSON.Object = [:]
        if let range = parts.content {
            content = try JSON(parsing: text.extracting(range)).objectValue ?? [:]
        }
        var target = content["redacts"]
        if !version.redactsIsInContent {
            target = nil
            if let range = parts.redacts { target = try JSON(parsing: text.extracting(range)) }
            if let target { content["redacts"] = target }
        }
        return (content, target)
    }

    private static func write(
        unsigned stored: JSON.Object, _ options: Options, to writer: inout JSONWriter
    ) {
        writer.key("unsigned")
        writer.beginObject()
        for (key, value) in stored.merging(options.unsigned) {
            switch key {
            case "age", "age_ts", "transaction_id": continue
            case "redacted_because" where options.redactedBecause != nil: continue
            default: writer.member(key, value)
            }
        }
        if let redaction = options.redactedBecause {
            writer.member("redacted_because", raw: redaction)
        }
        writer.key("age")
        writer.integer(options.age)
        if let transactionID = options.transactionID {
            writer.member("transaction_id", string: transactionID)
        }
        writer.endObject()
    }
}
