/// Ways to cut an input, the same ones each time the input comes.
package enum Pieces {
    /// Byte by byte, and three ways that depend on the bytes.
    package static func of(_ input: [UInt8]) -> [[[UInt8]]] {
        var random = Seeded(input)
        return [input.map { [$0] }] + [3, 17, 200].map { cut(input, longest: $0, &random) }
    }

    private static func cut(
        _ input: [UInt8], longest: Int, _ random: inout Seeded
    ) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < input.count {
            // Empty pieces are among them.
            let end = min(input.count, start + Int.random(in: 0...longest, using: &random))
            pieces.append(Array(input[start..<end]))
            start = end
        }
        return pieces
    }
}

/// SplitMix64, seeded by the FNV-1a hash of an input.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    init(_ input: [UInt8]) {
        for byte in input { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
