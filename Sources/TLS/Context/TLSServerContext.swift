internal import COpenSSL
public import Reactor
internal import Synchronization

/// The TLS of a server: certificates, versions, tickets. Given to listeners as
/// ``/Reactor/ListenerOptions/security``; one context may serve any number of listeners and loops.
///
/// ```swift
/// let tls = try TLSServerContext(certificates: [.files(chain: "cert.pem", key: "key.pem")])
/// try server.listen(on: address, options: ListenerOptions(security: tls), loop)
/// ```
public final class TLSServerContext: ChannelSecurity {
    private let certificates: [TLSCertificate]
    private let options: TLSServerOptions
    private let tickets: TicketKeys
    private let current: Mutex<ServerContexts>
    private let counters = HandshakeCounters()

    /// A context with the given certificates. Clients that name a server (SNI) get the certificate
    /// with that name, exact or by a wildcard; the first is for everyone else.
    ///
    /// Throws what is wrong with which file. Blocks while it reads files.
    public init(
        certificates: [TLSCertificate], options: TLSServerOptions = TLSServerOptions()
    ) throws(TLSError) {
        let seconds = max(1, options.ticketKeyLifetime.components.seconds)
        let tickets = TicketKeys(interval: Int(seconds))
        let contexts = try ServerContexts(certificates, options, tickets)
        self.certificates = certificates
        self.options = options
        self.tickets = tickets
        current = Mutex(contexts)
    }

    /// Reads the certificates' files anew. Connections that come from now on use them; if something
    /// is wrong with them it throws, and everything stays as it was. Blocks while it reads files.
    public func reload() throws(TLSError) {
        let contexts = try ServerContexts(certificates, options, tickets)
        current.withLock { $0 = contexts }
    }

    /// Changes the key of session tickets now, as happens by itself in time.
    public func rotateTicketKey() { tickets.rotate() }

    /// What has come of handshakes so far.
    public var statistics: TLSStatistics { counters.statistics }

    /// The filter of an accepted connection.
    public func makeFilter(on loop: isolated EventLoop) throws(SystemError) -> any ChannelFilter {
        let contexts = current.withLock { $0 }
        OpenSSLErrors.clear()
        guard let ssl = contexts.makeConnection() else { throw .outOfMemory }
        SSL_set_accept_state(ssl)
        return TLSConnection(
            ssl, owner: contexts,
            TLSConnection.Habits(
                isServer: true, truncation: options.truncation,
                handshakeTimeout: options.handshakeTimeout, counters: counters,
                handshakeFailed: options.handshakeFailed, established: nil))
    }
}

/// Counts handshakes on any number of loops.
final class HandshakeCounters: Sendable {
    private let completed = Atomic(0)
    private let resumed = Atomic(0)
    private let failed = Atomic(0)

    func complete(resumed isResumed: Bool) {
        completed.add(1, ordering: .relaxed)
        if isResumed { resumed.add(1, ordering: .relaxed) }
    }

    func fail() { failed.add(1, ordering: .relaxed) }

    var statistics: TLSStatistics {
        TLSStatistics(
            completed: completed.load(ordering: .relaxed),
            resumed: resumed.load(ordering: .relaxed), failed: failed.load(ordering: .relaxed))
    }
}
