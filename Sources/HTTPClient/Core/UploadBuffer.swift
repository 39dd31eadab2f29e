internal import Bytes

/// Bytes on their way to a server, and those that it was given last.
struct UploadBuffer: ~Copyable {
    private var queue = ByteQueue()
    /// What the connection has taken, in case libcurl has to begin again on another one: a kept
    /// connection may turn out to be dead. `nil` once it is too much to keep.
    private var taken: [UInt8]? = []

    private static let takenMax = 64 << 10

    var count: Int { queue.count }
    var isEmpty: Bool { queue.isEmpty }

    mutating func append(_ bytes: RawSpan) { queue.append(bytes) }

    mutating func append(_ bytes: [UInt8]) { queue.append(bytes) }

    /// Moves bytes into `room`; returns how many.
    mutating func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, queue.count)
        let known = taken?.count
        queue.readable.withUnsafeBytes { all in
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[..<count]))
        }
        queue.consume(count)
        if let known, known + count <= Self.takenMax {
            taken?.append(contentsOf: room[..<count])
        } else {
            taken = nil
        }
        return count
    }

    /// Begins again from the first byte; `false`: they are gone.
    mutating func rewind() -> Bool {
        guard let taken else { return false }
        var again = ByteQueue(capacity: taken.count + queue.count)
        again.append(taken)
        again.append(queue.readable)
        swap(&again, &queue)
        self.taken = []
        return true
    }

    mutating func removeAll() {
        queue.removeAll()
        taken = nil
    }
}
