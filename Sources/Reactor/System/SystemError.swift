internal import Glibc

/// A system call, or the work of a ``ChannelFilter``, that failed: which one, and `errno`.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call's name as in section 2 of the manual, such as `bind`.
    public var call: String
    /// The value of `errno`.
    public var code: Int32
    /// What is known beyond `errno`, such as why a certificate was refused.
    public var detail: String?

    /// Describes a failure of `call` with `code`.
    public init(_ call: String, code: Int32, detail: String? = nil) {
        self.call = call
        self.code = code
        self.detail = detail
    }

    /// The call and the system's text, such as `bind: Address already in use`, or the detail.
    public var description: String {
        if let detail { return "\(call): \(detail)" }
        guard let text = strerror(code) else { return "\(call): error \(code)" }
        return "\(call): \(String(cString: text))"
    }

    /// ETIMEDOUT: a limit in time was reached.
    public var isTimeout: Bool { code == ETIMEDOUT }

    static func timedOut(_ call: String) -> SystemError { SystemError(call, code: ETIMEDOUT) }
    static func cancelled(_ call: String) -> SystemError { SystemError(call, code: ECANCELED) }
}

/// Turns the C convention (-1 and `errno`) into a typed error; interrupted calls are made again.
///
/// EBADF and EFAULT trap: a descriptor or an address that is not ours is a bug of this program and
/// going on would act on somebody else's descriptor.
@discardableResult
@inline(__always)
func system(_ call: StaticString, _ body: () -> Int32) throws(SystemError) -> Int32 {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code == EINTR { continue }
        precondition(code != EBADF && code != EFAULT, "a system call was given what is not ours")
        throw SystemError(String(describing: call), code: code)
    }
}
