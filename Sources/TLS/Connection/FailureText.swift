internal import COpenSSL

/// Why a connection failed, in words for a log.
enum FailureText {
    /// Reads and empties OpenSSL's queue of errors.
    static func make(_ ssl: OpaquePointer, isServer: Bool) -> String {
        guard let reason = OpenSSLErrors.take() else { return "failed without a reason" }
        if reason.isSSL(SSL_R_HTTP_REQUEST) || reason.isSSL(SSL_R_HTTPS_PROXY_REQUEST) {
            return "plain HTTP came where TLS is spoken"
        }
        if reason.isSSL(SSL_R_WRONG_VERSION_NUMBER) {
            return "what the peer sent is not TLS (\(reason.text))"
        }
        if reason.isSSL(SSL_R_CERTIFICATE_VERIFY_FAILED) {
            let result = SSL_get_verify_result(ssl)
            let text = X509_verify_cert_error_string(result).map { String(cString: $0) }
            return "the peer's certificate is refused: \(text ?? reason.text)"
        }
        if reason.code >= SSL_AD_REASON_OFFSET, reason.library == ERR_LIB_SSL {
            return "the peer refused with an alert: \(reason.text)"
        }
        return reason.text
    }
}
