extension JSON {
    /// How values are written.
    ///
    /// Members always come in the order of their keys' code points.
    public struct Style: Sendable, Hashable {
        /// Whether everything beyond ASCII is written as `\uXXXX`.
        public var isASCIIOnly: Bool
        /// Whether `/` is written as `\/`.
        public var escapesSlashes: Bool
        /// Whether each member and element has a line of its own, indented by two spaces.
        public var isIndented: Bool
        /// Whether an integral double is written as an integer.
        public var writesIntegralDoublesAsIntegers: Bool

        /// Makes a style.
        public init(
            isASCIIOnly: Bool = false, escapesSlashes: Bool = false, isIndented: Bool = false,
            writesIntegralDoublesAsIntegers: Bool = false
        ) {
            self.isASCIIOnly = isASCIIOnly
            self.escapesSlashes = escapesSlashes
            self.isIndented = isIndented
            self.writesIntegralDoublesAsIntegers = writesIntegralDoublesAsIntegers
        }

        /// No white space, UTF-8.
        public static let compact = Style()
        /// Matrix's canonical JSON, for values that can be written so.
        ///
        /// Others (see `JSON.isCanonical`) are written as well as they can be, as old events
        /// need it.
        public static let canonical = Style(writesIntegralDoublesAsIntegers: true)
        /// No white space, ASCII.
        public static let ascii = Style(isASCIIOnly: true)
        /// No white space, ASCII, `\/` for `/`: what the classic replication peers wrote.
        public static let asciiEscapingSlashes = Style(isASCIIOnly: true, escapesSlashes: true)
        /// For people.
        public static let pretty = Style(isIndented: true)
    }
}
