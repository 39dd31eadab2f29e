internal import COpenSSL

/// One generation of a server's contexts: one per certificate, the first for everyone whose name
/// no certificate has. Connections keep theirs alive, so that a reload does not disturb them.
final class ServerContexts: Sendable {
    // SSL_CTX counts its references atomically and, once set up, may be used by many threads at
    // once; the array and the bytes are immutable.
    private nonisolated(unsafe) let contexts: [OpaquePointer]
    private let protocols: [UInt8]
    private let tickets: TicketKeys

    init(
        _ certificates: [TLSCertificate], _ options: TLSServerOptions, _ tickets: TicketKeys
    ) throws(TLSError) {
        guard !certificates.isEmpty else { throw TLSError("a TLS server needs a certificate") }
        let protocols = try ContextBuilder.encode(options.applicationProtocols)
        var made: [OpaquePointer] = []
        do throws(TLSError) {
            for certificate in certificates {
                made.append(try Self.makeContext(certificate, options))
            }
        } catch {
            for context in made { SSL_CTX_free(context) }
            throw error
        }
        contexts = made
        self.protocols = protocols
        self.tickets = tickets
        for context in contexts { install(in: context, options) }
    }

    deinit { for context in contexts { SSL_CTX_free(context) } }

    /// A connection's state, for the default certificate until the client names another.
    func makeConnection() -> OpaquePointer? { SSL_new(contexts[0]) }

    private static func makeContext(
        _ certificate: TLSCertificate, _ options: TLSServerOptions
    ) throws(TLSError) -> OpaquePointer {
        let loaded = try LoadedCertificate(certificate, checksExpiry: options.checksDates)
        let context = try ContextBuilder.make(
            TLS_server_method(), options.minimumVersion, options.maximumVersion)
        do throws(TLSError) {
            try loaded.install(in: context, certificate.chain.name("certificate"))
            try verify(options.clientVerification, in: context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        // Sessions live in tickets, at the clients.
        copenssl_set_session_cache(context, Int(SSL_SESS_CACHE_OFF))
        if !options.sessionTickets { copenssl_forbid_tickets(context) }
        let name = Array("beamline".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        return context
    }

    private static func verify(
        _ verification: TLSClientVerification, in context: OpaquePointer
    ) throws(TLSError) {
        let path: String
        var mode = SSL_VERIFY_PEER
        switch verification {
        case .none: return
        case .optional(let authorities): path = authorities
        case .required(let authorities):
            path = authorities
            mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        }
        try ContextBuilder.trust(path, in: context)
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(path))
        SSL_CTX_set_verify(context, mode, nil)
    }

    // MARK: Callbacks

    /// OpenSSL calls back with a pointer to this object, which outlives the context's connections:
    /// each of them holds it.
    private func install(in context: OpaquePointer, _ options: TLSServerOptions) {
        let this = Unmanaged.passUnretained(self).toOpaque()
        copenssl_set_app_data(context, this)
        if contexts.count > 1 {
            copenssl_set_name_callback(
                context,
                { ssl, _, data in
                    guard let ssl, let data else { return SSL_TLSEXT_ERR_NOACK }
                    return ServerContexts.from(data).chooseCertificate(ssl)
                }, this)
        }
        if !protocols.isEmpty {
            SSL_CTX_set_alpn_select_cb(
                context,
                { _, chosen, chosenCount, offered, offeredCount, data in
                    guard let data else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                    return ServerContexts.from(data).chooseProtocol(
                        chosen, chosenCount, offered, offeredCount)
                }, this)
        }
        if options.sessionTickets {
            SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { ssl, name, iv, cipher, mac, encrypts in
                guard let ssl, let name, let iv, let cipher, let mac,
                    let data = copenssl_app_data(SSL_get_SSL_CTX(ssl))
                else { return TicketKeys.Verdict.failure.rawValue }
                let tickets = ServerContexts.from(data).tickets
                if encrypts == 1 { return tickets.seal(name, iv, cipher, mac).rawValue }
                let verdict = tickets.open(name, iv, cipher, mac)
                // Clients use a ticket of TLS 1.3 once (RFC 8446, appendix C.4): give another.
                let isSpent = verdict == .valid && SSL_version(ssl) == TLS1_3_VERSION
                return (isSpent ? .renew : verdict).rawValue
            }
        }
    }

    private static func from(_ data: UnsafeMutableRawPointer) -> ServerContexts {
        Unmanaged<ServerContexts>.fromOpaque(data).takeUnretainedValue()
    }

    /// Switches to the certificate of the name that the client asks for: one that has it in full
    /// before one with a wildcard for it.
    private func chooseCertificate(_ ssl: OpaquePointer) -> Int32 {
        guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
            return SSL_TLSEXT_ERR_NOACK
        }
        for flags in [X509_CHECK_FLAG_NO_WILDCARDS, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS] {
            for context in contexts {
                let certificate = SSL_CTX_get0_certificate(context)
                guard X509_check_host(certificate, name, 0, UInt32(flags), nil) == 1 else {
                    continue
                }
                SSL_set_SSL_CTX(ssl, context)
                return SSL_TLSEXT_ERR_OK
            }
        }
        return SSL_TLSEXT_ERR_NOACK
    }

    private func chooseProtocol(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
        _ offeredCount: UInt32
    ) -> Int32 {
        guard let chosen, let chosenCount, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        // The answer must outlive the call: it is pointed at in the client's list.
        var end = 0
        while end < protocols.count {
            let name = protocols[end...].prefix(Int(protocols[end]) + 1)
            end = name.endIndex
            var offset = 0
            while offset < Int(offeredCount) {
                let length = Int(offered[offset])
                guard offset + 1 + length <= Int(offeredCount) else { break }
                let candidate = UnsafeBufferPointer(start: offered + offset, count: length + 1)
                if name.elementsEqual(candidate) {
                    chosen.pointee = offered + offset + 1
                    chosenCount.pointee = UInt8(length)
                    return SSL_TLSEXT_ERR_OK
                }
                offset += 1 + length
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
