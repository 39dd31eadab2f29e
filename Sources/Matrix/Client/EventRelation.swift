public import JSON

/// What an event says of another one in `m.relates_to`.
///
/// Specification: client-server, "Forming relationships between events", "Rich replies",
/// "Threading", "Event replacements".
public struct EventRelation: Hashable, Sendable {
    /// How the events are related.
    public enum Kind: Hashable, Sendable {
        /// An annotation with a key, such as a reaction with an emoji (`m.annotation`).
        case annotation(key: String)
        /// An edit (`m.replace`).
        case replacement
        /// A reference (`m.reference`).
        case reference
        /// A message of a thread, whose root the other event is (`m.thread`).
        case thread
        /// Any other `rel_type`.
        case other(String)
    }

    /// How the events are related.
    public let kind: Kind
    /// The other event.
    public let eventID: EventID
    /// For a message of a thread, the event that it answers, or seems to answer to clients without
    /// threads.
    public let inReplyTo: EventID?
    /// Whether `inReplyTo` is only there for clients without threads.
    public let isFallingBack: Bool

    /// Reads the relation of a content; nil if there is none, or if it is malformed, in which case
    /// it is no relation. A rich reply on its own has no `rel_type` and is none either; see
    /// `reply(in:)`. Of encrypted events the relation is in the open.
    public init?(_ content: JSON.Object) {
        guard let relation = content["m.relates_to"],
            let type = relation["rel_type"]?.stringValue,
            let eventID = relation["event_id"]?.stringValue.flatMap({ EventID($0) })
        else { return nil }
        switch type {
        case "m.annotation":
            guard let key = relation["key"]?.stringValue else { return nil }
            kind = .annotation(key: key)
        case "m.replace": kind = .replacement
        case "m.reference": kind = .reference
        case "m.thread": kind = .thread
        default: kind = .other(type)
        }
        self.eventID = eventID
        let reply = kind == .thread ? Self.reply(in: content) : nil
        inReplyTo = reply
        isFallingBack = reply != nil && relation["is_falling_back"] == true
    }

    /// The event that a content answers (`m.in_reply_to`), in a thread or not.
    public static func reply(in content: JSON.Object) -> EventID? {
        content["m.relates_to"]?["m.in_reply_to"]?["event_id"]?.stringValue
            .flatMap { EventID($0) }
    }

    /// The `rel_type`.
    public var type: String {
        switch kind {
        case .annotation: "m.annotation"
        case .replacement: "m.replace"
        case .reference: "m.reference"
        case .thread: "m.thread"
        case .other(let type): type
        }
    }

    /// What annotations are counted by.
    public var key: String? {
        if case .annotation(let key) = kind { key } else { nil }
    }

    /// Whether the event may be the root of a thread: it must not be related to another event
    /// itself.
    public static func canBeThreadRoot(_ event: Event) -> Bool {
        event.content["m.relates_to"]?["rel_type"] == nil
    }

    /// Whether an event is a valid edit of another: of the same sender, room and type, neither of
    /// them state, the other no edit itself, and with the new content, which only encryption may
    /// hide.
    public static func isValidReplacement(_ edit: Event, of original: Event) -> Bool {
        guard let relation = EventRelation(edit.content), relation.kind == .replacement,
            relation.eventID == original.eventID
        else { return false }
        return edit.roomID == original.roomID && edit.sender == original.sender
            && edit.type == original.type && !edit.isState && !original.isState
            && original.content["m.relates_to"]?["rel_type"] != "m.replace"
            && (edit.type == EventType.encrypted
                || edit.content["m.new_content"]?.objectValue != nil)
    }
}
