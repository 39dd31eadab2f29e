/// Keys and values in the order of the file.
///
/// Keys are scalars. Of two equal keys the later one wins, as in PyYAML; `Document.duplicateKeys` tells.
public struct Mapping: Sendable {
    /// A key with its value.
    public struct Entry: Sendable {
        /// The key.
        public let key: Node
        /// The value.
        public let value: Node
    }

    /// The entries in the order of the file, merged ones (`<<`) first.
    public private(set) var entries: [Entry] = []
    private var places: [String: Int] = [:]

    /// An empty mapping.
    public init() {}

    /// How many entries there are.
    public var count: Int { entries.count }

    /// The value under a text key.
    public subscript(key: String) -> Node? { entry(key)?.value }

    /// The entry under a text key, for the place of the key itself.
    public func entry(_ key: String) -> Entry? {
        places["s\(key)"].map { entries[$0] }
    }

    /// Puts a value under a key.
    ///
    /// An equal key is replaced and returned.
    @discardableResult
    public mutating func set(_ key: Node, _ value: Node) -> Entry? {
        let entry = Entry(key: key, value: value)
        let identity = Mapping.identity(of: key)
        if let place = places[identity] {
            let former = entries[place]
            entries[place] = entry
            return former
        }
        places[identity] = entries.count
        entries.append(entry)
        return nil
    }

    /// Text and numbers that look alike are different keys: `1` is not `"1"`.
    private static func identity(of key: Node) -> String {
        switch key.content {
        case .null: return "n"
        case .bool(let value): return value ? "bt" : "bf"
        case .integer(let value): return "i\(value)"
        case .float(let value): return "f\(value)"
        case .string(let value): return "s\(value)"
        case .sequence, .mapping: return "?"
        }
    }
}
