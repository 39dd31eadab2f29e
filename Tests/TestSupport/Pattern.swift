/// Bytes with a long period, so that a lost or doubled piece shows.
public func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var position = start
    while bytes.count < count {
        let offset = position % period.count
        let piece = period[offset..<min(period.count, offset + count - bytes.count)]
        bytes.append(contentsOf: piece)
        position += piece.count
    }
    return bytes
}

private let period: [UInt8] = (0..<65_521).map {
    UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &* 7)
}
