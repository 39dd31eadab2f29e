/// Comparison of strings by their UTF-8 bytes, which is the order of their code points.
extension String {
    package func hasSameBytes(as other: String) -> Bool {
        compareBytes(with: other) == 0
    }

    package func precedesInBytes(_ other: String) -> Bool {
        compareBytes(with: other) < 0
    }

    package func hashBytes(into hasher: inout Hasher) {
        var copy = self
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // A terminator, so that ("ab", "c") and ("a", "bc") differ; 0xFF occurs in no UTF-8.
        hasher.combine(0xFF as UInt8)
    }

    /// Negative, zero or positive, as `memcmp`.
    func compareBytes(with other: String) -> Int {
        var left = self
        var right = other
        return left.withUTF8 { left in
            right.withUTF8 { right in
                let shared = Swift.min(left.count, right.count)
                var index = 0
                while index < shared {
                    if left[index] != right[index] {
                        return Int(left[index]) - Int(right[index])
                    }
                    index += 1
                }
                return left.count - right.count
            }
        }
    }
}
