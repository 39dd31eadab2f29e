/// A growable first-in, first-out queue of bytes in one contiguous piece of memory.
///
/// What it lends (``readable``) cannot outlive the next change. It grows by doubling and moves its
/// content to the front before it grows; bounding its size is the caller's duty. An empty queue
/// that was given no capacity owns no memory.
public struct ByteQueue: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// A queue with room for `capacity` bytes before it must grow.
    public init(capacity: Int = 0) {
        storage =
            capacity == 0
            ? .init(start: nil, count: 0) : .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// The number of bytes not yet consumed.
    @inlinable public var count: Int { bounds.count }

    /// Whether nothing is left to consume.
    @inlinable public var isEmpty: Bool { bounds.isEmpty }

    @usableFromInline var bounds: Range<Int> { start..<end }

    /// The bytes it can hold without growing.
    public var capacity: Int { storage.count }

    /// The bytes not yet consumed.
    public var readable: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = UnsafeRawBufferPointer(rebasing: storage[start..<end])
            return _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }

    /// Forgets the first `count` bytes.
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "consumes more than there is")
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Forgets everything and keeps the memory.
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Appends a copy of `bytes`.
    public mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { append(copying: $0) }
    }

    /// Appends a copy of `bytes`.
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
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage[end] = byte
        end += 1
    }

    /// Appends the decimal digits of `value`.
    public mutating func appendDecimal(_ value: some FixedWidthInteger) {
        withDecimalDigits(of: value) { append(copying: $0) }
    }

    private mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        reserve(bytes.count)
        UnsafeMutableRawBufferPointer(rebasing: storage[end...]).copyMemory(from: bytes)
        end += bytes.count
    }

    /// Makes room for `count` more bytes.
    public mutating func reserve(_ count: Int) {
        guard storage.count - end < count else { return }
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
