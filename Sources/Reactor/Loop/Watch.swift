/// A foreign descriptor that a loop watches, such as the socket of libpq.
///
/// The descriptor stays its owner's: cancel the watch before closing it.
public final class Watch {
    let descriptor: Int32
    fileprivate(set) var token: Token?
    fileprivate var body: ((Readiness) -> Void)?

    fileprivate init(_ descriptor: Int32, _ body: @escaping (Readiness) -> Void) {
        self.descriptor = descriptor
        self.body = body
    }

    func handle(_ event: Completion.Event) {
        if case .ready(let readiness) = event { body?(readiness) }
    }
}

extension EventLoop {
    /// Calls `body` whenever `descriptor` is ready for something in `interest`, again and again
    /// while it is (level-triggered).
    ///
    /// Throws `EPERM` for descriptors that cannot be polled, such as regular files.
    public func watch(
        _ descriptor: Int32, for interest: Readiness, _ body: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Watch {
        let watch = Watch(descriptor, body)
        let token = insert(.watch(watch))
        do throws(SystemError) {
            try driver.watch(descriptor, for: interest, token: token)
        } catch {
            remove(token)
            throw error
        }
        watch.token = token
        return watch
    }

    /// Changes what a watch waits for. An empty interest pauses it.
    public func update(_ watch: Watch, for interest: Readiness) {
        guard let token = watch.token else { return }
        driver.update(watch.descriptor, for: interest, token: token)
    }

    /// Ends a watch; its body is not called again. Does nothing if it has ended.
    public func cancel(_ watch: Watch) {
        guard let token = watch.token.take() else { return }
        driver.forget(watch.descriptor, token: token)
        remove(token)
        watch.body = nil
    }
}
