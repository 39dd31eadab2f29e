internal import COpenSSL

/// Why a TLS context cannot be made: which file or name, and what is wrong with it.
public struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One sentence, such as `/etc/tls/key.pem: is encrypted, expected a key without a password`.
    public var description: String

    init(_ description: String) { self.description = description }

    /// `what`, with the reason that OpenSSL left in its queue, which is empty then.
    static func openSSL(_ what: String) -> TLSError {
        guard let reason = OpenSSLErrors.take()?.text else { return TLSError(what) }
        return TLSError("\(what): \(reason)")
    }
}

/// OpenSSL's queue of errors, which it keeps per thread.
enum OpenSSLErrors {
    struct Reason {
        var code: Int32
        var library: Int32
        var text: String

        func isSSL(_ reason: Int32) -> Bool { library == ERR_LIB_SSL && code == reason }
    }

    /// Empties the queue: what an earlier call left must not be taken for this one's.
    static func clear() { ERR_clear_error() }

    /// Empties the queue and returns its first error, which is the cause of those behind it.
    static func take() -> Reason? {
        let code = ERR_get_error()
        guard code != 0 else { return nil }
        ERR_clear_error()
        var text = "error \(code)"
        if let reason = ERR_reason_error_string(code) { text = String(cString: reason) }
        return Reason(
            code: copenssl_error_reason(code), library: copenssl_error_library(code), text: text)
    }
}
