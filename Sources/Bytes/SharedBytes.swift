/// Immutable bytes that any number of writers share: one allocation, one reference count.
///
/// A fan-out renders an answer once and queues the same `SharedBytes` on every channel. The memory
/// keeps its address for the life of the object, so a kernel may read it while a send is under way.
public final class SharedBytes: Sendable {
    // Immutable after `init` and freed in `deinit`: no two threads can see it change, which is what
    // makes this pointer safe to share although the compiler cannot see it.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    /// The number of bytes.
    public var count: Int { storage.count }

    /// Copies `bytes`.
    public init(copying bytes: RawSpan) {
        storage = .allocate(byteCount: bytes.byteCount, alignment: 16)
        bytes.withUnsafeBytes { storage.copyMemory(from: $0) }
    }

    /// Copies `bytes`.
    public convenience init(_ bytes: [UInt8]) {
        self.init(copying: bytes.span.bytes)
    }

    /// Copies the UTF-8 of `text`.
    public convenience init(_ text: String) {
        self.init(Array(text.utf8))
    }

    deinit { storage.deallocate() }

    /// The bytes, valid while this object is.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            _overrideLifetime(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(storage)), borrowing: self)
        }
    }

    /// The address of the first byte, for a kernel that reads while the object is retained.
    public var unsafeBaseAddress: UnsafeRawPointer? {
        storage.baseAddress.map { UnsafeRawPointer($0) }
    }
}
