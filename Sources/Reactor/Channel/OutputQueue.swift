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
    private static let firstCapacity = 2048
    /// What an empty queue keeps at most, if it keeps anything.
    private static let keptCapacity = 16384
    private static let keptSegments = 64

    /// Empty while there is nothing but copied bytes, as for most answers.
    private var segments: [Segment] = []
    /// Segments before it have been written.
    private var first = 0
    private var copied = ByteQueue()
    private(set) var count = 0
    /// Whether its memory outlives what it held.
    private let keepsMemory: Bool

    init(keepsMemory: Bool = false) { self.keepsMemory = keepsMemory }

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    mutating func append(_ bytes: RawSpan) {
        let added = bytes.byteCount
        guard added > 0 else { return }
        // One allocation for a usual answer, instead of growing to its size by doubling.
        if copied.capacity == 0 { copied.reserve(max(added, OutputQueue.firstCapacity)) }
        copied.append(bytes)
        count += added
        if !segments.isEmpty { noteCopied(added) }
    }

    /// Lends room for `count` bytes behind the last one, until the queue is used otherwise.
    @inline(__always)
    mutating func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        copied.room(for: copied.capacity == 0 ? max(count, OutputQueue.firstCapacity) : count)
    }

    /// Takes what was written there.
    @inline(__always)
    mutating func commit(_ added: Int) {
        copied.commit(added)
        count += added
        if !segments.isEmpty { noteCopied(added) }
    }

    private mutating func noteCopied(_ added: Int) {
        let last = segments.count - 1
        if case .copied(let before) = segments[last] {
            segments[last] = .copied(before + added)
        } else {
            segments.append(.copied(added))
        }
    }

    mutating func append(_ shared: SharedBytes) {
        guard shared.count > 0 else { return }
        if segments.isEmpty, count > 0 { segments.append(.copied(count)) }
        segments.append(.shared(shared, 0))
        count += shared.count
    }

    /// Lends the front of the queue as a vector; the addresses hold until the queue changes.
    @inline(__always)
    func withVector<Result>(_ body: (UnsafeBufferPointer<iovec>) -> Result) -> Result {
        guard segments.isEmpty else { return withSegments(body) }
        return copied.readable.withUnsafeBytes { bytes in
            let piece = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                iov_len: bytes.count)
            return withUnsafePointer(to: piece) { body(UnsafeBufferPointer(start: $0, count: 1)) }
        }
    }

    private func withSegments<Result>(_ body: (UnsafeBufferPointer<iovec>) -> Result) -> Result {
        // 64 * 16 bytes: as much as a temporary may have before it moves to the heap.
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: OutputQueue.vectorMax) { vector in
            copied.readable.withUnsafeBytes { bytes in
                let end = min(segments.count, first + OutputQueue.vectorMax)
                var filled = 0
                var offset = 0
                for index in first..<end {
                    switch segments[index] {
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
        if written == count { return removeAll() }
        count -= written
        if segments.isEmpty { return copied.consume(written) }
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
    }

    mutating func removeAll() {
        count = 0
        if !segments.isEmpty {
            first = 0
            segments.removeAll(keepingCapacity: segments.capacity <= OutputQueue.keptSegments)
        }
        if keepsMemory, copied.capacity <= OutputQueue.keptCapacity {
            copied.removeAll()
        } else {
            copied = ByteQueue()
        }
    }
}
