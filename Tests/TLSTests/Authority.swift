import COpenSSL
import Foundation
import TLS

/// A certificate authority for a test, and what it signs, as PEM.
final class Authority {
    struct Issued {
        var chain: String
        var key: String

        var certificate: TLSCertificate {
            .pem(chain: Array(chain.utf8), key: Array(key.utf8))
        }
    }

    private let key: OpaquePointer
    private let root: OpaquePointer
    private var serial = 1

    /// The authority's own certificate.
    let pem: String

    init(_ name: String = "Test Authority") {
        key = Self.makeKey()
        let root = Self.makeCertificate(name, key, serial: 1, days: -1...10)
        Self.extend(root, root, NID_basic_constraints, "critical,CA:TRUE")
        Self.extend(root, root, NID_key_usage, "critical,keyCertSign")
        X509_set_issuer_name(root, X509_get_subject_name(root))
        X509_sign(root, key, EVP_sha256())
        pem = Self.text { PEM_write_bio_X509($0, root) }
        self.root = root
    }

    deinit {
        EVP_PKEY_free(key)
        X509_free(root)
    }

    /// A certificate for alternative names such as `DNS:localhost,IP:127.0.0.1`.
    func issue(
        _ names: String, common: String = "somebody", days: ClosedRange<Int> = -1...10,
        password: String? = nil
    ) -> Issued {
        serial += 1
        let own = Self.makeKey()
        defer { EVP_PKEY_free(own) }
        let certificate = Self.makeCertificate(common, own, serial: serial, days: days)
        defer { X509_free(certificate) }
        Self.extend(certificate, root, NID_subject_alt_name, names)
        X509_set_issuer_name(certificate, X509_get_subject_name(root))
        X509_sign(certificate, key, EVP_sha256())
        let keyText = Self.text { bio in
            PEM_write_bio_PKCS8PrivateKey(
                bio, own, password == nil ? nil : EVP_aes_128_cbc(), password,
                Int32(password?.utf8.count ?? 0), nil, nil)
        }
        let chain = Self.text { PEM_write_bio_X509($0, certificate) }
        return Issued(chain: chain + pem, key: keyText)
    }

    private static func makeKey() -> OpaquePointer {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { EVP_PKEY_CTX_free(context) }
        EVP_PKEY_keygen_init(context)
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1)
        var key: OpaquePointer?
        EVP_PKEY_keygen(context, &key)
        return key!
    }

    private static func makeCertificate(
        _ name: String, _ key: OpaquePointer, serial: Int, days: ClosedRange<Int>
    ) -> OpaquePointer {
        let certificate = X509_new()!
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), days.lowerBound * 86400)
        X509_gmtime_adj(X509_getm_notAfter(certificate), days.upperBound * 86400)
        X509_set_pubkey(certificate, key)
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_ASC_VALUE, name, -1, -1, 0)
        return certificate
    }

    private static let MBSTRING_ASC_VALUE: Int32 = 0x1001

    private static func extend(
        _ certificate: OpaquePointer, _ issuer: OpaquePointer, _ kind: Int32, _ value: String
    ) {
        let context = UnsafeMutablePointer<X509V3_CTX>.allocate(capacity: 1)
        defer { context.deallocate() }
        context.initialize(to: X509V3_CTX())
        X509V3_set_ctx(context, issuer, certificate, nil, nil, 0)
        let entry = X509V3_EXT_conf_nid(nil, context, kind, value)!
        X509_add_ext(certificate, entry, -1)
        X509_EXTENSION_free(entry)
    }

    private static func text(_ write: (OpaquePointer) -> Int32) -> String {
        let bio = BIO_new(BIO_s_mem())!
        defer { BIO_free(bio) }
        precondition(write(bio) == 1)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return String(decoding: bytes[..<Int(count)], as: UTF8.self)
    }
}
