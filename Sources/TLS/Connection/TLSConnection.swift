internal import COpenSSL
internal import Glibc
public import Reactor

/// TLS on one connection, with OpenSSL reading from the bytes that the channel received and writing
/// to the channel's output: nothing is copied between them that OpenSSL does not copy itself.
///
/// A handler finds it as ``/Reactor/Channel/filter``.
public final class TLSConnection: ChannelFilter {
    /// What a context has its connections do.
    struct Habits {
        var isServer: Bool
        var truncation: TLSTruncation
        var handshakeTimeout: Duration?
        var counters: HandshakeCounters
        var handshakeFailed: (@Sendable (String, String) -> Void)?
        /// Told of each handshake that is complete.
        var established: ((OpaquePointer) -> Void)?
    }

    /// The most plaintext that one record of TLS carries, in bytes.
    public static let recordBytesMax = 16 << 10

    /// ``recordBytesMax``.
    public var recordBytesMax: Int { Self.recordBytesMax }

    private let ssl: OpaquePointer
    private let pipe: UnsafeMutablePointer<copenssl_pipe>
    /// What OpenSSL's callbacks point to; it must live as long as the connection.
    private let owner: AnyObject
    private let habits: Habits
    private var stream: FilteredStream?
    private var timer: Timer?
    private var isEstablished = false
    private var inputHasEnded = false
    private var hasFailed = false
    private var hasReceived = false

    /// Takes over `ssl`.
    init(_ ssl: OpaquePointer, owner: AnyObject, _ habits: Habits) {
        self.ssl = ssl
        self.owner = owner
        self.habits = habits
        pipe = .allocate(capacity: 1)
        pipe.initialize(to: copenssl_pipe())
        pipe.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
        pipe.pointee.send = { owner, bytes, count in
            guard let owner else { return }
            let bytes = UnsafeRawBufferPointer(start: bytes, count: count)
            Unmanaged<TLSConnection>.fromOpaque(owner).takeUnretainedValue()
                .stream?.send(RawSpan(_unsafeBytes: bytes))
        }
        if let bio = PipeMethod.makeBIO(pipe) { SSL_set_bio(ssl, bio, bio) }
    }

    deinit {
        SSL_free(ssl)
        pipe.deallocate()
    }

    // MARK: What was agreed on

