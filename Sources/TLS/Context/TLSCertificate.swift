/// A certificate with its chain and its private key, as PEM.
public struct TLSCertificate: Sendable, Hashable {
    /// Where PEM text comes from.
    enum Source: Sendable, Hashable {
        case file(String)
        case memory([UInt8])

        /// What messages call it.
        func name(_ kind: String) -> String {
            switch self {
            case .file(let path): path
            case .memory: "the \(kind)"
            }
        }
    }

    let chain: Source
    let key: Source

    /// A certificate in files, which are read again at each ``TLSServerContext/reload()``: the chain
    /// with the server's own certificate first, and the key, which must not be encrypted.
    public static func files(chain: String, key: String) -> TLSCertificate {
        TLSCertificate(chain: .file(chain), key: .file(key))
    }

    /// A certificate in memory, with the same content as files have.
    public static func pem(chain: [UInt8], key: [UInt8]) -> TLSCertificate {
        TLSCertificate(chain: .memory(chain), key: .memory(key))
    }
}
