internal import COpenSSL
internal import Glibc

/// A certificate, its chain and its key as OpenSSL has them; checked to belong together.
final class LoadedCertificate {
    /// The server's own certificate first; never empty once made.
    private var chain: [OpaquePointer] = []
    private var key: OpaquePointer?

    init(_ certificate: TLSCertificate, checksExpiry: Bool) throws(TLSError) {
        let chainName = certificate.chain.name("certificate")
        let keyName = certificate.key.name("private key")
        chain = try PEM.certificates(in: try PEM.read(certificate.chain, chainName), chainName)
        key = try PEM.key(in: try PEM.read(certificate.key, keyName), keyName)
        OpenSSLErrors.clear()
        guard X509_check_private_key(chain[0], key) == 1 else {
            OpenSSLErrors.clear()
            throw TLSError("\(keyName): is not the key of the certificate in \(chainName)")
        }
        if checksExpiry { try checkDates(chainName) }
    }

    deinit {
        for certificate in chain { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// Gives all of it to a context. `name` is what messages call the certificate.
    func install(in context: OpaquePointer, _ name: String) throws(TLSError) {
        OpenSSLErrors.clear()
        guard SSL_CTX_use_certificate(context, chain[0]) == 1,
            SSL_CTX_use_PrivateKey(context, key) == 1
        else { throw .openSSL("\(name): cannot be used") }
        for certificate in chain.dropFirst() {
            guard copenssl_add_chain(context, certificate) == 1 else {
                throw .openSSL("\(name): has a chain that cannot be used")
            }
        }
    }

    /// Only the server's own certificate: a root that nobody needs may lie behind it.
    private func checkDates(_ name: String) throws(TLSError) {
        let end = X509_get0_notAfter(chain[0])
        if X509_cmp_current_time(end) <= 0 {
            throw TLSError("\(name): has expired: \(Self.text(of: end))")
        }
        let start = X509_get0_notBefore(chain[0])
        if X509_cmp_current_time(start) > 0 {
            throw TLSError("\(name): is not valid before \(Self.text(of: start))")
        }
    }

    private static func text(of time: UnsafePointer<ASN1_TIME>?) -> String {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "at a time that cannot be read" }
        func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday)) "
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min)) UTC"
    }
}
