internal import Bytes
internal import CCurl
internal import HTTPWire
internal import Reactor

extension HTTPTransfer {
    /// Sets a handle's options for the request as it stands now.
    func configure(_ easy: CurlEasy) throws(HTTPClientError) {
        lent = LentMemory()
        var failed = CURLE_OK
        let options = core.options
        easy.reset()
        CurlCallbacks.install(in: easy, for: self, &failed)
        if let sessions = core.sessions { easy.set(CURLOPT_SHARE, sessions, &failed) }
        if failed == CURLE_OK { failed = ccurl_set_url(easy.raw, request.url.raw) }
        // No signals: other threads may run. A name that is still being looked up is not waited for
        // when its transfer ends: the thread that looks it up frees what is left by itself.
        easy.set(CURLOPT_NOSIGNAL, true, &failed)
        easy.set(CURLOPT_QUICK_EXIT, true, &failed)
        easy.set(
            CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(options.connectTimeout.inMilliseconds)), &failed)
        easy.set(CURLOPT_MAXAGE_CONN, options.idleConnectionAge.wholeSeconds, &failed)
        if let rate = options.minimumRate {
            easy.set(CURLOPT_LOW_SPEED_LIMIT, rate.bytesPerSecond, &failed)
            easy.set(CURLOPT_LOW_SPEED_TIME, rate.during.wholeSeconds, &failed)
        }
        easy.set(options.tls, &failed)
        try configureRoute(easy, &failed)
        configureMessage(easy, &failed)
        guard failed == CURLE_OK else {
            throw failed == CURLE_OUT_OF_MEMORY
                ? .outOfMemory
                : HTTPClientError(
                    .failed,
                    "libcurl refused an option: \(String(cString: curl_easy_strerror(failed)))")
        }
    }

    /// Where the connection goes.
    private func configureRoute(
        _ easy: CurlEasy, _ failed: inout CURLcode
    ) throws(HTTPClientError) {
        let options = core.options
        let (scheme, host, port) = (request.url.scheme, request.url.host, request.url.port)
        easy.set(CURLOPT_PROTOCOLS_STR, "http,https", &failed)
        let isHTTP2 = options.version == .http2IfOffered && scheme == "https"
        easy.set(
            CURLOPT_HTTP_VERSION,
            Int(isHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1), &failed)
        // Behind a proxy this is all that can be checked; without one it makes a better error.
        let target = request.connectTo?.host ?? host
        if let literal = IPAddress(target), !options.addresses.allows(literal) {
            throw Self.refusal(of: literal)
        }
        if let endpoint = request.connectTo {
            let name = endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host
            if !lent.connectTo.append("::\(name):\(endpoint.port)") { failed = CURLE_OUT_OF_MEMORY }
            easy.set(CURLOPT_CONNECT_TO, lent.connectTo, &failed)
        }
        guard let text = options.proxy.proxy(scheme: scheme, host: host, port: port) else {
            request.isProxied = false
            // An empty text keeps libcurl from asking the environment.
            easy.set(CURLOPT_PROXY, "", &failed)
            return
        }
        request.isProxied = true
        let proxy: CurlURL
        do throws(HTTPClientError) {
            proxy = try CurlURL(text.contains("://") ? text : "http://\(text)")
        } catch {
            throw HTTPClientError(.invalidRequest, "the proxy's address is malformed")
        }
        guard proxy.scheme == "http" || proxy.scheme == "https" else {
            throw HTTPClientError(
                .invalidRequest, "a proxy of scheme '\(proxy.scheme)' is not supported")
        }
        if let (user, password) = proxy.takeCredentials() {
            easy.set(CURLOPT_PROXYUSERNAME, user, &failed)
            easy.set(CURLOPT_PROXYPASSWORD, password, &failed)
        }
        easy.set(CURLOPT_PROXY, proxy.text, &failed)
        easy.set(CURLOPT_NOPROXY, "", &failed)
        // The answer to CONNECT is not the response.
        easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true, &failed)
        if let file = options.tls.trustedCertificatesFile {
            easy.set(CURLOPT_PROXY_CAINFO, file, &failed)
        }
    }

    /// Method, header fields and body.
    private func configureMessage(_ easy: CurlEasy, _ failed: inout CURLcode) {
        var sendsEmptyBody = false
        switch request.body {
        case .bytes(let bytes):
            lent.body = bytes
            easy.set(CURLOPT_POST, true, &failed)
            easy.set(CURLOPT_POSTFIELDS, bytes.unsafeBaseAddress ?? Self.nothing, &failed)
            easy.set(size: CURLOPT_POSTFIELDSIZE_LARGE, bytes.count, &failed)
        case .upload:
            easy.set(CURLOPT_UPLOAD, true, &failed)
            easy.set(size: CURLOPT_INFILESIZE_LARGE, request.upload?.length ?? -1, &failed)
            CurlCallbacks.installReader(in: easy, for: self, &failed)
            request.upload?.transfer = self
        case .none:
            switch request.method {
            case .head: easy.set(CURLOPT_NOBODY, true, &failed)
            case .post, .put, .patch: sendsEmptyBody = true
            default: break
            }
        }
        if sendsEmptyBody {
            easy.set(CURLOPT_POST, true, &failed)
            easy.set(CURLOPT_POSTFIELDS, Self.nothing, &failed)
            easy.set(size: CURLOPT_POSTFIELDSIZE_LARGE, 0, &failed)
        }
        if request.method != .head {
            easy.set(CURLOPT_CUSTOMREQUEST, request.method.name, &failed)
        }
        var isListed = true
        func list(_ line: String) { isListed = lent.fields.append(line) && isListed }
        for (name, value) in request.headers where !Self.isFraming(name) {
            // A field without a value is written so for libcurl, to which "Name:" means to leave
            // its own field out.
            list(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if request.headers["User-Agent"] == nil { list("User-Agent: \(core.options.userAgent)") }
        if request.headers["Content-Type"] == nil { list("Content-Type:") }
        if core.options.decompresses, request.headers["Accept-Encoding"] == nil {
            list("Accept-Encoding: gzip, deflate")
        }
        // Waiting for "100 Continue" costs a second with the many servers that do not know it.
        list("Expect:")
        if !isListed { failed = CURLE_OUT_OF_MEMORY }
        easy.set(CURLOPT_HTTPHEADER, lent.fields, &failed)
    }

    /// An address for a body of no bytes, which libcurl would read from the read function if it were
    /// given none.
    private static let nothingThere: StaticString = ""
    private static var nothing: UnsafeRawPointer { UnsafeRawPointer(nothingThere.utf8Start) }

    /// Fields that delimit the message or the connection, which are libcurl's.
    private static func isFraming(_ name: String) -> Bool {
        switch name.lowercased() {
        case "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
            "upgrade", "te", "trailer", "expect":
            true
        default: false
        }
    }
}

extension Duration {
    /// Whole seconds, rounded up; at least one.
    var wholeSeconds: Int {
        let (seconds, attoseconds) = components
        return max(1, Int(clamping: seconds) + (attoseconds > 0 ? 1 : 0))
    }
}
