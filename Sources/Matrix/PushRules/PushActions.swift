public import JSON

/// What a push rule does with the events that it matches.
///
/// Specification: client-server, "Push Rules", "Actions".
public struct PushActions: Hashable, Sendable {
    /// The actions as clients get them, without the historical ones, which mean nothing.
    public let elements: [JSON]
    /// Whether the event makes a notification.
    public let notifies: Bool
    /// Whether the notification is to be highlighted.
    public let highlights: Bool
    /// The sound to be played, such as `default`.
    public let sound: String?

    /// Nothing: the event makes no notification.
    public static let none = PushActions(trusted: [])

    /// Reads a rule's actions; nil if the value is not a list of actions.
    public init?(_ json: JSON) {
        guard let elements = json.arrayValue, elements.allSatisfy(Self.isAction) else {
            return nil
        }
        self.init(trusted: elements)
    }

    init(trusted elements: [JSON]) {
        self.elements = elements.filter { !["dont_notify", "coalesce"].contains($0) }
        notifies = elements.contains("notify")
        var tweaks: [String: JSON] = [:]
        for element in elements {
            if let name = element["set_tweak"]?.stringValue {
                tweaks[name] = element["value"] ?? true
            }
        }
        sound = tweaks["sound"]?.stringValue
        highlights = tweaks["highlight"]?.boolValue ?? false
    }

    /// The actions as clients get them.
    public var json: JSON { .array(elements) }

    private static func isAction(_ json: JSON) -> Bool {
        if let name = json.stringValue {
            return ["notify", "dont_notify", "coalesce"].contains(name)
        }
        return json["set_tweak"]?.stringValue != nil
    }
}
