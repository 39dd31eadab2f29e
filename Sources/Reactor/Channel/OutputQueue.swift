internal import Bytes
internal import CReactor

/// What a channel has still to write: copied bytes and shared pieces, in order.
struct OutputQueue: ~Copyable {
    private enum Segment {
        /// So many bytes of `copied`.
        case copied(Int)
        /// The rest of a shared piece from an offset on.
        case shared(SharedBytes, Int)
    }

    /// IOV_MAX is 1024, but beyond a few dozen pieces a call gains nothing.
    static let vectorMax = 64
    private static let firstCapacity = 1024

    private var segments: [Segment] = []
    /// Segments before it have been written.
    private var first = 0
    private var copied = ByteQueue()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: RawSpan) {
        let added = bytes.byteCount
        guard added > 0 else { return }
        // One allocation for a usual answer, instead of growing to its size by doubling.
        if copied.capacity == 0 {
            copied = ByteQueue(capacity: max(added, OutputQueue.firstCapacity))
        }
        copied.append(bytes)
        count += added
        if let last = segments.indices.last, case .copied(let before) = segments[last] {
            segments[last] = .copied(before + added)
        } else {
            segments.append(.copied(added))
        }
    }

    mutating func append(_ shared: SharedBytes) {
        guard shared.count > 0 else { return }
        segments.append(.shared(shared, 0))
        count += shared.count
    }

    /// Lends the front of the queue as a vector; the addresses hold until the queue changes.
    func withVector<Result>(_ body: (UnsafeBufferPointer<iovec>) -> Result) -> Result {
        // 64 * 16 bytes: as much as a temporary may have before it moves to the heap.
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: OutputQueue.vectorMax) { vector in
            copied.readable.withUnsafeBytes { bytes in
                var filled = 0
                var offset = 0
                for segment in segments[first...].prefix(OutputQueue.vectorMax) {
                    switch segment {
                    case .copied(let count):
                        let base = bytes.baseAddress.map { $0 + offset }
                        vector[filled] = iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: count)
                        offset += count
                    case .shared(let shared, let start):
                        let base = shared.unsafeBaseAddress.map { $0 + start }
                        vector[filled] = iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: base),
                            iov_len: shared.count - start)
                    }
                    filled += 1
                }
                return body(UnsafeBufferPointer(rebasing: vector[..<filled]))
            }
        }
    }

    /// Forgets the first `written` bytes.
    mutating func consume(_ written: Int) {
        precondition(written <= count, "the kernel wrote more than it was offered")
        count -= written
        var left = written
        while left > 0 {
            switch segments[first] {
            case .copied(let size):
                copied.consume(min(left, size))
                if left < size {
                    segments[first] = .copied(size - left)
                    return
                }
                left -= size
            case .shared(let shared, let start):
                let size = shared.count - start
                if left < size {
                    segments[first] = .shared(shared, start + left)
                    return
                }
                left -= size
                // Let go at once: others may be waiting for the memory.
                segments[first] = .copied(0)
            }
            first += 1
        }
        if count == 0 { reset() }
    }

    mutating func removeAll() {
        count = 0
        reset()
    }

    /// An empty queue keeps a little room at most: idle channels are many.
    private mutating func reset() {
        first = 0
        if segments.capacity > 8 {
            segments = []
        } else {
            segments.removeAll(keepingCapacity: true)
        }
        copied = ByteQueue()
    }
}
