internal import COpenSSL
internal import Glibc

/// Reading what people keep in PEM files.
enum PEM {
    private static let fileBytesMax = 1 << 20

    /// The text of a source, at most a mebibyte.
    static func read(_ source: TLSCertificate.Source, _ name: String) throws(TLSError) -> [UInt8] {
        switch source {
        case .memory(let bytes): return bytes
        case .file(let path): return try readFile(path)
        }
    }

    static func readFile(_ path: String) throws(TLSError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw cannotRead(path, errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw cannotRead(path, errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= fileBytesMax else {
                throw TLSError("\(path): is too long for a certificate or key")
            }
        }
    }

    private static func cannotRead(_ path: String, _ code: Int32) -> TLSError {
        TLSError("\(path): cannot be read: \(strerror(code).map { String(cString: $0) } ?? "?")")
    }

    /// Every certificate of a text, at least one. The caller frees them.
    static func certificates(
        in bytes: [UInt8], _ name: String
    ) throws(TLSError) -> [OpaquePointer] {
        var found: [OpaquePointer] = []
        OpenSSLErrors.clear()
        withBIO(bytes) { bio in
            while let certificate = PEM_read_bio_X509(bio, nil, refusePassword, nil) {
                found.append(certificate)
            }
        }
        let reason = OpenSSLErrors.take()
        // The end of a text is told like a text without any certificate.
        if let reason, reason.library != ERR_LIB_PEM || reason.code != PEM_R_NO_START_LINE {
            for certificate in found { X509_free(certificate) }
            throw TLSError("\(name): has a damaged certificate: \(reason.text)")
        }
        guard !found.isEmpty else {
            throw TLSError("\(name): holds no certificate in PEM form (BEGIN CERTIFICATE)")
        }
        return found
    }

    /// The private key of a text. The caller frees it.
    static func key(in bytes: [UInt8], _ name: String) throws(TLSError) -> OpaquePointer {
        OpenSSLErrors.clear()
        var isEncrypted = false
        let key = withBIO(bytes) { bio in
            withUnsafeMutablePointer(to: &isEncrypted) {
                PEM_read_bio_PrivateKey(bio, nil, refusePassword, $0)
            }
        }
        let reason = OpenSSLErrors.take()
        if let key { return key }
        if isEncrypted {
            throw TLSError("\(name): is encrypted, expected a private key without a password")
        }
        // "Unsupported" is what its decoders say of a text that has no key for any of them.
        if let reason, reason.library != ERR_LIB_OSSL_DECODER,
            reason.library != ERR_LIB_PEM || reason.code != PEM_R_NO_START_LINE
        {
            throw TLSError("\(name): has a damaged private key: \(reason.text)")
        }
        throw TLSError("\(name): holds no private key in PEM form (BEGIN PRIVATE KEY)")
    }

    private static func withBIO<Result>(
        _ bytes: [UInt8], _ body: (OpaquePointer?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { buffer in
            let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count))
            defer { BIO_free(bio) }
            return body(bio)
        }
    }
}

/// Without a callback OpenSSL would ask for a password on the terminal. Notes that it was asked for.
private func refusePassword(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ writing: Int32,
    _ wasAsked: UnsafeMutableRawPointer?
) -> Int32 {
    wasAsked?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}