    /// The application's protocol that both ends chose (ALPN), if they did.
    public var applicationProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &bytes, &count)
        guard let bytes, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    /// The version, such as `TLSv1.3`.
    public var version: String { SSL_get_version(ssl).map { String(cString: $0) } ?? "" }

    /// Whether the handshake resumed an earlier session.
    public var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// The name of the server that the client asked for (SNI), if it did.
    public var serverName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    /// The subject of the peer's certificate, such as `CN=worker1`, if it gave one.
    public var peerSubject: String? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        _ = copenssl_print_name(bio, X509_get_subject_name(certificate))
        var text = [UInt8](repeating: 0, count: 1024)
        let count = BIO_read(bio, &text, Int32(text.count))
        return count > 0 ? String(decoding: text[..<Int(count)], as: UTF8.self) : nil
    }

    // MARK: ChannelFilter

    /// Begins the handshake.
    public func begin(_ stream: FilteredStream, on loop: isolated EventLoop) {
        self.stream = stream
        if let limit = habits.handshakeTimeout {
            timer = loop.schedule(after: limit) {
                self.timer = nil
                self.fail("took longer than \(limit)", ETIMEDOUT, stream, on: loop)
            }
        }
        if !habits.isServer { shakeHands(stream, on: loop) }
    }

    /// Goes on with the handshake, or decrypts record by record.
    public func received(
        _ bytes: RawSpan, by stream: FilteredStream, on loop: isolated EventLoop
    ) -> Int {
        guard !inputHasEnded, !hasFailed else { return bytes.byteCount }
        hasReceived = true
        return bytes.withUnsafeBytes { buffer in
            pipe.pointee.input = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            pipe.pointee.input_count = buffer.count
            defer { pipe.pointee.input_count = 0 }
            if !isEstablished { shakeHands(stream, on: loop) }
            // Asking OpenSSL once more for what cannot be there would cost it a buffer of 17 kB.
            while isEstablished, stream.canDeliver, !inputHasEnded, !hasFailed, hasInput,
                readRecord(stream, on: loop)
            {}
            // What follows the end is not for anybody.
            return inputHasEnded || hasFailed
                ? buffer.count : buffer.count - pipe.pointee.input_count
        }
    }

    /// A connection that ends without close_notify may have been cut by somebody else.
    public func inputEnded(of stream: FilteredStream, on loop: isolated EventLoop) {
        guard isEstablished else {
            let text = "the peer closed the connection during the handshake"
            return fail(text, ECONNRESET, stream, on: loop)
        }
        switch habits.truncation {
        case .isEndOfInput: stream.endInput(on: loop)
        case .isError:
            let text = "the connection ended without close_notify, its data may be cut short"
            fail(text, ECONNRESET, stream, on: loop)
        }
    }

    /// Encrypts one record.
    public func encode(_ bytes: RawSpan, for stream: FilteredStream, on loop: isolated EventLoop) {
        guard !hasFailed else { return }
        OpenSSLErrors.clear()
        let result = bytes.withUnsafeBytes {
            SSL_write(ssl, $0.baseAddress, Int32($0.count))
        }
        // The pipe takes everything, so that a record is never written in part.
        if result != Int32(bytes.byteCount) { fail(with: result, stream, on: loop) }
    }

    /// Sends close_notify.
    public func finishOutput(of stream: FilteredStream, on loop: isolated EventLoop) {
        guard !hasFailed else { return }
        OpenSSLErrors.clear()
        // 0: sent, and the peer's has not come.
        if SSL_shutdown(ssl) < 0 { OpenSSLErrors.clear() }
    }

    /// Lets go of the stream.
    public func closed(on loop: isolated EventLoop) {
        if !isEstablished, !hasFailed {
            hasFailed = true
            habits.counters.fail()
        }
        if let timer = timer.take() { loop.cancel(timer) }
        stream = nil
    }

    // MARK: Steps

    private func shakeHands(_ stream: FilteredStream, on loop: isolated EventLoop) {
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else { return fail(with: result, stream, on: loop) }
        isEstablished = true
        if let timer = timer.take() { loop.cancel(timer) }
        habits.counters.complete(resumed: isResumed)
        habits.established?(ssl)
        stream.established(on: loop)
    }

    /// Whether there is anything to be decrypted.
    private var hasInput: Bool { pipe.pointee.input_count > 0 || SSL_has_pending(ssl) == 1 }

    /// Decrypts a record and delivers it; `false` when no whole record is there.
    private func readRecord(_ stream: FilteredStream, on loop: isolated EventLoop) -> Bool {
        stream.withScratch(Self.recordBytesMax, on: loop) { scratch in
            OpenSSLErrors.clear()
            let result = SSL_read(ssl, scratch.baseAddress, Int32(Self.recordBytesMax))
            guard result > 0 else {
                fail(with: result, stream, on: loop)
                return false
            }
            let plain = UnsafeRawBufferPointer(rebasing: scratch[..<Int(result)])
            stream.deliver(RawSpan(_unsafeBytes: plain), on: loop)
            return true
        }
    }

    /// What follows from a call that has not gone through.
    private func fail(
        with result: Int32, _ stream: FilteredStream, on loop: isolated EventLoop
    ) {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN:
            guard isEstablished else {
                let text = "the peer closed the connection during the handshake"
                return fail(text, ECONNRESET, stream, on: loop)
            }
            inputHasEnded = true
            stream.endInput(on: loop)
        default: fail(FailureText.make(ssl, isServer: habits.isServer), EPROTO, stream, on: loop)
        }
    }

    private func fail(
        _ text: String, _ code: Int32, _ stream: FilteredStream, on loop: isolated EventLoop
    ) {
        guard !hasFailed else { return }
        hasFailed = true
        if let timer = timer.take() { loop.cancel(timer) }
        let call = isEstablished ? "TLS" : "TLS handshake"
        if !isEstablished {
            habits.counters.fail()
            if hasReceived || code == ETIMEDOUT, let handshakeFailed = habits.handshakeFailed {
                let peer = stream.channel.remoteAddress.map { "\($0)" } ?? "a peer without address"
                handshakeFailed(peer, text)
            }
        }
        stream.fail(SystemError(call, code: code, detail: text), on: loop)
    }
}

/// The kind of BIO that our connections use.
private enum PipeMethod {
    // Made once, never changed and never freed: any thread may read it.
    private nonisolated(unsafe) static let method = copenssl_pipe_method()

    static func makeBIO(_ pipe: UnsafeMutablePointer<copenssl_pipe>) -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, pipe)
        return bio
    }
}
