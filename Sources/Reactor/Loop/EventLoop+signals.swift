internal import CReactor
internal import Glibc

extension EventLoop {
    /// Blocks signals for the calling thread and all that it starts from now on. They wait for a
    /// loop to read them. Call it first thing, before libraries start threads of their own.
    public static func blockSignals(_ signals: [Int32]) {
        signals.withUnsafeBufferPointer { list in
            guard let base = list.baseAddress else { return }
            _ = creactor_block_signals(base, Int32(list.count))
        }
    }

    /// Calls `body` on the loop with each of `signals` that the process receives.
    ///
    /// The signals are blocked for the calling thread and the threads it starts from now on, so
    /// call this before starting any. They stay watched until the watch is cancelled or the loop
    /// stops; the descriptor is closed then.
    @discardableResult
    public func onSignals(
        _ signals: [Int32], _ body: @escaping (Int32) -> Void
    ) throws(SystemError) -> SignalWatch {
        let raw = try system("signalfd") {
            signals.withUnsafeBufferPointer { list in
                guard let base = list.baseAddress else { return -1 }
                return creactor_signalfd(base, Int32(list.count))
            }
        }
        let source = SignalWatch(Descriptor(owning: raw))
        source.watch = try watch(raw, for: .readable) { _ in
            while true {
                let signal = creactor_read_signal(raw)
                if signal < 0 { break }
                body(signal)
            }
        }
        signalSources.append(source)
        return source
    }

    /// Ends a signal watch. The signals stay blocked.
    public func cancel(_ source: SignalWatch) {
        if let watch = source.watch.take() { cancel(watch) }
        signalSources.removeAll { $0 === source }
    }
}

/// A set of signals that a loop watches.
public final class SignalWatch {
    // Held for its deinit, which closes the signalfd.
    private let descriptor: Descriptor
    fileprivate(set) var watch: Watch?

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
