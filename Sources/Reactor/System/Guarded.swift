internal import Synchronization

/// A value behind a lock.
///
/// A `Mutex` whose hand-over ThreadSanitizer can see: under contention that of the standard library
/// happens in code that is not instrumented, and every access would be reported as a race. The
/// atomic operations are plain moves on x86-64.
struct Guarded<Value: ~Copyable>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let handOver = Atomic(0)

    init(_ value: consuming sending Value) { mutex = Mutex(value) }

    @inline(__always)
    func withLock<Result>(_ body: (inout sending Value) -> sending Result) -> sending Result {
        mutex.withLock { value in
            _ = handOver.load(ordering: .acquiring)
            defer { handOver.store(0, ordering: .releasing) }
            return body(&value)
        }
    }
}
