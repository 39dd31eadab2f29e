internal import COpenSSL
internal import Glibc
public import Reactor
internal import Synchronization

/// The TLS of a client: whom it trusts, versions, its own certificate.
///
/// ```swift
/// let tls = try TLSClientContext()
/// let channel = try await loop.connect(
///     to: address, timeout: .seconds(10), security: tls.peer("example.org")) { _ in handler }
/// ```
public final class TLSClientContext: Sendable {
    // SSL_CTX counts its references atomically and, once set up, may be used by many threads.
    private nonisolated(unsafe) let context: OpaquePointer
    let options: TLSClientOptions
    let counters = HandshakeCounters()

    /// A context. Throws what is wrong with which file. Blocks while it reads files.
    public init(options: TLSClientOptions = TLSClientOptions()) throws(TLSError) {
        let protocols = try ContextBuilder.encode(options.applicationProtocols)
        let context = try ContextBuilder.make(
            TLS_client_method(), options.minimumVersion, options.maximumVersion)
        do throws(TLSError) {
            try Self.setUp(context, options, protocols)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
        self.options = options
    }

    deinit { SSL_CTX_free(context) }

    /// A server to connect to, whose certificate must have `host`: a name, which is also sent
    /// (SNI), or an IP address. Keep it, and later connections resume the session of earlier ones.
    public func peer(_ host: String) -> TLSPeer { TLSPeer(self, host) }

    /// What has come of handshakes so far.
    public var statistics: TLSStatistics { counters.statistics }

    func makeConnection() -> OpaquePointer? { SSL_new(context) }

    private static func setUp(
        _ context: OpaquePointer, _ options: TLSClientOptions, _ protocols: [UInt8]
    ) throws(TLSError) {
        switch options.trust {
        case .anyone: SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        case .authorities(let path):
            try ContextBuilder.trust(path, in: context)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .openSSL("the system's certificate authorities cannot be used")
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        }
        if let certificate = options.certificate {
            try LoadedCertificate(certificate, checksExpiry: true)
                .install(in: context, certificate.chain.name("certificate"))
        }
        // Zero is success here, unlike everywhere else.
        if !protocols.isEmpty,
            SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) != 0
        {
            throw .openSSL("cannot offer protocols")
        }
        copenssl_set_session_cache(
            context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE))
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let ssl, let session, let data = copenssl_connection_data(ssl) else { return 0 }
            Unmanaged<TLSPeer>.fromOpaque(data).takeUnretainedValue().keep(session)
            // The reference is ours now.
            return 1
        }
    }
}

/// A server as a client connects to it: its name, and the session of the last connection.
public final class TLSPeer: ChannelSecurity {
    /// An SSL_SESSION with our reference; it counts them atomically and does not change.
    private struct Session: ~Copyable, @unchecked Sendable {
        let pointer: OpaquePointer
        deinit { SSL_SESSION_free(pointer) }
    }

    /// The name or address that its certificate must have.
    public let host: String
    private let context: TLSClientContext
    private let session = Mutex<Session?>(nil)

    init(_ context: TLSClientContext, _ host: String) {
        self.context = context
        self.host = host
    }

    /// The filter of a connection to this server.
    public func makeFilter(on loop: isolated EventLoop) throws(SystemError) -> any ChannelFilter {
        OpenSSLErrors.clear()
        guard let ssl = context.makeConnection() else { throw .outOfMemory }
        guard expectHost(of: ssl) else {
            SSL_free(ssl)
            throw SystemError("TLS", code: EINVAL, detail: "\"\(host)\" is no host name")
        }
        SSL_set_connect_state(ssl)
        copenssl_set_connection_data(ssl, Unmanaged.passUnretained(self).toOpaque())
        session.withLock { session in
            if let pointer = session?.pointer { _ = SSL_set_session(ssl, pointer) }
        }
        return TLSConnection(
            ssl, owner: self,
            TLSConnection.Habits(
                isServer: false, truncation: context.options.truncation, handshakeTimeout: nil,
                counters: context.counters, handshakeFailed: nil, established: keepRenewed))
    }

    private func expectHost(of ssl: OpaquePointer) -> Bool {
        guard !host.isEmpty, host.utf8.count <= 255, !host.utf8.contains(0) else { return false }
        let parameters = SSL_get0_param(ssl)
        // True only of IP addresses, which SNI does not carry (RFC 6066, section 3).
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return true }
        OpenSSLErrors.clear()
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1
            && copenssl_set_name(ssl, host) == 1
    }

    /// OpenSSL does not tell of the ticket by which TLS 1.2 replaces that of a resumed session.
    private func keepRenewed(_ ssl: OpaquePointer) {
        guard SSL_version(ssl) == TLS1_2_VERSION, SSL_session_reused(ssl) == 1 else { return }
        if let session = SSL_get1_session(ssl) { keep(session) }
    }

    /// Takes over the caller's reference.
    fileprivate func keep(_ pointer: OpaquePointer) {
        session.withLock { $0 = Session(pointer: pointer) }
    }
}

extension SystemError {
    static var outOfMemory: SystemError {
        SystemError("TLS", code: ENOMEM, detail: OpenSSLErrors.take()?.text)
    }
}
