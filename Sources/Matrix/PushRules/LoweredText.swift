/// A text in lower case, prepared so that many patterns can be looked for in it.
struct LoweredText: Sendable {
    let bytes: [UInt8]
    let scalars: [Unicode.Scalar]
    /// Says of a hash of three bytes whether they are somewhere in the text, sometimes wrongly yes;
    /// empty if nobody will ask.
    private var triples: [UInt64] = []

    /// - Parameters:
    ///   - text: The text.
    ///   - isSearchedOften: Whether to prepare for very many searches.
    init(_ text: String, isSearchedOften: Bool = false) {
        let lowered = text.lowercased()
        bytes = Array(lowered.utf8)
        scalars = Array(lowered.unicodeScalars)
        guard isSearchedOften else { return }
        triples = [UInt64](repeating: 0, count: 1_024)
        for start in bytes.indices.dropLast(2) {
            let hash = Self.hash(bytes, start)
            triples[hash / 64] |= 1 << UInt64(hash % 64)
        }
    }

    private static func hash(_ bytes: [UInt8], _ start: Int) -> Int {
        let triple =
            UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])
        return Int((triple &* 2_654_435_761) >> 16)
    }

    /// False if the bytes cannot be in the text, which spares most searches for the names of a large
    /// room's members.
    func mayContain(_ needle: [UInt8]) -> Bool {
        guard !triples.isEmpty else { return true }
        return needle.indices.dropLast(2).allSatisfy { start in
            let hash = Self.hash(needle, start)
            return triples[hash / 64] & 1 << UInt64(hash % 64) != 0
        }
    }

    /// Whether the bytes are in the text, starting and ending at word boundaries.
    func containsWords(_ needle: [UInt8]) -> Bool {
        guard needle.count <= bytes.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            needle.withUnsafeBufferPointer { needle in
                for start in 0...bytes.count - needle.count {
                    var length = 0
                    while length < needle.count, bytes[start + length] == needle[length] {
                        length += 1
                    }
                    guard length == needle.count else { continue }
                    if [start, start + length].allSatisfy({ position in
                        Self.isBoundary(position, bytes.count) { bytes[$0].isWordCharacter }
                    }) {
                        return true
                    }
                }
                return false
            }
        }
    }

    /// Whether a word may start or end before the character at this position: what lies on one of
    /// the sides is no character of a word, or nothing.
    static func isBoundary(
        _ position: Int, _ count: Int, isWordCharacter: (Int) -> Bool
    ) -> Bool {
        position == 0 || position == count || !isWordCharacter(position - 1)
            || !isWordCharacter(position)
    }
}

extension UInt8 {
    /// Whether the byte of a lower-case text is one of `a-z 0-9 _`.
    fileprivate var isWordCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Unicode.Scalar {
    /// Whether the character of a lower-case text is one of `a-z 0-9 _`.
    var isWordCharacter: Bool { isASCII && UInt8(value).isWordCharacter }
}
