import JSON

/// Where a property is in an event, as `content.m\.relates_to.rel_type`.
///
/// Specification: appendices, "Dot-separated property paths".
public struct PropertyPath: Hashable, Sendable {
    /// The path as it was written.
    public let text: String
    /// The names of the properties on the way.
    public let names: [String]

    /// The path of a message's text.
    public static let body = PropertyPath("content.body")

    /// Reads a path. Before a dot or a backslash a backslash takes away its meaning; others mean
    /// themselves.
    public init(_ text: String) {
        self.text = text
        var names: [String] = []
        var name = String.UnicodeScalarView()
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                if character != ".", character != "\\" { name.append("\\") }
                name.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "." {
                names.append(String(name))
                name = String.UnicodeScalarView()
            } else {
                name.append(character)
            }
        }
        if isEscaped { name.append("\\") }
        self.names = names + [String(name)]
    }

    /// The property of an event; its room and its identifier are properties in all room versions.
    func value(in event: Event) -> JSON? {
        var value: JSON?
        switch names[0] {
        case "content": value = .object(event.content)
        case "room_id": value = event.roomID.json
        case "event_id": value = event.eventID.json
        default: value = event.json[names[0]]
        }
        for name in names.dropFirst() { value = value?[name] }
        return value
    }
}
