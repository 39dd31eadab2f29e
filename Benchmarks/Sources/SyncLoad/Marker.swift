import Bytes
import Reactor

/// What a message of the load carries in its body: `~room.number.moment~`.
struct Marker: Equatable {
    /// The room's place in the load.
    var room: Int
    /// The message's number in its room, from 0.
    var number: Int
    /// When it was sent, in nanoseconds of the monotonic clock.
    var sentAt: UInt64

    static func now(_ room: Int, _ number: Int) -> Marker {
        Marker(room: room, number: number, sentAt: Instant.now.nanoseconds)
    }

    var text: String { "~\(room).\(number).\(sentAt)~" }

    /// Calls `found` with each marker in a response.
    static func all(in bytes: RawSpan, _ found: (Marker) -> Void) {
        var offset = 0
        while let start = bytes.firstIndex(of: UInt8(ascii: "~"), from: offset) {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "~"), from: start + 1) else { return }
            guard end - start < 64,
                let marker = Marker(bytes.extracting(start + 1..<end))
            else {
                offset = start + 1
                continue
            }
            found(marker)
            offset = end + 1
        }
    }
}

extension Marker {
    fileprivate init?(_ bytes: RawSpan) {
        guard let first = bytes.firstIndex(of: UInt8(ascii: ".")),
            let second = bytes.firstIndex(of: UInt8(ascii: "."), from: first + 1),
            let room = Int64(ascii: bytes.extracting(0..<first)),
            let number = Int64(ascii: bytes.extracting(first + 1..<second)),
            let sentAt = UInt64(ascii: bytes.extracting(second + 1..<bytes.byteCount))
        else { return nil }
        self.init(room: Int(room), number: Int(number), sentAt: sentAt)
    }
}
