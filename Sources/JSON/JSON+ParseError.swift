extension JSON {
    /// Why a text is not JSON, and where.
    public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        /// What was wrong.
        public enum Reason: String, Hashable, Sendable {
            /// The text ends inside a value.
            case unexpectedEnd = "unexpected end"
            /// A byte that cannot stand here.
            case unexpectedByte = "unexpected byte"
            /// Bytes other than white space follow the value.
            case trailingBytes = "bytes after the value"
            /// A number that breaks the grammar.
            case invalidNumber = "invalid number"
            /// A number whose magnitude no double holds.
            case numberOutOfRange = "number out of range"
            /// A backslash with something unknown after it.
            case invalidEscape = "invalid escape"
            /// A surrogate that is not half of a pair.
            case loneSurrogate = "lone surrogate"
            /// A string that is not UTF-8.
            case invalidUTF8 = "invalid UTF-8"
            /// A control character in a string.
            case controlCharacter = "control character in a string"
            /// More nested than the limits allow.
            case tooDeep = "nested too deeply"
            /// Longer than the limits allow.
            case tooLong = "too long"
        }

        /// The offset in bytes at which the text stopped being JSON.
        public let offset: Int
        /// What was wrong there.
        public let reason: Reason

        /// Makes an error.
        public init(offset: Int, reason: Reason) {
            self.offset = offset
            self.reason = reason
        }

        /// The reason with its offset.
        public var description: String { "\(reason.rawValue) at byte \(offset)" }
    }

    /// Bounds on what the parser accepts.
    public struct Limits: Sendable, Hashable {
        /// How many arrays and objects may be open at once.
        public var depthMax: Int
        /// How many bytes the text may have.
        public var bytesMax: Int

        /// Makes limits; at most 512 levels, since the parser recurses.
        public init(depthMax: Int = 128, bytesMax: Int = 1 << 20) {
            self.depthMax = Swift.min(depthMax, 512)
            self.bytesMax = bytesMax
        }
    }
}
