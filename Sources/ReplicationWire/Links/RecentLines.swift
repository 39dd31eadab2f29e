import Bytes

/// The last lines of a stream, as far as is needed to recognise a repeated one.
///
/// A real main repeats rows of `caches` after a few others, and sends rows of `backfill` in an
/// order that is not their tokens'. So a low token alone does not make a repeat.
struct RecentLines: Sendable {
    private static let countMax = 64

    private var digests: [UInt64] = []
    private var next = 0

    func contains(_ digest: UInt64) -> Bool { digests.contains(digest) }

    mutating func insert(_ digest: UInt64) {
        if digests.count < Self.countMax {
            digests.append(digest)
        } else {
            digests[next] = digest
            next = (next + 1) % Self.countMax
        }
    }

    /// A digest of a line; not one that withstands an enemy, whom a worker does not have here.
    static func digest(of line: RawSpan) -> UInt64 {
        var hash = UInt64(line.byteCount) &* 0x9E37_79B9_7F4A_7C15
        var offset = 0
        func mix(_ word: UInt64) {
            let product = (hash ^ word).multipliedFullWidth(by: 0x9FB2_1C65_1E98_DF25)
            hash = product.high ^ product.low
        }
        while offset + 8 <= line.byteCount {
            mix(line.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < line.byteCount {
            rest = rest << 8 | UInt64(line.byte(offset))
            offset += 1
        }
        mix(rest)
        return hash
    }
}
