/// A value of a document, with the place where it was written.
public struct Node: Sendable {
    /// What a node holds, resolved by the rules of YAML 1.1.
    public enum Content: Sendable {
        /// `null`, `~` or nothing.
        case null
        /// `true`, `yes`, `on` and their opposites.
        case bool(Bool)
        /// A whole number that fits 64 bits.
        case integer(Int64)
        /// Any other number.
        case float(Double)
        /// Text, including timestamps, which stay as they were written.
        case string(String)
        /// A list.
        case sequence([Node])
        /// Keys and values.
        case mapping(Mapping)
    }

    /// What the node holds.
    public let content: Content
    /// A scalar as it was written, without quotes; empty for sequences and mappings.
    public let text: String
    /// Where the node begins.
    ///
    /// The place of an alias is the place of what it stands for.
    public let position: SourcePosition

    /// A node; for trees made by hand, mostly in tests.
    public init(_ content: Content, text: String = "", at position: SourcePosition) {
        self.content = content
        self.text = text
        self.position = position
    }

    /// Whether the node is null.
    public var isNull: Bool {
        if case .null = content { return true }
        return false
    }

    /// The truth value, if it is one.
    public var bool: Bool? {
        if case .bool(let value) = content { return value }
        return nil
    }

    /// The whole number, if it is one.
    public var integer: Int64? {
        if case .integer(let value) = content { return value }
        return nil
    }

    /// The number, whole or not, if it is one.
    public var number: Double? {
        switch content {
        case .integer(let value): return Double(value)
        case .float(let value): return value
        case .null, .bool, .string, .sequence, .mapping: return nil
        }
    }

    /// The text, if it is text.
    public var string: String? {
        if case .string(let value) = content { return value }
        return nil
    }

    /// The elements, if it is a list.
    public var sequence: [Node]? {
        if case .sequence(let value) = content { return value }
        return nil
    }

    /// The mapping, if it is one.
    public var mapping: Mapping? {
        if case .mapping(let value) = content { return value }
        return nil
    }

    /// The value under a key, if this is a mapping that has it.
    public subscript(key: String) -> Node? { mapping?[key] }

    /// What kind of value this is, for messages: "a list", "the number 5", "the text \"x\"".
    public var summary: String {
        switch content {
        case .null: return "nothing"
        case .bool(let value): return value ? "true" : "false"
        case .integer, .float: return "the number \(text)"
        case .string(let value): return "the text \(quotedScalar(value.prefixForMessages))"
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        }
    }
}

extension String {
    /// At most the first 60 characters, so that a message stays one line.
    fileprivate var prefixForMessages: String {
        count <= 60 ? self : "\(prefix(60))…"
    }
}
