/// A value at an address of its own, for what is reached many times per event.
///
/// Every access to a stored property of a class or an actor that may last longer than a load or a
/// store is guarded at run time against a second one: tens of nanoseconds, several times per event,
/// which was a third of the loop's own time. What lies behind a pointer is not guarded, so the
/// owner has to see to it: no call that may come back to the same value, such as one of a handler
/// or the release of the last reference to one, while the value is being changed.
struct Owned<Value: ~Copyable>: ~Copyable {
    // Allocated by `init`, freed by `deinit`, never given away.
    private let pointer: UnsafeMutablePointer<Value>

    init(_ value: consuming Value) {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: value)
    }

    deinit {
        pointer.deinitialize(count: 1)
        pointer.deallocate()
    }

    var value: Value {
        @inline(__always) unsafeAddress { UnsafePointer(pointer) }
        @inline(__always) nonmutating unsafeMutableAddress { pointer }
    }
}
