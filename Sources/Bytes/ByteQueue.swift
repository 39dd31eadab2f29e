/// A growable first-in, first-out queue of bytes in one contiguous piece of memory.
///
/// What it lends (``readable``) cannot outlive the next change. It grows by doubling and moves its
/// content to the front before it grows; bounding its size is the caller's duty. An empty queue
/// that was given no capacity owns no memory.
public struct ByteQueue: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawBufferPointer
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    /// A queue with room for `capacity` bytes before it must grow.
    public init(capacity: Int = 0) {
        storage =
            capacity == 0
            ? .init(start: nil, count: 0) : .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// The number of bytes not yet consumed.
    @inlinable public var count: Int { end &- start }

    /// Whether nothing is left to consume.
    @inlinable public var isEmpty: Bool { start == end }

    /// The bytes it can hold without growing.
    @inlinable public var capacity: Int { storage.count }

    /// The bytes not yet consumed.
    public var readable: RawSpan {
        @_lifetime(borrow self)
        @inlinable get {
            let bytes = UnsafeRawBufferPointer(rebasing: storage[start..<end])
            return _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }

    /// Forgets the first `count` bytes.
    @inlinable
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "consumes more than there is")
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Forgets everything and keeps the memory.
    @inlinable
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { append(copying: $0) }
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(copying: $0) }
    }

    /// Appends the bytes of `text`.
    public mutating func append(_ text: StaticString) {
        append(
            copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the UTF-8 of `text`.
    public mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { append(copying: UnsafeRawBufferPointer($0)) }
    }

    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[end] = byte
        end += 1
    }

    /// Appends the decimal digits of `value`.
    @inlinable
    public mutating func appendDecimal(_ value: some FixedWidthInteger) {
        withDecimalDigits(of: value) { append(copying: $0) }
    }

    @inlinable
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        // There is room, and therefore an address.
        storage.baseAddress.unsafelyUnwrapped.advanced(by: end).copyMemory(
            from: source, byteCount: bytes.count)
        end &+= bytes.count
    }

    /// Makes room for `count` more bytes and lends it, until the queue is used otherwise. What is
    /// written there counts once it is ``commit(_:)``ted.
    @inlinable @inline(__always)
    package mutating func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        reserve(count)
        guard let base = storage.baseAddress else { return storage }
        return UnsafeMutableRawBufferPointer(start: base + end, count: storage.count &- end)
    }

    /// Takes `count` bytes that were written into ``room(for:)``.
    @inlinable @inline(__always)
    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= storage.count &- end, "more than there was room for")
        end &+= count
    }

    /// Makes room for `count` more bytes.
    @inlinable @inline(__always)
    public mutating func reserve(_ count: Int) {
        if storage.count &- end < count { grow(count) }
    }

    @usableFromInline
    mutating func grow(_ count: Int) {
        let used = end - start
        // Moving is cheap only while little is left; otherwise a long queue would be moved again
        // and again without gaining room.
        if storage.count - used >= count, start >= used {
            storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
        } else {
            let grown = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(64, storage.count * 2, used + count), alignment: 16)
            grown.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            storage.deallocate()
            storage = grown
        }
        start = 0
        end = used
    }
}
