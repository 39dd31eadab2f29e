public import JSON

/// The fields of events that a client wants, by paths such as `content.body`.
///
/// Dots separate the names of a path; a backslash before a dot or a backslash makes it part of a name.
/// Specification: appendices, "Dot-separated property paths"; client-server, "Filtering", `event_fields`.
public struct FieldSelection: Sendable, Hashable {
    /// What is kept of an object.
    private struct Node: Sendable, Hashable {
        /// Whether all of it is.
        var isWhole = false
        var members: [String: Node] = [:]

        mutating func insert(_ path: ArraySlice<String>) {
            guard let name = path.first else {
                isWhole = true
                return
            }
            members[name, default: Node()].insert(path.dropFirst())
        }

        func apply(_ value: JSON) -> JSON? {
            if isWhole { return value }
            guard let object = value.objectValue else { return nil }
            let kept = apply(object)
            return kept.isEmpty ? nil : .object(kept)
        }

        func apply(_ object: JSON.Object) -> JSON.Object {
            var kept = JSON.Object()
            for (name, node) in members {
                kept[name] = object[name].flatMap(node.apply)
            }
            return kept
        }
    }

    private var root = Node()

    /// A selection of these paths.
    public init(_ paths: [String]) {
        for path in paths { root.insert(Self.names(path)[...]) }
    }

    /// The object with the selected fields only.
    public func apply(_ object: JSON.Object) -> JSON.Object { root.apply(object) }

    /// The names of a path.
    static func names(_ path: String) -> [String] {
        var names: [String] = []
        var name: [UInt8] = []
        var isEscaped = false
        for byte in path.utf8 {
            if isEscaped {
                // Before any other character a backslash is itself.
                if byte != UInt8(ascii: "."), byte != UInt8(ascii: "\\") {
                    name.append(UInt8(ascii: "\\"))
                }
                name.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ".") {
                names.append(String(decoding: name, as: UTF8.self))
                name.removeAll()
            } else {
                name.append(byte)
            }
        }
        if isEscaped { name.append(UInt8(ascii: "\\")) }
        names.append(String(decoding: name, as: UTF8.self))
        return names
    }
}
