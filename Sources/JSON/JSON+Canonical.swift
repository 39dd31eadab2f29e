extension JSON {
    /// The integers that canonical JSON can express: ±(2^53 - 1).
    public static let canonicalIntegers: ClosedRange<Int64> = -(1 << 53) + 1...(1 << 53) - 1

    /// Whether canonical JSON can express the value: all its numbers are integers in range.
    ///
    /// A number that was written with a fraction or an exponent does not count as an integer.
    public var isCanonical: Bool {
        switch self {
        case .null, .bool, .string: true
        case .integer(let value): Self.canonicalIntegers.contains(value)
        case .double: false
        case .array(let elements): elements.allSatisfy(\.isCanonical)
        case .object(let object): object.members.allSatisfy(\.value.isCanonical)
        }
    }

    /// The text in Matrix's canonical JSON.
    public var canonicalBytes: [UInt8] { bytes(style: .canonical) }
}

extension JSON.Object {
    /// The object's text in Matrix's canonical JSON.
    public var canonicalBytes: [UInt8] { JSON.object(self).canonicalBytes }
}
