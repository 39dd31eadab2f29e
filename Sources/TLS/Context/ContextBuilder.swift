internal import COpenSSL

/// What servers' and clients' contexts have in common.
enum ContextBuilder {
    /// A context with the defaults of this module. The caller frees it.
    static func make(
        _ method: OpaquePointer?, _ minimum: TLSVersion, _ maximum: TLSVersion
    ) throws(TLSError) -> OpaquePointer {
        OpenSSLErrors.clear()
        guard let context = SSL_CTX_new(method) else { throw .openSSL("cannot make a TLS context") }
        // Of TLS 1.2 only suites with forward secrecy and authenticated encryption.
        guard copenssl_set_versions(context, number(minimum), number(maximum)) == 1,
            SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            copenssl_set_groups(context, "X25519:P-256:P-384") == 1
        else {
            defer { SSL_CTX_free(context) }
            throw .openSSL("cannot set up TLS")
        }
        copenssl_set_modes(context)
        copenssl_set_options(context)
        return context
    }

    private static func number(_ version: TLSVersion) -> Int32 {
        switch version {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }

    /// Has certificates checked against the authorities of a PEM file.
    static func trust(_ path: String, in context: OpaquePointer) throws(TLSError) {
        // Read first, for messages that tell an unreadable file from one without certificates.
        for certificate in try PEM.certificates(in: try PEM.readFile(path), path) {
            X509_free(certificate)
        }
        OpenSSLErrors.clear()
        guard SSL_CTX_load_verify_locations(context, path, nil) == 1 else {
            throw .openSSL("\(path): cannot be used as certificate authorities")
        }
    }

    /// Protocol names as ALPN has them: each behind a byte with its length.
    static func encode(_ protocols: [String]) throws(TLSError) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in protocols {
            guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
                throw TLSError("\"\(name)\" is no protocol name, expected 1 to 255 bytes")
            }
            bytes.append(length)
            bytes += name.utf8
        }
        return bytes
    }
}
